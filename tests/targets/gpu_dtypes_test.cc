// Element types in GPU kernels: operators, calls and casts on a device (PoCL) against the
// interpreter, and the same text through NVRTC where it is.
#include <gtest/gtest.h>

#include <cmath>

#include "absl/strings/str_cat.h"
#include "compiler/loop/interpret.h"
#include "compiler/loop/threads.h"
#include "compiler/targets/support/gpu_text.h"
#include "runtime/device/device.h"
#include "tests/targets/by_nvrtc.h"
#include "tests/targets/compiled_kernel.h"

namespace tilewright {
namespace {

constexpr DType kAll[] = {DType::kF32, DType::kF64, DType::kF16, DType::kBF16, DType::kI64,
                          DType::kI32, DType::kI16, DType::kI8,  DType::kU64,  DType::kU32,
                          DType::kU16, DType::kU8,  DType::kBool};
constexpr int64_t kThreads = 16;

// What is computed of two elements of one type.
std::vector<Expr> Functions(const Expr& a, const Expr& b) {
  const DType dtype = a->dtype;
  std::vector<Expr> results;
  for (DType to : kAll) results.push_back(Cast(a, to));
  if (dtype == DType::kBool) return results;
  for (BinaryOp op : {BinaryOp::kAdd, BinaryOp::kSub, BinaryOp::kMul, BinaryOp::kDiv,
                      BinaryOp::kMin, BinaryOp::kMax, BinaryOp::kLt, BinaryOp::kEq}) {
    results.push_back(Binary(op, a, b));
  }
  for (const char* name : {"abs", "neg", "sign"}) results.push_back(Call(name, {a}, dtype));
  if (IsFloat(dtype)) {
    results.push_back(Call("exp", {a}, dtype));
    results.push_back(Call("round", {a}, dtype) + Const(0.1, dtype));
    return results;
  }
  for (const char* name : {"shl", "shr"}) results.push_back(Call(name, {a, b}, dtype));
  for (BinaryOp op : {BinaryOp::kMod, BinaryOp::kAnd, BinaryOp::kOr, BinaryOp::kXor}) {
    results.push_back(Binary(op, a, b));
  }
  results.push_back(Int(-1, dtype) * a);
  return results;
}

// out[f, i] = function f of a[i] and b[i], stored once in its own type.
Program AllFunctions(DType dtype) {
  const Buffer a = MakeBuffer("a", dtype, {kThreads}), b = MakeBuffer("b", dtype, {kThreads});
  const Expr i = Var("i");
  const std::vector<Expr> functions = Functions(Load(a, {i}), Load(b, {i}));
  const Buffer out =
      MakeBuffer("out", DType::kF64, {static_cast<int64_t>(functions.size()), kThreads});
  std::vector<Stmt> body;
  for (size_t f = 0; f < functions.size(); ++f) {
    const Buffer cell =
        MakeBuffer(absl::StrCat("cell", f), functions[f]->dtype, {1}, Scope::kStack);
    const Expr at = Int(static_cast<int64_t>(f));
    body.push_back(
        Alloc(cell, Seq({Store(cell, {Int(0)}, functions[f]),
                         Store(out, {at, i}, Cast(Load(cell, {Int(0)}), DType::kF64))})));
  }
  return {.name = absl::StrCat("all_", NameOf(dtype).data()),
          .params = {a, b, out},
          .body = For(i, kThreads, ThreadAxis::kThreadX, Seq(std::move(body)))};
}

std::vector<Program> Programs() {
  std::vector<Program> programs;
  for (DType dtype : kAll) programs.push_back(AllFunctions(dtype));
  return programs;
}

void RunOnDevice(runtime::Device& device, runtime::DeviceModule& module, const Program& program,
                 std::vector<Tensor>& args) {
  const Launch launch = LaunchOf(program);
  std::vector<std::unique_ptr<runtime::DeviceBuffer>> buffers;
  std::vector<runtime::DeviceBuffer*> operands;
  for (Tensor& tensor : args) {
    buffers.push_back(device.Allocate(tensor.bytes()));
    operands.push_back(buffers.back().get());
    device.Upload(*operands.back(), tensor.data(), tensor.bytes());
  }
  const auto kernel = module.Find(program.name);
  ASSERT_NE(kernel, nullptr);
  device.Launch(*kernel, operands, launch.grid, launch.block);
  device.Download(args.back().data(), *operands.back(), args.back().bytes());
}

TEST(GpuDTypes, ComputeOnADeviceWhatTheInterpreterDoes) {
  const std::unique_ptr<runtime::Device> device = runtime::OpenDevice("opencl:0");
  const std::vector<Program> programs = Programs();
  const auto module = device->Load(ModuleText(programs, *runtime::FindDeviceKind("opencl")));
  Rng rng(11);
  for (const Program& program : programs) {
    SCOPED_TRACE(program.name);
    ASSERT_TRUE(Verify(program).ok()) << Verify(program);
    std::vector<Tensor> args = RandomArguments(program, rng), want = CopyOf(args);
    ASSERT_TRUE(Interpret(program, want).ok());
    RunOnDevice(*device, *module, program, args);
    const bool wide = program.params[0]->dtype == DType::kF64;
    ExpectClose(args.back(), want.back(), wide ? 1e-12 : 1e-6);
    if (HasFatalFailure()) return;
  }
}

TEST(GpuDTypes, CompileForCudaOrTheCompilerIsNamedAsMissing) {
  const absl::StatusOr<std::string> code =
      FindTarget("cuda").value()->CompileLibrary(Programs(), {.kind = "cuda", .mcpu = "sm_80"}, {});
  IsBuilt(code.status());
}

}  // namespace
}  // namespace tilewright
