// 16-bit floats in generated code: conversions over every pattern, and no call into a run-time
// library on any architecture.
#include <gmock/gmock.h>

#include <limits>

#include "absl/strings/str_cat.h"
#include "compiler/loop/text.h"
#include "tests/targets/compiled_kernel.h"

namespace tilewright {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr int64_t kPatterns = 65536;

// out[i] = cast(in[i]), in lanes or one by one.
Program Conversion(DType from, DType to, LoopKind kind) {
  const Buffer in = MakeBuffer("in", from, {kPatterns / 32, 32});
  const Buffer out = MakeBuffer("out", to, in->shape);
  const Expr r = Var("r"), l = Var("l");
  return {.name = absl::StrCat("convert_", NameOf(from).data(), "_", NameOf(to).data(),
                               kind == LoopKind::kSerial ? "_serial" : ""),
          .params = {in, out},
          .body = For(r, kPatterns / 32, LoopKind::kSerial,
                      For(l, 32, kind, Store(out, {r, l}, Cast(Load(in, {r, l}), to))))};
}

// Every pattern of a 16-bit float; of float32 the values around those and around the middles
// between them, and other patterns at random.
Tensor Patterns(const TensorType& type) {
  Tensor tensor(type);
  Rng rng(7);
  for (uint32_t i = 0; i < kPatterns; ++i) {
    if (SizeOf(type.dtype) == 2) {
      tensor.as<uint16_t>()[i] = static_cast<uint16_t>(i);
    } else if (i % 2 == 0) {
      tensor.as<uint32_t>()[i] = static_cast<uint32_t>(rng.Next());
    } else {
      const float value = Float16ToFloat(static_cast<uint16_t>(rng.Next()));
      const uint32_t nudge = static_cast<uint32_t>(rng.Below(3)) - 1 + (i % 4 == 1 ? 0x1000 : 0);
      tensor.as<uint32_t>()[i] = std::bit_cast<uint32_t>(value) + nudge;
    }
  }
  return tensor;
}

void ExpectConversionsAgree(const Target& target) {
  std::vector<Program> programs;
  for (DType narrow : {DType::kF16, DType::kBF16}) {
    for (LoopKind kind : {LoopKind::kSerial, LoopKind::kVectorized}) {
      programs.push_back(Conversion(narrow, DType::kF32, kind));
      programs.push_back(Conversion(DType::kF32, narrow, kind));
    }
  }
  const auto so = (*FindTarget("cpu"))->CompileLibrary(programs, target, {});
  ASSERT_TRUE(so.ok()) << so.status();
  for (const Program& program : programs) {
    SCOPED_TRACE(program.name);
    std::vector<Tensor> args = {Patterns({program.params[0]->dtype, program.params[0]->shape}),
                                Tensor({program.params[1]->dtype, program.params[1]->shape})};
    ExpectAsInterpreted(*so, program, args, 0);
  }
}

TEST(NarrowFloats, ConvertEveryPatternAsTheInterpreterDoes) {
  ExpectConversionsAgree(HostTarget());
}

TEST(NarrowFloats, ConvertAlikeWithoutInstructionsForIt) {
  const absl::StatusOr<Target> plain = ResolveTarget(Target{.mcpu = "x86-64"});
  if (!plain.ok()) GTEST_SKIP() << "this machine is no x86-64: " << plain.status();
  ExpectConversionsAgree(*plain);
}

// Casts and sums where a CPU may lack instructions: of 16-bit floats and of uint64, in lanes and
// not.
std::vector<Program> CastsAmongAll() {
  constexpr DType kAll[] = {DType::kF32, DType::kF64, DType::kF16, DType::kBF16, DType::kI64,
                            DType::kI32, DType::kI16, DType::kI8,  DType::kU64,  DType::kU32,
                            DType::kU16, DType::kU8,  DType::kBool};
  std::vector<Program> programs;
  for (DType from : kAll) {
    for (DType to : kAll) {
      const bool narrow = IsNarrowFloat(from) || IsNarrowFloat(to);
      if (from == to || !(narrow || from == DType::kU64 || to == DType::kU64)) continue;
      const Buffer in = MakeBuffer("in", from, {2, 16}), out = MakeBuffer("out", to, {2, 16});
      const Expr r = Var("r"), l = Var("l"), s = Var("s");
      const auto copy = [&](const Expr& row, const Expr& lane) {
        Expr value = Cast(Load(in, {row, lane}), to);
        return Store(out, {row, lane}, to == DType::kBool ? value : value + value);
      };
      programs.push_back({.name = absl::StrCat("k", programs.size()),
                          .params = {in, out},
                          .body = Seq({For(s, 16, LoopKind::kSerial, copy(Int(0), s)),
                                       For(l, 16, LoopKind::kVectorized, copy(Int(1), l))})});
    }
  }
  return programs;
}

TEST(NarrowFloats, NeedNoRuntimeLibraryOnAnyArchitecture) {
  for (const char* text :
       {"cpu", "cpu -mcpu=x86-64", "cpu -mcpu=haswell", "cpu -mcpu=sapphirerapids",
        "cpu -mtriple=aarch64-linux-gnu -mcpu=cortex-a72",
        "cpu -mtriple=aarch64-linux-gnu -mcpu=neoverse-v1",
        "cpu -mtriple=riscv64-linux-gnu -mcpu=sifive-u74",
        "cpu -mtriple=riscv64-linux-gnu -mcpu=sifive-x280"}) {
    SCOPED_TRACE(text);
    const absl::StatusOr<Target> target = ResolveTarget(ParseTarget(text).value());
    ASSERT_TRUE(target.ok()) << target.status();
    std::string assembly;
    const auto so =
        (*FindTarget("cpu"))->CompileLibrary(CastsAmongAll(), *target, {.assembly = &assembly});
    ASSERT_TRUE(so.ok()) << so.status();
    for (const char* call :
         {"__trunc", "__extend", "__gnu_", "__float", "__fix", "__mul", "__div"}) {
      EXPECT_THAT(assembly, Not(HasSubstr(call)));
    }
  }
}

TEST(NarrowFloats, AreConvertedByInstructionsWhereThereAreSome) {
  std::string assembly;
  const Target haswell = *ResolveTarget(Target{.mcpu = "haswell"});
  const std::vector<Program> programs = {
      Conversion(DType::kF16, DType::kF32, LoopKind::kVectorized)};
  ASSERT_TRUE(
      (*FindTarget("cpu"))->CompileLibrary(programs, haswell, {.assembly = &assembly}).ok());
  EXPECT_THAT(assembly, HasSubstr("vcvtph2ps"));
}

}  // namespace
}  // namespace tilewright
