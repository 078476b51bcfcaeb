#include "compiler/core/workload.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/rng.h"
#include "compiler/operators/workload_rules.h"

namespace tilewright {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const char kConv[] =
    "conv2d(float32[1,64,56,56],float32[128,64,3,3];dilation=1,1;groups=1;padding=1,1,1,1;"
    "strides=2,2;NCHW16c,OIHW16i16o,NCHW16c)+bias+add+clip(0,6)";

TEST(Workload, KeyReadsBack) {
  for (const std::string& key :
       {std::string(kConv),
        std::string("depthwise_conv2d(float32[1,6,7,7],float32[6,1,3,3];dilation=2,1;groups=6;"
                    "padding=0,1,2,3;strides=1,1;NCHW,OIHW,NCHW)"),
        std::string("conv2d_transpose(float32[1,6,7,7],float32[6,2,3,4];dilation=2,1;groups=3;"
                    "output_padding=1,0;padding=0,1,2,3;strides=2,3;NCHW,IOHW,NCHW)+bias"),
        std::string("dense(float32[8,512],float32[1000,512];,NK16n,)+bias+sigmoid"),
        std::string("batch_matmul(float32[12,128,64],float32[12,64,128];,,)+tanh+relu"),
        std::string("attention(float32[1,128,12,64],float32[1,384,4,64],float32[1,384,4,32],"
                    "float32[1,1,1,384];causal=256;empty_rows=1;scaled=0;,,)"),
        std::string("nest(uint8[2,8],float32[8];out=float32;,,)=com.example.Shift[2,4] "
                    "cast(a0[i0, i1 + 1], float32) * a1[7 - i1]"),
        std::string("dense(float32[8,512],float32[1000,512];,NK16n,)+linear(-1e+30,0.5)+scale+mul"
                    "+leaky_relu(0.01)+prelu+silu+hard_swish+gelu+gelu_tanh+clip(-inf,1e+30)")}) {
    const absl::StatusOr<Workload> workload = ParseWorkload(key);
    ASSERT_TRUE(workload.ok()) << workload.status();
    EXPECT_EQ(workload->Key(), key);
    EXPECT_EQ(*ParseWorkload(workload->Key()), *workload);
  }
}

TEST(Workload, TypesAreThePhysicalArguments) {
  const Workload w = ParseWorkload(kConv).value();
  EXPECT_THAT(OutputShape(w), ElementsAre(1, 128, 28, 28));
  std::vector<std::string> types;
  for (const TensorType& type : ArgumentTypes(w)) types.push_back(ToString(type));
  EXPECT_THAT(types, ElementsAre("float32[1,4,56,56,16]", "float32[8,4,3,3,16,16]", "float32[128]",
                                 "float32[1,8,28,28,16]", "float32[1,8,28,28,16]"));
}

TEST(Workload, ATransposedConvolutionIsTheInverseOfAStridedOne) {
  const Workload w = ParseWorkload(
                         "conv2d_transpose(float32[1,6,7,7],float32[6,4,3,4];dilation=2,1;groups=3;"
                         "output_padding=1,0;padding=0,1,2,1;strides=2,3;NCHW,IOHW,NCHW)")
                         .value();
  EXPECT_THAT(OutputShape(w), ElementsAre(1, 12, 2 * 6 + 5 - 2 + 1, 3 * 6 + 4 - 2));
  EXPECT_EQ(Flops(w), 2.0 * 6 * 7 * 7 * 4 * 12);
}

TEST(Workload, CountsAMultiplyAddAsTwo) {
  EXPECT_EQ(Flops(*ParseWorkload(kConv)), 2.0 * 128 * 28 * 28 * 64 * 9);
  EXPECT_EQ(Flops(*ParseWorkload("dense(float32[8,5],float32[10,5];,NK,)")), 2.0 * 8 * 10 * 5);
}

std::string ErrorOf(const std::string& key) {
  const absl::StatusOr<Workload> workload = ParseWorkload(key);
  EXPECT_EQ(workload.status().code(), absl::StatusCode::kInvalidArgument) << key;
  return std::string(workload.status().message());
}

TEST(ParseWorkload, SaysWhatIsWrong) {
  EXPECT_THAT(ErrorOf("conv3d(float32[1],float32[1];,,)"), HasSubstr("unknown operator"));
  EXPECT_THAT(ErrorOf("dense(float32[8,5],float32[10,6];,NK,)"), HasSubstr("K of data"));
  EXPECT_THAT(ErrorOf("dense(float32[8,5],float32[10,5];,NK,)+swoosh"),
              HasSubstr("unknown epilogue step"));
  for (const std::string step :
       {"+", "+clip", "+clip(0)", "+clip(0,1,2)", "+relu()", "+relu(1)", "+clip(0,1", "+clip(0,1)x",
        "+linear(a,b)", "+clip(0,1)clip(0,1)"}) {
    EXPECT_THAT(ErrorOf("dense(float32[8,5],float32[10,5];,NK,)" + step),
                HasSubstr("unknown epilogue step"))
        << step;
  }
  EXPECT_THAT(ErrorOf("dense(float32[8,5],float32[10,5];,NK,)relu"),
              HasSubstr("after the layouts"));
  EXPECT_THAT(ErrorOf("dense(float32[8,5],float32[10,5];,NK,)+linear(nan,0)"),
              HasSubstr("not finite"));
  EXPECT_THAT(ErrorOf("dense(float32[8,5],float32[10,5];,KN,)"), HasSubstr("layout KN"));
  EXPECT_THAT(ErrorOf("dense(float64[8,5],float64[10,5];,NK,)"), HasSubstr("float64"));
  EXPECT_THAT(ErrorOf("dense(float32[8,0],float32[10,0];,NK,)"), HasSubstr("empty dimension"));
  EXPECT_THAT(ErrorOf("dense"), HasSubstr("parentheses"));
  EXPECT_THAT(ErrorOf(std::string(20000, 'x')), HasSubstr("16 KiB"));
}

std::string TypesOf(const std::string& key) {
  const absl::StatusOr<Workload> w = ParseWorkload(key);
  EXPECT_TRUE(w.ok()) << w.status();
  std::string text = std::string(NameOf(AccumulatorOf(*w)));
  for (const TensorType& type : ArgumentTypes(*w)) text += " " + std::string(NameOf(type.dtype));
  return text;
}

TEST(Workload, TypesOfSumsAndOutputFollowTheData) {
  const auto dense = [](const std::string& data, const std::string& weight,
                        const std::string& more = "") {
    return "dense(" + data + "[8,5]," + weight + "[10,5];" + more + ",NK,)+bias";
  };
  EXPECT_EQ(TypesOf(dense("float32", "float32")), "float32 float32 float32 float32 float32");
  EXPECT_EQ(TypesOf(dense("float16", "float16")), "float32 float16 float16 float16 float16");
  EXPECT_EQ(TypesOf(dense("bfloat16", "bfloat16", "out=float32;")),
            "float32 bfloat16 bfloat16 float32 float32");
  EXPECT_EQ(TypesOf(dense("uint8", "int8")), "int32 uint8 int8 int32 int32");
  EXPECT_EQ(TypesOf(dense("int16", "int16", "acc=int64;")), "int64 int16 int16 int64 int64");
  EXPECT_EQ(TypesOf(dense("int8", "int8", "out=float32;")), "int32 int8 int8 int32 float32");
}

TEST(Workload, StepsAfterSumsOfIntegersAreInIntegersUntilOneNeedsFloats) {
  const std::string key = "dense(int16[8,5],int16[10,5];out=int8;,NK,)+bias+scale+bias+add+round";
  EXPECT_EQ(TypesOf(key), "int32 int16 int16 int32 float32 float32 int8 int8");
  EXPECT_EQ(ParseWorkload(key)->Key(), key);
}

TEST(ParseWorkload, RefusesIntegersOfStepsWhoseLastBitIsNotDefined) {
  for (const std::string step : {"+sigmoid", "+tanh", "+silu", "+gelu", "+gelu_tanh"}) {
    EXPECT_THAT(ErrorOf("dense(int16[8,5],int16[10,5];out=int8;,NK,)" + step),
                HasSubstr(step + " before an output of integers"));
  }
}

TEST(Workload, AKeyNamesOnlyTypesThatAreNotTheDefault) {
  const std::string plain = "dense(int8[8,5],int8[10,5];,NK,)";
  EXPECT_EQ(ParseWorkload("dense(int8[8,5],int8[10,5];acc=int32;out=int32;,NK,)")->Key(), plain);
  EXPECT_EQ(ParseWorkload("dense(float32[8,5],float32[10,5];acc=float32;out=float32;,NK,)")->Key(),
            "dense(float32[8,5],float32[10,5];,NK,)");
  const std::string wide = "dense(int16[8,5],int16[10,5];acc=int64;out=float32;,NK,)+sigmoid";
  EXPECT_EQ(ParseWorkload(wide)->Key(), wide);
  EXPECT_EQ(*ParseWorkload(wide), *ParseWorkload(ParseWorkload(wide)->Key()));
  EXPECT_NE(*ParseWorkload(plain), *ParseWorkload("dense(int8[8,5],int8[10,5];acc=int64;,NK,)"));
}

TEST(ParseWorkload, RefusesTypesThatDoNotGoTogether) {
  const auto error = [](const std::string& types, const std::string& steps = "") {
    return ErrorOf("dense(" + types + ",NK,)" + steps);
  };
  EXPECT_THAT(error("float16[8,5],float32[10,5];"), HasSubstr("data of type float16"));
  EXPECT_THAT(error("int8[8,5],int16[10,5];"), HasSubstr("weight of type int16"));
  EXPECT_THAT(error("int32[8,5],int32[10,5];"), HasSubstr("data of type int32"));
  EXPECT_THAT(error("float32[8,5],float32[10,5];acc=int32;"), HasSubstr("sums of type int32"));
  EXPECT_THAT(error("int8[8,5],int8[10,5];acc=int8;"), HasSubstr("sums of type int8"));
  EXPECT_THAT(error("int8[8,5],int8[10,5];out=int8;"), HasSubstr("output of type int8"));
  EXPECT_THAT(error("int8[8,5],int8[10,5];acc=complex;"), HasSubstr("acc=complex"));
  EXPECT_THAT(error("int8[8,5],int8[10,5];acc=int64;acc=int64;"), HasSubstr("twice"));
  for (const std::string step : {"+tanh", "+linear(2,1)", "+scale", "+mul", "+gelu", "+prelu"}) {
    EXPECT_THAT(error("int8[8,5],int8[10,5];", step), HasSubstr("of integers"));
  }
}

TEST(ParseWorkload, RefusesAWindowLargerThanTheInput) {
  EXPECT_THAT(ErrorOf("conv2d(float32[1,3,4,4],float32[8,3,7,7];dilation=1,1;groups=1;"
                      "padding=1,1,1,1;strides=1,1;NCHW,OIHW,NCHW)"),
              HasSubstr("larger than the padded input"));
}

TEST(ParseWorkload, RefusesChannelsThatDisagree) {
  EXPECT_THAT(ErrorOf("conv2d(float32[1,6,9,9],float32[8,3,3,3];dilation=1,1;groups=1;"
                      "padding=1,1,1,1;strides=1,1;NCHW,OIHW,NCHW)"),
              HasSubstr("channels disagree"));
}

std::string Conv(const std::string& layouts, const std::string& more = "") {
  return "conv2d(float32[1,8,9,9],float32[8,8,3,3];dilation=1,1;groups=1;" + more +
         "padding=1,1,1,1;strides=1,1;" + layouts + ")";
}

TEST(ParseWorkload, RefusesLayoutsThatAnOperatorHasNot) {
  for (const std::string key : {
           "dense(float32[8,8],float32[8,8];X!,NK16n,)",
           "dense(float32[8,8],float32[8,8];,NK16n,NCHW8h)",
           "dense(float32[8,8],float32[8,8];,NK16n,MN8n)",
           "dense(float32[8,8],float32[8,8];,NK8k,)",
           "dense(float32[8,8],float32[8,8];,NK4n2n,)",
           "dense(float32[8,8],float32[8,8];,,)",
           "batch_matmul(float32[2,8,8],float32[2,8,8];NCHW8h,,)",
           "batch_matmul(float32[2,8,8],float32[2,8,8];,X!,)",
           "batch_matmul(float32[2,8,8],float32[2,8,8];,,BMN8n)",
       }) {
    EXPECT_THAT(ErrorOf(key), HasSubstr("layout")) << key;
  }
  for (const std::string layouts :
       {"NCHW8h,OIHW,NCHW", "NCHW8n,OIHW,NCHW", "NCHW,OIHW,NCHW8w", "NCHW,OIHW8h,NCHW",
        "NCHW4c2c,OIHW,NCHW", "NCHW,OIHW4i4o2o,NCHW", "NCHW,OIHW8o8i,NCHW", ",OIHW,NCHW",
        "NCHW,OIHW,", "OIHW,OIHW,NCHW", "NCHW08c,OIHW,NCHW"}) {
    EXPECT_THAT(ErrorOf(Conv(layouts)), HasSubstr("layout")) << layouts;
  }
  EXPECT_TRUE(ParseWorkload(Conv("NCHW,OIHW8o,NCHW8c")).ok());
}

TEST(ParseWorkload, RefusesAttributesThatAnOperatorHasNot) {
  EXPECT_THAT(ErrorOf("dense(float32[8,5],float32[10,5];foo=1;,NK,)"),
              HasSubstr("no attribute \"foo\""));
  EXPECT_THAT(ErrorOf("batch_matmul(float32[2,8,8],float32[2,8,8];groups=1;,,)"),
              HasSubstr("no attribute \"groups\""));
  EXPECT_THAT(ErrorOf(Conv("NCHW,OIHW,NCHW", "output_padding=0,0;")),
              HasSubstr("it has: strides, padding, dilation, groups"));
  EXPECT_THAT(ErrorOf(Conv("NCHW,OIHW,NCHW", "groups=2;")), HasSubstr("twice"));
}

TEST(ParseWorkload, BoundsTheValuesOfAttributes) {
  const auto with = [](const std::string& attrs) {
    return ErrorOf("conv2d(float32[1,8,9,9],float32[8,8,3,3];" + attrs + ";NCHW,OIHW,NCHW)");
  };
  EXPECT_THAT(with("dilation=0,1;groups=1;padding=1,1,1,1;strides=1,1"), HasSubstr("dilation"));
  EXPECT_THAT(with("dilation=1,1;groups=0;padding=1,1,1,1;strides=1,1"), HasSubstr("groups"));
  EXPECT_THAT(with("dilation=1,1;groups=1;padding=-1,1,1,1;strides=1,1"), HasSubstr("padding"));
  EXPECT_THAT(with("dilation=1,1;groups=1;padding=1,1,1,1;strides=1,1048577"),
              HasSubstr("outside 1 to 1048576"));
  EXPECT_THAT(with("dilation=1,1;groups=1;padding=1,1;strides=1,1"), HasSubstr("4 values"));
}

TEST(ParseWorkload, RefusesSizesBeyondTheLimit) {
  const std::string wide = "1099511627776";  // 2^40
  for (const std::string& key : std::vector<std::string>{
           "dense(float32[" + wide + ",1],float32[" + wide + ",1];,NK,)",
           std::string("dense(float32[1,34359738368],float32[3,34359738368];,NK1024n,)+bias+add"),
           "dense(float32[1," + wide + "],float32[1," + wide + "];,NK1024n,)",
           "batch_matmul(float32[1048576,1048576,1],float32[1048576,1,1048576];,,)",
           std::string("conv2d(float32[1,1,1048576,1048576],float32[1048576,1,1,1];dilation=1,1;"
                       "groups=1;padding=0,0,0,0;strides=1,1;NCHW,OIHW,NCHW)"),
           std::string("conv2d(float32[1,1,1048576,1048576],float32[1,1,1,1];dilation=1,1;groups=1;"
                       "padding=0,0,0,0;strides=1,1;NCHW16c,OIHW,NCHW)"),
           std::string(
               "conv2d_transpose(float32[1,1,1048576,1048576],float32[1,1,1,1];dilation=1,1;"
               "groups=1;output_padding=0,0;padding=0,0,0,0;strides=1048576,1048576;NCHW,IOHW,"
               "NCHW)")}) {
    EXPECT_THAT(ErrorOf(key), HasSubstr("2^40")) << key;
  }
}

TEST(ParseWorkload, RefusesBoundsOutOfOrderAndEndlessEpilogues) {
  const std::string dense = "dense(float32[8,5],float32[10,5];,NK,)";
  EXPECT_THAT(ErrorOf(dense + "+clip(6,0)"), HasSubstr("not in order"));
  EXPECT_THAT(ErrorOf(dense + "+clip(nan,0)"), HasSubstr("not in order"));
  std::string chain = dense;
  for (int i = 0; i < 33; ++i) chain += "+relu";
  EXPECT_THAT(ErrorOf(chain), HasSubstr("more than 32"));
}

TEST(Workload, ADefinitionThatMayBeWrongIsRefused) {
  const auto error = [](const std::string& definition) {
    return ErrorOf("nest(float32[2,8];,,)=" + definition);
  };
  EXPECT_TRUE(ParseWorkload("nest(float32[2,8];,,)=a.B[2,8] a0[i0, 7 - i1]").ok());
  EXPECT_THAT(ErrorOf("nest(float32[2,8];,,)"), HasSubstr("expected a definition like NAME[2,8]"));
  EXPECT_THAT(error("a.B[2,0] 1.0"), HasSubstr("expected a definition like"));
  EXPECT_THAT(error("a.B[] 1.0"), HasSubstr("expected a definition like"));
  EXPECT_THAT(error("a B[2,8] 1.0"), HasSubstr("name has other characters"));
  EXPECT_THAT(error("B[2,9] a0[i0, i1]"), HasSubstr("outside 0..7"));
  EXPECT_THAT(error("B[2,8] a0[i0, cast(a0[i0, i1], int64)]"), HasSubstr("not provably inside"));
  EXPECT_THAT(error("B[2,8] out[i0, i1]"), HasSubstr("reads its own output"));
  EXPECT_THAT(error("B[2,8] 1.0\n    out[0, 0] = 2.0"), HasSubstr("more than a line"));
  EXPECT_THAT(error("B[2,8] 1"), HasSubstr("nest"));
  EXPECT_THAT(error("B[2,8] 1.0" + std::string(13000, ' ')), HasSubstr("above 12 KiB"));
  EXPECT_THAT(ErrorOf("nest(float32[2,8];,,)+relu=B[2,8] a0[i0, i1]"),
              HasSubstr("no attributes, no epilogue"));
  EXPECT_THAT(ErrorOf("nest(float32[2,8];groups=1;,,)=B[2,8] a0[i0, i1]"),
              HasSubstr("no attributes, no epilogue"));
  EXPECT_THAT(ErrorOf("dense(float32[8,5],float32[10,5];,NK,)=B[8,10] 1.0"),
              HasSubstr("dense takes no definition"));
}

TEST(Workload, APersonReadsTheNameOfADefinition) {
  const std::string key = "nest(float32[2,8];,,)=a.B[2,8] a0[i0, 7 - i1]";
  EXPECT_EQ(ShortKey(key), "nest(float32[2,8];,,)=a.B[2,8]");
  EXPECT_EQ(OperatorText(*ParseWorkload(key)), "a.B");
  EXPECT_EQ(ShortKey(kConv), kConv);
}

// A key from outside must be refused or be usable; this fails by a crash.
TEST(ParseWorkload, AcceptsOnlyWhatHasArgumentTypes) {
  const uint64_t seed = 20261126;
  SCOPED_TRACE(seed);
  Rng rng(seed);
  const std::string keys[] = {kConv, Conv("NCHW,OIHW8o,NCHW8c"),
                              "dense(float32[8,512],float32[1000,512];,NK16n,)+bias+sigmoid",
                              "batch_matmul(float32[12,128,64],float32[12,64,128];,,)+tanh+relu",
                              "nest(float32[2,8];,,)=B[2,8] a0[i0, 7 - i1] + 1.0"};
  const std::string letters = "0123456789,;=[]()+-.NCHWOIKMBnchwoikmb";
  int accepted = 0;
  for (int i = 0; i < 20000; ++i) {
    std::string key = keys[i % std::size(keys)];
    for (int edits = 1 + i % 3; edits > 0; --edits) {
      const size_t at = rng.Below(key.size());
      const char letter = letters[rng.Below(letters.size())];
      if (rng.Below(2) == 0)
        key.insert(at, 1, letter);
      else
        key[at] = letter;
    }
    const absl::StatusOr<Workload> workload = ParseWorkload(key);
    if (!workload.ok()) continue;
    ++accepted;
    EXPECT_EQ(ParseWorkload(workload->Key())->Key(), workload->Key()) << key;
    for (const TensorType& type : ArgumentTypes(*workload)) {
      EXPECT_TRUE(CheckShape(type.shape).ok()) << key;
    }
    EXPECT_GT(Flops(*workload), 0) << key;
  }
  EXPECT_GT(accepted, 100);
}

}  // namespace
}  // namespace tilewright
