// What every tile instruction must do, from its description alone: the interpreter and the emulator
// compute what it defines, bit for bit; and one file is all of one: movmatrix.cc is in this
// program's catalogue, and nothing else knows of it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <set>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "base/rng.h"
#include "compiler/loop/interpret.h"
#include "compiler/loop/text.h"
#include "compiler/loop/threads.h"
#include "compiler/loop/tile.h"
#include "compiler/loop/verify.h"
#include "compiler/targets/support/gpu_text.h"
#include "compiler/targets/target_backend.h"
#include "runtime/device/emulator_device.h"
#include "runtime/device/host_compiler.h"
#include "tests/paths.h"
#include "tests/targets/by_nvrtc.h"
#include "tests/targets/tile_program.h"

namespace tilewright {
namespace {

using testing::HasSubstr;

constexpr uint64_t kSeed = 21;

std::string FamilyOf(const TileOp& op) { return op.name.substr(0, op.name.find('_')); }

std::vector<const TileOp*> OpsOf(const std::string& family) {
  std::vector<const TileOp*> ops;
  for (const TileOp& op : TileOps()) {
    if (FamilyOf(op) == family) ops.push_back(&op);
  }
  return ops;
}

std::set<std::string> Families() {
  std::set<std::string> families;
  for (const TileOp& op : TileOps()) families.insert(FamilyOf(op));
  return families;
}

Tensor TensorOf(const Buffer& param) {
  return Tensor(TensorType{.dtype = param->dtype, .shape = param->shape});
}

// Small integers, whose sums are exact in any order; or fractions.
std::vector<Tensor> RandomArguments(const Program& program, bool integers, Rng& rng) {
  std::vector<Tensor> args;
  for (const Buffer& param : program.params) {
    args.push_back(TensorOf(param));
    for (int64_t i = 0; i < args.back().size(); ++i) {
      const bool whole = integers || !IsFloat(param->dtype);
      args.back().Set(i, whole ? static_cast<double>(rng.Below(9)) - 4 : rng.Uniform(-2, 2));
    }
  }
  return args;
}

// Where element i of an argument lies in its operand's matrix.
MatrixPlace PlaceOfElement(const TileOperand& operand, int64_t i) {
  const int64_t row = i / operand.elements, element = i % operand.elements;
  if (operand.scope == Scope::kShared) return {row, element};
  return operand.place(operand, row, element);
}

Tensor Defined(const TileOp& op, const std::vector<Tensor>& args) {
  std::vector<TileMatrix> matrices;
  for (size_t o = 0; o < op.operands.size(); ++o) {
    const TileOperand& operand = op.operands[o];
    TileMatrix matrix{.rows = operand.rows, .columns = operand.columns};
    matrix.elements.resize(static_cast<size_t>(operand.rows * operand.columns));
    for (int64_t i = 0; i < args[o].size(); ++i) {
      const MatrixPlace at = PlaceOfElement(operand, i);
      matrix.At(at.row, at.column) = args[o].AsDouble(i);
    }
    matrices.push_back(std::move(matrix));
  }
  op.compute(matrices);
  Tensor out(args.back().type());
  for (int64_t i = 0; i < out.size(); ++i) {
    const MatrixPlace at = PlaceOfElement(op.operands[0], i);
    out.Set(i, matrices[0].At(at.row, at.column));
  }
  return out;
}

bool SameBytes(const Tensor& a, const Tensor& b) {
  return a.bytes() == b.bytes() &&
         std::memcmp(a.data(), b.data(), static_cast<size_t>(a.bytes())) == 0;
}

// A family's programs on the emulator.
class EmulatedPrograms {
 public:
  explicit EmulatedPrograms(const std::vector<Program>& programs)
      : device_(runtime::OpenEmulator(kSeed)),
        module_(device_->Load(
            runtime::CompileOnHost(ModuleText(programs, *runtime::FindDeviceKind("emu"))))) {}

  Tensor Run(const Program& program, const std::vector<Tensor>& args) {
    std::vector<std::unique_ptr<runtime::DeviceBuffer>> buffers;
    std::vector<runtime::DeviceBuffer*> operands;
    for (const Tensor& arg : args) {
      const auto bytes = static_cast<size_t>(arg.bytes());
      buffers.push_back(device_->Allocate(bytes));
      operands.push_back(buffers.back().get());
      if (operands.size() < args.size()) device_->Upload(*operands.back(), arg.data(), bytes);
    }
    const Launch launch = LaunchOf(program);
    device_->Launch(*module_->Find(program.name), operands, launch.grid, launch.block);
    Tensor out(args.back().type());
    device_->Download(out.data(), *operands.back(), static_cast<size_t>(out.bytes()));
    return out;
  }

