// Databases of other tuners, lines in their formats: what they become, and what is refused.
#include "records/formats/import_format.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "absl/strings/str_replace.h"
#include "compiler/core/outcome.h"
#include "records/formats/autotvm_log.h"
#include "records/lookup/fit.h"
#include "tests/records/look_up.h"

namespace tilewright {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr char kFile[] = "gfx90a68.HIP.fdb.txt";
constexpr char kProblem[] = "64-56-56-3x3-128-28-28-16-1x1-2x2-1x1-0-NCHW-FP32-F";
constexpr char kMeasured[] =
    "=ConvBinWinogradRxSf2x3g1:0.25,0,miopenConvolutionFwdAlgoWinograd;"
    "GemmFwdRest:0.5,7225344,miopenConvolutionFwdAlgoGEMM";
constexpr char kHeading[] =
    "gfx,cu_num,M,N,K,bias,dtype,outdtype,scaleAB,bpreshuffle,libtype,solidx,splitK,us,"
    "kernelName,err_ratio,tflops,bw";
constexpr char kProduct[] =
    "gfx942,304,16,4096,1024,True,torch.bfloat16,torch.bfloat16,False,False,asm,9,4,12.5,"
    "bf16gemm_64x64,0,10.7,687.0";

absl::StatusOr<std::vector<Record>> ReadConvolution(const std::string& line) {
  return ReadMiopenFindDb(kFile)->Read(line);
}

std::string WhyRefused(const std::string& line) {
  return std::string(ReadConvolution(line).status().message());
}

std::string WhyProductRefused(const std::string& heading, const std::string& line) {
  const auto reader = ReadAiterTable("a.csv");
  const absl::Status status = reader->Read(heading).status();
  return std::string((status.ok() ? reader->Read(line).status() : status).message());
}

TEST(MiopenFindDb, EverySolverOfAConvolutionIsARecordOfItsWorkload) {
  const auto records = ReadConvolution(std::string(kProblem) + kMeasured);
  ASSERT_TRUE(records.ok()) << records.status();
  ASSERT_EQ(records->size(), 2u);
  const Record& first = records->front();
  EXPECT_EQ(first.task.workload.Key(),
            "conv2d(float32[16,64,56,56],float32[128,64,3,3];dilation=1,1;groups=1;"
            "padding=1,1,1,1;strides=2,2;NCHW,OIHW,NCHW)");
  EXPECT_EQ(first.task.template_name, "miopen.ConvBinWinogradRxSf2x3g1");
  EXPECT_EQ(ToString(first.task.target), "rocm -arch=gfx90a");
  EXPECT_EQ(first.device, "gfx90a68");
  EXPECT_TRUE(IsUsable(first));
  EXPECT_DOUBLE_EQ(MedianSeconds(first.outcome).value(), 0.25e-3);
  EXPECT_EQ(records->back().config.Int("workspace"), 7225344);
  EXPECT_NE(first.run_id, records->back().run_id);
}

TEST(MiopenFindDb, LinesOfOlderReleasesNameTheAlgorithmFirst) {
  const auto records = ReadConvolution(std::string(kProblem) +
                                       "=miopenConvolutionFwdAlgoDirect:ConvAsm3x3U,0.125,0,"
                                       "miopenConvolutionFwdAlgoDirect,not used");
  ASSERT_TRUE(records.ok()) << records.status();
  EXPECT_EQ(records->front().task.template_name, "miopen.ConvAsm3x3U");
  EXPECT_DOUBLE_EQ(MedianSeconds(records->front().outcome).value(), 0.125e-3);
}

TEST(MiopenFindDb, GroupsAreReadAndOneForEachChannelIsDepthwise) {
  const auto keys = [](const std::string& problem) {
    const auto records = ReadConvolution(problem + kMeasured);
    return records.ok() ? records->front().task.workload.Key() : records.status().ToString();
  };
  EXPECT_THAT(keys("64-56-56-3x3-128-56-56-1-1x1-1x1-1x1-0-NCHW-FP16-F_g4"),
              HasSubstr("conv2d(float16[1,64,56,56],float16[128,16,3,3];dilation=1,1;groups=4"));
  EXPECT_THAT(keys("64-56-56-3x3-64-56-56-1-1x1-1x1-1x1-0-NCHW-NCHW-NCHW-BF16-F_g64"),
              HasSubstr("depthwise_conv2d(bfloat16[1,64,56,56],bfloat16[64,1,3,3]"));
}

TEST(MiopenFindDb, WhatIsNoForwardConvolutionOfOursIsRefusedWithItsReason) {
  const auto with = [](const char* from, const char* to) {
    return WhyRefused(absl::StrReplaceAll(kProblem, {{from, to}}) + kMeasured);
  };
  EXPECT_THAT(with("32-F", "32-B"), HasSubstr("another direction than forward: "));
  EXPECT_THAT(with("-NCHW-", "-NHWC-"), HasSubstr("another layout than NCHW: "));
  EXPECT_THAT(with("FP32", "INT8"), HasSubstr("an element type that is not read: INT8"));
  EXPECT_THAT(with("64-56", "56"), HasSubstr("fields"));
  EXPECT_THAT(with("128-28", "128-27"), HasSubstr("an output of another size"));
  EXPECT_THAT(with("64-56", "0-56"), HasSubstr("no convolution"));
  EXPECT_THAT(with("64-56", "99999999-999999999"), HasSubstr("no convolution"));
  EXPECT_THAT(with("3x3", "3x"), HasSubstr("no pair of numbers"));
  EXPECT_THAT(with("32-F", "32-F_g0"), HasSubstr("direction"));
  EXPECT_THAT(WhyRefused("64-8-56-56-3x3x3-128-8-28-28-16-1x1x1-2x2x2-1x1x1-0-NCDHW-FP32-F"),
              HasSubstr("three dimensions"));
}

TEST(MiopenFindDb, MeasurementsThatAreNoneAreRefused) {
  for (const char* measured : {"", "=", "=Solver", "=Solver:", "=Solver:0.5", "=Solver:x,0,a",
                               "=Solver:-1,0,a", "=Solver:nan,0,a", "=:0.5,0,a"}) {
    EXPECT_NE(WhyRefused(std::string(kProblem) + measured), "") << measured;
  }
}

TEST(MiopenFindDb, AFileThatIsNotCalledAfterItsDeviceIsRefused) {
  const auto read = ReadMiopenFindDb("find.txt")->Read(std::string(kProblem) + kMeasured);
  EXPECT_THAT(std::string(read.status().message()), HasSubstr("called after its device"));
}

TEST(AiterTable, ARowIsARecordOfADenseLayer) {
  const auto reader = ReadAiterTable("bf16_tuned_gemm.csv");
  const auto heading = reader->Read(kHeading);
  ASSERT_TRUE(heading.ok()) << heading.status();
  EXPECT_TRUE(heading->empty());
  const auto records = reader->Read(kProduct);
  ASSERT_TRUE(records.ok()) << records.status();
  ASSERT_EQ(records->size(), 1u);
  const Record& record = records->front();
  EXPECT_EQ(record.task.workload.Key(), "dense(bfloat16[16,1024],bfloat16[4096,1024];,NK,)+bias");
  EXPECT_EQ(record.task.template_name, "aiter.asm");
  EXPECT_EQ(ToString(record.task.target), "rocm -arch=gfx942");
  EXPECT_EQ(record.config.Str("kernel"), "bf16gemm_64x64");
  EXPECT_EQ(record.config.Int("split_k"), 4);
  EXPECT_DOUBLE_EQ(MedianSeconds(record.outcome).value(), 12.5e-6);
}

TEST(AiterTable, WhatIsNoDenseLayerOfOursIsRefusedWithItsReason) {
  EXPECT_THAT(WhyProductRefused("gfx,cu_num,M,N,K,q_dtype_w,kernelId,splitK,us,kernelName", ""),
              HasSubstr("missing from the heading: dtype"));
  const auto with = [](const char* from, const char* to) {
    return WhyProductRefused(kHeading, absl::StrReplaceAll(kProduct, {{from, to}}));
  };
  EXPECT_THAT(with(",asm", ""), HasSubstr("another number of values"));
  EXPECT_THAT(with("torch.bfloat16,torch.bfloat16", "torch.bfloat16,torch.float32"),
              HasSubstr("an output of another type"));
  EXPECT_THAT(with("torch.bfloat16", "torch.float8_e4m3fnuz"), HasSubstr("no dense layer"));
  EXPECT_THAT(with("4096", "-4"), HasSubstr("no dense layer"));
  EXPECT_THAT(with("12.5", "inf"), HasSubstr("out of range"));
  EXPECT_THAT(with("12.5", ""), HasSubstr("no time"));
}

TEST(ImportFormat, RowsOfOtherTunersAreCountedAndCanBeWrittenAndReadBack) {
  const auto store = MakeMemoryStore();
  std::istringstream in(std::string(kProblem) + kMeasured + "\nno problem at all\n");
  const auto report = ImportLog(in, *ReadMiopenFindDb(kFile), *store, PlaceInTemplate);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->imported, 2);
  EXPECT_EQ(report->skipped, 1);
  std::ostringstream out;
  ASSERT_TRUE(ExportLog(*store, {}, out).ok());
  std::istringstream again(out.str());
  const auto copy = MakeMemoryStore();
  ASSERT_TRUE(ImportLog(again, *copy, PlaceInTemplate).ok());
  const auto original = store->Newest({}, 9), read = copy->Newest({}, 9);
  ASSERT_TRUE(original.ok() && read.ok());
  EXPECT_EQ(*original, *read);
}

// They say how fast the layer is elsewhere, and are never what it is compiled with.
TEST(ImportFormat, LookUpsShowTheFastestKernelOfOtherTuners) {
  const auto store = MakeMemoryStore();
  const auto records = ReadConvolution(std::string(kProblem) + kMeasured);
  ASSERT_TRUE(records.ok() && store->Append(*records).ok());
  const auto found = LookupBest(*store, records->front().task.workload,
                                ParseTarget("cuda -arch=sm_90").value(), {.explain = true});
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_FALSE(found->record);
  EXPECT_THAT(found->near_misses,
              ElementsAre("target differs: rocm -arch=gfx90a (2 records, the fastest 0.2500 ms by "
                          "miopen.ConvBinWinogradRxSf2x3g1)"));
}

}  // namespace
}  // namespace tilewright
