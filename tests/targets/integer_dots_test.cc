// The integer dot products of two and of four: exact at every length, added or not, and by the
// instructions that CPUs have for them.
#include <gmock/gmock.h>

#include "absl/strings/str_cat.h"
#include "compiler/core/byte_dots.h"
#include "tests/targets/compiled_kernel.h"

namespace tilewright {
namespace {

using testing::HasSubstr;
using testing::Not;

// out[l] = sums[l] + dot(x[l], y[l]), or the dot alone.
Program DotProgram(const std::string& dot, int64_t lanes, LoopKind kind, bool adds) {
  const Expr l = Var("l");
  Program program{.name = absl::StrCat(dot, adds ? "_added" : "")};
  for (const char* name : {"sums", "x", "y", "out"}) {
    program.params.push_back(MakeBuffer(name, DType::kI32, {lanes}));
  }
  Expr value = Call(dot, {Load(program.params[1], {l}), Load(program.params[2], {l})}, DType::kI32);
  if (adds) value = Load(program.params[0], {l}) + value;
  program.body = For(l, lanes, kind, Store(program.params[3], {l}, value));
  return program;
}

std::vector<Program> DotPrograms(int64_t lanes, LoopKind kind) {
  std::vector<Program> programs;
  for (const char* dot : {"dot2", "dot4"}) {
    for (bool adds : {false, true}) programs.push_back(DotProgram(dot, lanes, kind, adds));
  }
  return programs;
}

// Every bit random, and words of the extremes, whose pairs an instruction that saturates loses.
std::vector<Tensor> Words(const Program& program, Rng& rng) {
  std::vector<Tensor> arguments;
  constexpr uint32_t kExtremes[] = {0xffffffff, 0x80808080, 0x7f7f7f7f, 0, 0x80008000, 0x7fff7fff};
  for (const Buffer& buffer : program.params) {
    Tensor tensor({DType::kI32, buffer->shape});
    for (int64_t i = 0; i < tensor.size(); ++i) {
      const auto word = static_cast<uint32_t>(rng.Below(uint64_t{1} << 32));
      const bool extreme = rng.Below(2) == 0;
      tensor.as<int32_t>()[i] = static_cast<int32_t>(extreme ? kExtremes[rng.Below(6)] : word);
    }
    arguments.push_back(std::move(tensor));
  }
  return arguments;
}

TEST(IntegerDots, AreExactAtEveryLength) {
  for (const auto& [lanes, kind] :
       {std::pair{64, LoopKind::kSerial}, {4, LoopKind::kVectorized}, {7, LoopKind::kVectorized},
        {16, LoopKind::kVectorized}, {64, LoopKind::kVectorized}, {100, LoopKind::kVectorized}}) {
    const std::vector<Program> programs = DotPrograms(lanes, kind);
    const auto so = CompileForHost(programs);
    ASSERT_TRUE(so.ok()) << so.status();
    for (const Program& program : programs) {
      for (const uint64_t seed : {1, 2, 3, 4}) {
        SCOPED_TRACE(absl::StrCat(program.name, " of ", lanes, " lanes, seed ", seed));
        Rng rng(seed);
        ExpectAsInterpreted(*so, program, Words(program, rng), 0);
      }
    }
  }
}

std::string AssemblyOf(const std::string& target, const std::string& dot) {
  std::string assembly;
  const Program program = DotProgram(dot, 64, LoopKind::kVectorized, true);
  const auto so =
      CompileForCpu(ParseTarget(target).value(), {program}, {.assembly = &assembly});
  EXPECT_TRUE(so.ok()) << so.status();
  return assembly;
}

TEST(IntegerDots, AreTheInstructionsOfTheirCpus) {
  EXPECT_THAT(AssemblyOf("cpu -mcpu=haswell", "dot2"), HasSubstr("vpmaddwd"));
  EXPECT_THAT(AssemblyOf("cpu -mcpu=znver4", "dot2"), HasSubstr("vpdpwssd"));
  EXPECT_THAT(AssemblyOf("cpu -mcpu=haswell", "dot4"), Not(HasSubstr("vpmaddubsw")));
}

// What templates are told by name is what the code generator finds in LLVM's features.
TEST(IntegerDots, OfBytesAreWhereTemplatesExpectThem) {
  int with = 0;
  for (const char* cpu : {"haswell", "znver3", "skylake-avx512", "cascadelake", "icelake-server",
                          "alderlake", "sierraforest", "znver4", "znver5", "arrowlake-s"}) {
    const std::string target = absl::StrCat("cpu -mtriple=x86_64-linux-gnu -mcpu=", cpu);
    const bool has = HasByteDots(ParseTarget(target).value());
    with += has ? 1 : 0;
    EXPECT_EQ(AssemblyOf(target, "dot4").find("vpdpbusd") != std::string::npos, has) << cpu;
  }
  for (const char* cpu : {"cortex-a72", "neoverse-n1", "neoverse-v1", "neoverse-n2", "cortex-x3",
                          "ampere1a", "apple-m2"}) {
    const std::string target = absl::StrCat("cpu -mtriple=aarch64-linux-gnu -mcpu=", cpu);
    const bool has = HasByteDots(ParseTarget(target).value());
    with += has ? 1 : 0;
    EXPECT_EQ(AssemblyOf(target, "dot4").find("usdot") != std::string::npos, has) << cpu;
  }
  EXPECT_EQ(with, 12);
}

TEST(IntegerDots, OfBytesFollowTheFeaturesNamed) {
  for (const auto& [target, has] :
       {std::pair{"cpu -mtriple=x86_64-linux-gnu -mcpu=haswell -mattr=+avxvnni", true},
        {"cpu -mtriple=x86_64-linux-gnu -mcpu=znver4 -mattr=-avx512vnni", false},
        {"cpu -mtriple=x86_64-linux-gnu -mcpu=znver4 -mattr=-avx512f", false},
        {"cpu -mtriple=aarch64-linux-gnu -mcpu=cortex-a72 -mattr=+i8mm", true}}) {
    EXPECT_EQ(HasByteDots(ParseTarget(target).value()), has) << target;
    const std::string assembly = AssemblyOf(target, "dot4");
    const bool found = assembly.find("vpdpbusd") != std::string::npos ||
                       assembly.find("usdot") != std::string::npos;
    EXPECT_EQ(found, has) << target;
  }
}

}  // namespace
}  // namespace tilewright