 private:
  std::unique_ptr<runtime::EmulatedDevice> device_;
  std::unique_ptr<runtime::DeviceModule> module_;
};

std::vector<Program> ProgramsOf(const std::vector<const TileOp*>& ops) {
  std::vector<Program> programs;
  for (const TileOp* op : ops) programs.push_back(TileProgram(*op, "run_" + op->name));
  return programs;
}

class TileFamilies : public testing::TestWithParam<std::string> {};

TEST_P(TileFamilies, ComputeInTheInterpreterAndTheEmulatorWhatTheyDefine) {
  const std::vector<const TileOp*> ops = OpsOf(GetParam());
  const std::vector<Program> programs = ProgramsOf(ops);
  EmulatedPrograms emulated(programs);
  Rng rng(kSeed);
  for (size_t i = 0; i < ops.size(); ++i) {
    SCOPED_TRACE(absl::StrCat(ops[i]->name, " seed ", kSeed));
    ASSERT_TRUE(Verify(programs[i]).ok()) << Verify(programs[i]);
    EXPECT_EQ(Print(ParseProgram(Print(programs[i])).value()), Print(programs[i]));
    // A warpgroup's steps round their sums, so that only integers are the same.
    const bool rounds = UserOf(*ops[i]).threads == TileThreads::kWarp;
    for (const bool integers : {true, !rounds}) {
      std::vector<Tensor> args = RandomArguments(programs[i], integers, rng);
      const Tensor want = Defined(UserOf(*ops[i]), args);
      EXPECT_TRUE(SameBytes(emulated.Run(programs[i], args), want));
      ASSERT_TRUE(Interpret(programs[i], args).ok()) << Interpret(programs[i], args);
      EXPECT_TRUE(SameBytes(args.back(), want));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Of, TileFamilies, testing::ValuesIn(Families()),
                         [](const auto& info) { return info.param; });

TEST(TileFunctions, AreWrittenAsTheGoldenText) {
  for (const char* name : {"ldmatrix_x2_trans_bf16", "mma_m16n8k32_i8", "mma_m16n8k8_tf32",
                           "tma_load_i8", "wgmma_m64n32_f16", "wgmma_m64n64_trans_bf16"}) {
    std::ifstream file(absl::StrCat(TILEWRIGHT_SOURCE_DIR, "/tests/golden/tiles/", name, ".cu"));
    std::stringstream golden;
    golden << file.rdbuf();
    EXPECT_EQ(FindTileOp(name)->cuda, golden.str());
  }
}

TEST(TileFunctions, OfTwoFilesHaveDifferentNames) {
  std::set<std::string> names;
  for (const TileOp& op : TileOps()) EXPECT_TRUE(names.insert(op.name).second) << op.name;
}

TEST(ATileInstruction, IsOneFile) {
  EXPECT_THAT(Families(), testing::IsSupersetOf({"ldmatrix", "mma", "movmatrix", "tma", "wgmma"}));
  const Program program = TileProgram(*FindTileOp("movmatrix_trans_f16"), "moves");
  std::vector<Tensor> args;
  for (const Buffer& param : program.params) args.push_back(TensorOf(param));
  for (int64_t i = 0; i < 64; ++i) args[1].Set(i, static_cast<double>(i));
  ASSERT_TRUE(Interpret(program, args).ok());
  for (int64_t i = 0; i < 64; ++i) EXPECT_EQ(args[2].AsDouble(i), i % 8 * 8 + i / 8);
  std::string text = Print(program);
  text.replace(text.find("r0[0], r1[0]"), 12, "r0[0], r1[1]");
  EXPECT_THAT(Verify(ParseProgram(text).value()).message(), HasSubstr("outside 0..1"));
}

TEST(ATileInstruction, IsBuiltForArchitecturesThatHaveIt) {
  const std::vector<Program> programs = {TileProgram(*FindTileOp("movmatrix_trans_f16"), "moves")};
  const auto built = [&](const char* target, std::string* ptx) {
    const Target resolved = ParseTarget(target).value();
    return FindTarget(resolved.kind)
        .value()
        ->CompileLibrary(programs, resolved, {.assembly = ptx})
        .status();
  };
  std::string ptx;
  EXPECT_THAT(built("cuda -arch=sm_70", &ptx).message(),
              HasSubstr("sm_70 has no movmatrix_trans_f16, which needs sm_75"));
  EXPECT_THAT(built("opencl", &ptx).message(), HasSubstr("opencl has no movmatrix"));
  if (IsBuilt(built("cuda -arch=sm_75", &ptx))) {
    EXPECT_THAT(ptx, HasSubstr("movmatrix.sync.aligned.m8n8.trans.b16"));
  }
}

}  // namespace
}  // namespace tilewright
