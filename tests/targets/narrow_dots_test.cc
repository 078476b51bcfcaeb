// The dot products of narrow numbers: right at every length, added or not, of integers exactly, and
// by the instructions that CPUs have for them.
#include "compiler/core/narrow_dots.h"

#include <gmock/gmock.h>

#include "absl/strings/str_cat.h"
#include "base/narrow_float.h"
#include "tests/targets/compiled_kernel.h"

namespace tilewright {
namespace {

using testing::HasSubstr;
using testing::Not;

// out[l] = sums[l] + dot(x[l], y[l]), or the dot alone.
Program DotProgram(const std::string& dot, int64_t lanes, LoopKind kind, bool adds) {
  const Expr l = Var("l");
  Program program{.name = absl::StrCat(dot, adds ? "_added" : "")};
  const DType sum = dot == "dot2_bf16" ? DType::kF32 : DType::kI32;
  for (const char* name : {"sums", "x", "y", "out"}) {
    const bool word = program.params.size() == 1 || program.params.size() == 2;
    program.params.push_back(MakeBuffer(name, word ? DType::kI32 : sum, {lanes}));
  }
  Expr value = Call(dot, {Load(program.params[1], {l}), Load(program.params[2], {l})}, sum);
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
  for (const auto& [lanes, kind] : {std::pair{64, LoopKind::kSerial},
                                    {4, LoopKind::kVectorized},
                                    {7, LoopKind::kVectorized},
                                    {16, LoopKind::kVectorized},
                                    {64, LoopKind::kVectorized},
                                    {100, LoopKind::kVectorized}}) {
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

// out[l] = pair(x[l], x[l + lanes])
Program PairProgram(int64_t lanes, LoopKind kind) {
  const Expr l = Var("l");
  const Buffer x = MakeBuffer("x", DType::kBF16, {2 * lanes});
  const Buffer out = MakeBuffer("out", DType::kI32, {lanes});
  const Expr word = Call("pair", {Load(x, {l}), Load(x, {l + lanes})}, DType::kI32);
  return {.name = "pairs", .params = {x, out}, .body = For(l, lanes, kind, Store(out, {l}, word))};
}

uint32_t RandomBFloat16(Rng& rng) {
  return FloatToBFloat16(static_cast<float>(rng.Uniform(-2, 2)));
}

TEST(BFloat16Dots, AddBothProductsAtEveryLength) {
  for (const auto& [lanes, kind] : {std::pair{64, LoopKind::kSerial},
                                    {4, LoopKind::kVectorized},
                                    {7, LoopKind::kVectorized},
                                    {16, LoopKind::kVectorized},
                                    {64, LoopKind::kVectorized},
                                    {100, LoopKind::kVectorized}}) {
    for (bool adds : {false, true}) {
      SCOPED_TRACE(absl::StrCat(lanes, " lanes, added: ", adds));
      const Program program = DotProgram("dot2_bf16", lanes, kind, adds);
      const auto so = CompileForHost({program});
      ASSERT_TRUE(so.ok()) << so.status();
      Rng rng(5);
      std::vector<Tensor> args = RandomArguments(program, rng);
      for (const size_t word : {1, 2}) {
        for (int64_t i = 0; i < lanes; ++i) {
          const uint32_t bits = RandomBFloat16(rng) | RandomBFloat16(rng) << 16;
          args[word].as<int32_t>()[i] = static_cast<int32_t>(bits);
        }
      }
      ExpectAsInterpreted(*so, program, std::move(args), 1e-6);
    }
  }
}

TEST(BFloat16Dots, PairsKeepTheBitsOfBoth) {
  for (const auto& [lanes, kind] : {std::pair{5, LoopKind::kSerial}, {48, LoopKind::kVectorized}}) {
    const Program program = PairProgram(lanes, kind);
    const auto so = CompileForHost({program});
    ASSERT_TRUE(so.ok()) << so.status();
    Rng rng(6);
    ExpectAsInterpreted(*so, program, RandomArguments(program, rng), 0);
  }
}

// out[l] = dot4(the bytes x[l], x[l + step], x[l + 2 * step] and x[l + 3 * step], less the last
// where it is outside, y[l]).
Program ByteWords(int64_t lanes, LoopKind kind, int64_t step, bool last) {
  const Expr l = Var("l"), mask = Int(255, DType::kI32);
  const Buffer x = MakeBuffer("x", DType::kU8, {lanes + 3 * step});
  const Buffer y = MakeBuffer("y", DType::kI32, {lanes});
  const Buffer out = MakeBuffer("out", DType::kI32, {lanes});
  Expr word;
  for (int64_t i = 0; i < 4; ++i) {
    Expr byte = Load(x, {l + i * step});
    if (i == 3) byte = Select(Lt(Int(last ? 0 : 1), Int(1)), byte, Int(0, DType::kU8));
    byte = Cast(byte, DType::kI32);
    if (i < 3) byte = Binary(BinaryOp::kAnd, byte, mask);
    if (i > 0) byte = Call("shl", {byte, Int(8 * i, DType::kI32)}, DType::kI32);
    word = i == 0 ? byte : Binary(BinaryOp::kOr, word, byte);
  }
  return {.name = absl::StrCat("words_", step, last ? "" : "_of_three"),
          .params = {x, y, out},
          .body = For(l, lanes, kind,
                      Store(out, {l}, Call("dot4", {word, Load(y, {l})}, DType::kI32)))};
}

TEST(ByteWords, AreExactAtEveryLength) {
  for (const auto& [lanes, kind] : {std::pair{64, LoopKind::kSerial},
                                    {4, LoopKind::kVectorized},
                                    {7, LoopKind::kVectorized},
                                    {16, LoopKind::kVectorized},
                                    {100, LoopKind::kVectorized}}) {
    std::vector<Program> programs;
    for (const bool last : {false, true}) {
      for (const int64_t step : {int64_t{1}, int64_t{lanes}, int64_t{2 * lanes}}) {
        programs.push_back(ByteWords(lanes, kind, step, last));
      }
    }
    const auto so = CompileForHost(programs);
    ASSERT_TRUE(so.ok()) << so.status();
    for (const Program& program : programs) {
      SCOPED_TRACE(absl::StrCat(program.name, " of ", lanes, " lanes"));
      Rng rng(lanes);
      std::vector<Tensor> args = RandomArguments(program, rng);
      for (int64_t i = 0; i < args[0].size(); ++i) {
        args[0].as<uint8_t>()[i] = static_cast<uint8_t>(rng.Below(256));
      }
      for (int64_t i = 0; i < lanes; ++i) {
        args[1].as<int32_t>()[i] = static_cast<int32_t>(rng.Below(uint64_t{1} << 32));
      }
      ExpectAsInterpreted(*so, program, std::move(args), 0);
    }
  }
}

// What the depthwise template is told by name of a CPU is what LLVM makes of it.
TEST(ByteWords, AreOneShuffleWhereTemplatesExpectIt) {
  for (const char* cpu : {"haswell", "znver3", "skylake-avx512", "cascadelake", "icelake-server",
                          "sapphirerapids", "znver4", "znver4 -mattr=-avx512vbmi"}) {
    const std::string target = absl::StrCat("cpu -mtriple=x86_64-linux-gnu -mcpu=", cpu);
    std::string assembly;
    const Program program = ByteWords(16, LoopKind::kVectorized, 16, true);
    const Target parsed = ParseTarget(target).value();
    const auto so = CompileForCpu(parsed, {program}, {.assembly = &assembly});
    ASSERT_TRUE(so.ok()) << so.status();
    EXPECT_EQ(assembly.find("vpermb") != std::string::npos, HasByteShuffles(parsed)) << cpu;
  }
}

std::string AssemblyOf(const std::string& target, const std::string& dot) {
  std::string assembly;
  const Program program = DotProgram(dot, 64, LoopKind::kVectorized, true);
  const auto so = CompileForCpu(ParseTarget(target).value(), {program}, {.assembly = &assembly});
  EXPECT_TRUE(so.ok()) << so.status();
  return assembly;
}

TEST(IntegerDots, AreTheInstructionsOfTheirCpus) {
  EXPECT_THAT(AssemblyOf("cpu -mcpu=haswell", "dot2"), HasSubstr("vpmaddwd"));
  EXPECT_THAT(AssemblyOf("cpu -mcpu=znver4", "dot2"), HasSubstr("vpdpwssd"));
  EXPECT_THAT(AssemblyOf("cpu -mcpu=haswell", "dot4"), Not(HasSubstr("vpmaddubsw")));
}

// Whoever asks for bfloat16 dots by name of a CPU finds the instruction.
TEST(BFloat16Dots, AreTakenWhereTheyAreFast) {
  for (const auto& [target, fast] :
       {std::pair{"cpu -mtriple=x86_64-linux-gnu -mcpu=haswell", false},
        {"cpu -mtriple=x86_64-linux-gnu -mcpu=sapphirerapids", false},
        {"cpu -mtriple=x86_64-linux-gnu -mcpu=znver3", false},
        {"cpu -mtriple=x86_64-linux-gnu -mcpu=znver4", true},
        {"cpu -mtriple=x86_64-linux-gnu -mcpu=znver5", true},
        {"cpu -mtriple=x86_64-linux-gnu -mcpu=znver4 -mattr=-avx512bf16", false},
        {"cpu -mtriple=x86_64-linux-gnu -mcpu=icelake-server -mattr=+avx512bf16", true},
        {"cpu -mtriple=aarch64-linux-gnu -mcpu=neoverse-v1", false},
        {"cuda -arch=sm_90", false}}) {
    EXPECT_EQ(HasBFloat16Dots(ParseTarget(target).value()), fast) << target;
    if (!fast) continue;
    EXPECT_THAT(AssemblyOf(target, "dot2_bf16"), HasSubstr("vdpbf16ps")) << target;
  }
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
