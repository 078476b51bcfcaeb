#include "compiler/loop/text.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "compiler/loop/unroll.h"
#include "compiler/operators/define.h"
#include "compiler/operators/workload_rules.h"
#include "tests/paths.h"

namespace tilewright {
namespace {

std::string Golden(const std::string& name) {
  std::ifstream file(TILEWRIGHT_SOURCE_DIR "/tests/golden/loop/" + name);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

Compute Conv() {
  return Define(ParseWorkload("conv2d(float32[1,16,14,14],float32[32,16,3,3];dilation=1,1;groups=1;"
                              "padding=1,1,1,1;strides=2,2;NCHW8c,OIHW8i8o,NCHW8c)+bias+relu")
                    .value());
}

TEST(Text, OfAPlainConvolution) {
  EXPECT_EQ(Print(LowerPlain(Conv())), Golden("conv2d_plain.txt"));
}

TEST(Text, OfADefinition) { EXPECT_EQ(Print(Conv()), Golden("conv2d_definition.txt")); }

TEST(Text, OfEveryConstructReadsBack) {
  const std::string text = Golden("constructs.txt");
  const absl::StatusOr<Program> program = ParseProgram(text);
  ASSERT_TRUE(program.ok()) << program.status();
  EXPECT_EQ(Print(*program), text);
}

TEST(Text, OfAnUnrolledMicrokernel) {
  const absl::StatusOr<Program> program = ParseProgram(Golden("microkernel.txt"));
  ASSERT_TRUE(program.ok()) << program.status();
  EXPECT_EQ(Print(UnrollLoops(*program)), Golden("microkernel_unrolled.txt"));
}

TEST(Text, TellsVariablesOfOneNameApart) {
  const Expr outer = Var("i"), inner = Var("i");
  const Buffer out = MakeBuffer("out", DType::kI64, {4, 4});
  const Stmt s = For(outer, 4, LoopKind::kSerial,
                     For(inner, 4, LoopKind::kSerial, Store(out, {outer, inner}, inner)));
  EXPECT_EQ(Print(s), "for i in 0..4:\n  for i_1 in 0..4:\n    out[i, i_1] = i_1\n");
}

TEST(Text, OfFloatsIsTheShortestThatReadsBack) {
  EXPECT_EQ(Print(Float(0.1)), "0.1");
  EXPECT_EQ(Print(Float(0.1, DType::kF64)), "float64(0.1)");
  EXPECT_EQ(Print(Float(1e30)), "1e+30");
  EXPECT_EQ(Print(Float(-3)), "-3.0");
  EXPECT_EQ(Print(Float(-1.0 / 0.0)), "-inf");
  EXPECT_EQ(Print(Float(0.1, DType::kF16)), "float16(0.099975586)");
}

TEST(Text, OfLiteralsOfEveryTypeReadsBack) {
  for (const char* literal :
       {"float16(0.099975586)", "float16(inf)", "bfloat16(-1.5)", "float64(0.1)", "int8(-128)",
        "uint8(255)", "int16(-32768)", "uint16(65535)", "int32(-2147483648)", "uint32(4294967295)",
        "-9223372036854775808", "uint64(18446744073709551615)"}) {
    const std::string text =
        absl::StrCat("program p(out: bool[1]):\n  out[0] = cast(", literal, ", bool)\n");
    const absl::StatusOr<Program> program = ParseProgram(text);
    ASSERT_TRUE(program.ok()) << literal << ": " << program.status();
    EXPECT_EQ(Print(*program), text);
  }
}

TEST(Text, RefusesLiteralsOutsideTheirType) {
  for (const char* literal : {"int8(128)", "uint16(-1)", "uint32(4294967296)",
                              "uint64(18446744073709551616)", "int16(1.5)"}) {
    const std::string text =
        absl::StrCat("program p(out: bool[1]):\n  out[0] = cast(", literal, ", bool)\n");
    EXPECT_EQ(ParseProgram(text).status().code(), absl::StatusCode::kInvalidArgument) << literal;
  }
}

std::string ErrorOf(const std::string& body) {
  const absl::StatusOr<Program> program =
      ParseProgram("program p(in: float32[4], out: float32[4]):\n" + body);
  EXPECT_EQ(program.status().code(), absl::StatusCode::kInvalidArgument) << body;
  return std::string(program.status().message());
}

TEST(ParseProgram, NamesThePlaceOfAnError) {
  EXPECT_EQ(ErrorOf("  out[0] = in[j]\n"), "line 2, column 15: unknown variable");
  EXPECT_EQ(ErrorOf("  out[0] = 1\n"), "line 2, column 12: value of another type");
  EXPECT_EQ(ErrorOf("  out[0] = 1.0 + 2\n"),
            "line 2, column 16: operands of two types, float32 and int64");
  EXPECT_EQ(ErrorOf("  out[0, 1] = 1.0\n"), "line 2, column 6: out takes 1 integer indices");
  EXPECT_EQ(ErrorOf("  for i in 0..4:\n"), "line 2, column 17: expected an indented block");
  EXPECT_EQ(ErrorOf("  out[0] = exp(1)\n"), "line 2, column 12: wrong number or types of operands");
  EXPECT_EQ(ErrorOf("  out[0] = 1.0 $\n"), "line 2, column 16: unexpected character");
  EXPECT_EQ(ErrorOf("  out[0] = 1.0\n    out[0] = 1.0\n"),
            "line 3, column 5: unexpected indentation");
  EXPECT_EQ(ErrorOf("  out[99999999999999999999] = 1.0\n"),
            "line 2, column 7: not a number of type int64");
}

TEST(ParseProgram, BoundsNestingAndSize) {
  const std::string deep = std::string(300, '(') + "1.0" + std::string(300, ')');
  EXPECT_NE(ErrorOf("  out[0] = " + deep + "\n").find("nested"), std::string::npos);
  std::string allocs, sum = "1.0";
  for (int i = 0; i < 300; ++i) allocs += "  alloc a" + std::to_string(i) + ": stack float32[1]\n";
  EXPECT_NE(ErrorOf(allocs).find("nested"), std::string::npos);
  for (int i = 0; i < 5000; ++i) sum += " + 1.0";
  EXPECT_NE(ErrorOf("  out[0] = " + sum + "\n").find("4096"), std::string::npos);
  EXPECT_NE(ErrorOf(std::string(5 << 20, '\n')).find("4 MiB"), std::string::npos);
}

TEST(ParseProgram, RefusesEmptyText) {
  EXPECT_FALSE(ParseProgram("").ok());
  EXPECT_FALSE(ParseProgram("program").ok());
}

}  // namespace
}  // namespace tilewright
