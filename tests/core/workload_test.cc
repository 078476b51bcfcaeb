#include "compiler/core/workload.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

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
        std::string("batch_matmul(float32[12,128,64],float32[12,64,128];,,)+tanh+relu")}) {
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
  EXPECT_EQ(w.Flops(), 2.0 * 6 * 7 * 7 * 4 * 12);
}

TEST(Workload, CountsAMultiplyAddAsTwo) {
  EXPECT_EQ(ParseWorkload(kConv)->Flops(), 2.0 * 128 * 28 * 28 * 64 * 9);
  EXPECT_EQ(ParseWorkload("dense(float32[8,5],float32[10,5];,NK,)")->Flops(), 2.0 * 8 * 10 * 5);
}

std::string ErrorOf(const std::string& key) {
  const absl::StatusOr<Workload> workload = ParseWorkload(key);
  EXPECT_EQ(workload.status().code(), absl::StatusCode::kInvalidArgument) << key;
  return std::string(workload.status().message());
}

TEST(ParseWorkload, SaysWhatIsWrong) {
  EXPECT_THAT(ErrorOf("conv3d(float32[1],float32[1];,,)"), HasSubstr("unknown operator"));
  EXPECT_THAT(ErrorOf("dense(float32[8,5],float32[10,6];,NK,)"), HasSubstr("K of data"));
  EXPECT_THAT(ErrorOf("dense(float32[8,5],float32[10,5];,NK,)+gelu"),
              HasSubstr("unknown epilogue step"));
  EXPECT_THAT(ErrorOf("dense(float32[8,5],float32[10,5];,KN,)"), HasSubstr("layout KN"));
  EXPECT_THAT(ErrorOf("dense(int8[8,5],int8[10,5];,NK,)"), HasSubstr("only float32"));
  EXPECT_THAT(ErrorOf("dense(float32[8,0],float32[10,0];,NK,)"), HasSubstr("empty dimension"));
  EXPECT_THAT(ErrorOf("dense"), HasSubstr("parentheses"));
  EXPECT_THAT(ErrorOf(std::string(20000, 'x')), HasSubstr("16 KiB"));
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

}  // namespace
}  // namespace tilewright
