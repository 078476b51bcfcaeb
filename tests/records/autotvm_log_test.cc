#include "records/formats/autotvm_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "compiler/operators/workload_rules.h"
#include "records/formats/python_json.h"
#include "tests/records/sample_records.h"

namespace tilewright {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// Lines as AutoTVM writes them (format as in apache/tvm's record.py; the numbers are made up).
constexpr char kForeign[] =
    R"({"input": ["cuda -keys=cuda,gpu -max_num_threads=1024 -model=t4", "conv2d_hwcn.cuda", )"
    R"([["TENSOR", [1, 8, 8, 8], "float32"], ["TENSOR", [4, 8, 1, 1], "float32"], [1, 1], [0, )"
    R"(0, 0, 0], [1, 1], "float32"], {}], "config": {"index": 12, "code_hash": null, "entity": )"
    R"([["tile_f", "sp", [-1, 1, 32, 1]], ["unroll_explicit", "ot", 1], ["other", "ot", )"
    R"(false]]}, "result": [[5.5e-05], 0, 10, 1535423916.5], "version": 0.2, "tvm_version": )"
    R"("0.7.dev0"})";
constexpr char kForeignFailure[] =
    R"({"input": ["llvm -keys=cpu -mcpu=skylake-avx512", "dense_nopack.x86", [["TENSOR", [1, )"
    R"(8], "float32"], ["TENSOR", [8, 8], "float32"], null, "float32"], {}], "config": )"
    R"({"index": 3, "code_hash": null, "entity": [["tile_y", "sp", [-1, 1]]]}, "result": )"
    R"([[1000000000.0], 6, 10, 1610455199.5], "version": 0.2, "tvm_version": "0.8.dev0"})";
constexpr char kOld[] =
    R"({"i": ["llvm -mcpu=skylake-avx512", "topi_nn_conv2d", [["TENSOR", [1, 3, 8, 8], )"
    R"("float32"], 3], {}, ["conv2d", [1, 3, 8, 8, "float32"]], {"i": 193, "c": null, "e": )"
    R"([["tile_ic", "sp", [1, 3]], ["unroll_kw", "ot", false]], "t": "winograd"}], "r": )"
    R"([[9.5e-05], 0, 1.75, 1539972731.25], "v": 0.1})";

std::string Exported(const RecordStore& store) {
  std::ostringstream out;
  EXPECT_TRUE(ExportLog(store, {}, out).ok());
  return out.str();
}

std::unique_ptr<RecordStore> Imported(const std::string& log, ImportReport* report = nullptr,
                                      const PlaceFunction& place_of = nullptr) {
  auto store = MakeMemoryStore();
  std::istringstream in(log);
  const auto result = ImportLog(in, *store, place_of);
  EXPECT_TRUE(result.ok()) << result.status();
  if (report) *report = *result;
  return store;
}

TEST(AutoTvmLog, ALineOfOursLooksLikeAutoTvms) {
  const auto line = EncodeLogLine(SampleRecord("r1", 0.001));
  ASSERT_TRUE(line.ok()) << line.status();
  EXPECT_THAT(
      *line,
      testing::StartsWith(
          R"({"input": ["llvm -mcpu=znver5", "conv2d_nchwc.cpu", [["TENSOR", [1, 64, 56, 56], )"
          R"("float32"], ["TENSOR", [64, 64, 3, 3], "float32"], [1, 1], [1, 1, 1, 1], [1, 1], )"
          R"(1, "NCHW16c", "OIHW16i16o", "NCHW16c", "float32", "conv2d+bias+relu"], {}], )"
          R"("config": {"index": 17, "code_hash": null, "entity": [["tile_oc", "sp", [-1, )"
          R"(2]], ["order", "re", [0, 2, 1]], ["ann", "an", ["none", "vec"]], ["unroll_kw", )"
          R"("ot", true], ["steps", "ot", 4]]}, "result": [[0.001, 0.0011, )"
          R"(0.0003333333333333333], 0, 0.7999999999999999, 1795000000.1234567], "version": )"
          R"(0.2, "tvm_version": "tilewright 0.1.0", "tilewright": )"));
}

TEST(AutoTvmLog, ARecordOfOursComesBackWhole) {
  Record decided = SampleRecord("decided");
  decided.threads = 4;
  decided.builder = "rack-\"1\"";
  decided.record_class = kInNetworkClass;
  for (const Record& record : {SampleRecord("ok"), SampleFailure("crash"), decided}) {
    const auto back = DecodeLogLine(EncodeLogLine(record).value());
    ASSERT_TRUE(back.ok()) << back.status();
    EXPECT_EQ(*back, record);
  }
}

TEST(AutoTvmLog, EveryOperatorsWorkloadComesBack) {
  for (const char* key :
       {"conv2d(float32[1,3,224,224],float32[64,3,7,7];dilation=1,1;groups=1;padding=3,3,3,3;"
        "strides=2,2;NCHW,OIHW16o,NCHW16c)+bias+add+clip(0,6)",
        "conv2d(float32[2,32,14,15],float32[64,8,3,3];dilation=2,1;groups=4;padding=0,1,2,3;"
        "strides=1,2;NCHW8c,OIHW8i8o,NCHW8c)",
        "conv2d_transpose(float32[1,6,7,7],float32[6,2,3,4];dilation=2,1;groups=3;"
        "output_padding=1,0;padding=0,1,2,3;strides=2,3;NCHW,IOHW,NCHW)+bias",
        "depthwise_conv2d(float32[1,32,112,112],float32[32,1,3,3];dilation=1,1;groups=32;"
        "padding=1,1,1,1;strides=1,1;NCHW16c,OIHW16o,NCHW16c)+bias+sigmoid",
        "dense(float32[1,2048],float32[1000,2048];,NK16n,)+bias+tanh",
        "batch_matmul(float32[12,128,64],float32[12,64,128];,,)",
        "batch_matmul(bfloat16[12,128,64],bfloat16[12,64,128];out=float32;,,)+tanh",
        "dense(uint8[1,2048],int8[1000,2048];,NK,)+bias",
        "nest(float32[2,8];,,)=a.B[2,8] select(i1 < 4, a0[i0, 7 - i1], -1.0)",
        "nest(uint8[8],uint8[8],uint8[8];out=float32;,,)=a.B[8] cast(a0[i0] + a2[i0], float32)",
        "dense(int16[1,2048],int16[1000,2048];acc=int64;,NK16n,)"}) {
    Record record = SampleRecord("r");
    const auto workload = ParseWorkload(key);
    ASSERT_TRUE(workload.ok()) << workload.status();
    record.task.workload = *workload;
    const auto back = DecodeLogLine(EncodeLogLine(record).value());
    ASSERT_TRUE(back.ok()) << back.status();
    EXPECT_EQ(*back, record);
  }
}

TEST(AutoTvmLog, ExportImportExportGivesTheSameBytes) {
  auto store = MakeMemoryStore();
  ASSERT_TRUE(store
                  ->Append(std::vector{SampleRecord("a"), SampleFailure("b"),
                                       SampleRecord("c", 1e-9), SampleRecord("d", 12345)})
                  .ok());
  const std::string first = Exported(*store);
  EXPECT_EQ(Exported(*Imported(first)), first);
}

TEST(AutoTvmLog, ForeignLinesAreWrittenBackUnchanged) {
  const std::string log = std::string(kForeign) + "\n" + kForeignFailure + "\n";
  EXPECT_EQ(Exported(*Imported(log)), log);
}

TEST(AutoTvmLog, AForeignLineIsReadForItsFields) {
  const auto record = DecodeLogLine(kForeign);
  ASSERT_TRUE(record.ok()) << record.status();
  EXPECT_EQ(record->task.template_name, "conv2d_hwcn.cuda");
  EXPECT_EQ(record->task.workload.op, "conv2d_hwcn.cuda");
  EXPECT_EQ(ToString(record->task.target), "cuda -model=t4");
  EXPECT_EQ(record->index, 12u);
  EXPECT_EQ(record->config.Split("tile_f"), (std::vector<int64_t>{-1, 1, 32, 1}));
  EXPECT_EQ(record->outcome, Outcome(Timing{{5.5e-05}}));
  EXPECT_EQ(record->run_seconds, 10);
  EXPECT_EQ(record->record_class, "imported");
  EXPECT_EQ(record->software, "tvm 0.7.dev0");
}

TEST(AutoTvmLog, TheCostOfAFailureIsNeverATime) {
  const auto record = DecodeLogLine(kForeignFailure);
  ASSERT_TRUE(record.ok()) << record.status();
  EXPECT_EQ(record->outcome, Outcome(Failure{FailureKind::kBuildTimeout, ""}));
}

TEST(AutoTvmLog, AnOldLineBecomesFormat02) {
  const std::string exported = Exported(*Imported(std::string(kOld) + "\n"));
  EXPECT_EQ(
      exported,
      R"({"input": ["llvm -mcpu=skylake-avx512", "topi_nn_conv2d.winograd", [["TENSOR", [1, 3, )"
      R"(8, 8], "float32"], 3], {}], "config": {"index": 193, "code_hash": null, "entity": )"
      R"([["tile_ic", "sp", [1, 3]], ["unroll_kw", "ot", false]]}, "result": [[9.5e-05], 0, )"
      R"(1.75, 1539972731.25], "version": 0.2, "tvm_version": "0.4-0.6"})"
      "\n");
  EXPECT_EQ(Exported(*Imported(exported)), exported);
}

TEST(AutoTvmLog, ImportSkipsCommentsAndBlanksAndReportsTheRest) {
  const std::string log = std::string("# a comment\n\n  \r\nnot json\n") + kForeign + "\r\n" +
                          R"({"version": 0.3})" + "\n[1]\n" + kForeign;
  ImportReport report;
  Imported(log, &report);
  EXPECT_EQ(report.imported, 1);
  EXPECT_EQ(report.duplicates, 1);
  EXPECT_EQ(report.skipped, 3);
  EXPECT_THAT(report.problems,
              ElementsAre(HasSubstr("line 4: "), HasSubstr("line 6: "), HasSubstr("line 7: ")));
}

TEST(AutoTvmLog, MalformedTensorsOfForeignTemplatesAreKept) {
  std::string line = kForeign;
  const std::string tensor = R"(["TENSOR", [4, 8, 1, 1], "float32"])";
  line.replace(line.find(tensor), tensor.size(), R"(["TENSOR", [4, 8, 1, 1], "float32", [0, 0]])");
  EXPECT_EQ(Exported(*Imported(line + "\n")), line + "\n");
}

TEST(AutoTvmLog, TimesWhoseSumIsInfiniteAreWrittenWithoutHarmAndRefusedWhenRead) {
  Record record = SampleRecord("a");
  record.build_seconds = record.run_seconds = 1e308;
  const absl::StatusOr<std::string> line = EncodeLogLine(record);
  ASSERT_TRUE(line.ok()) << line.status();
  EXPECT_THAT(std::string(DecodeLogLine(*line).status().message()),
              HasSubstr("a time of 1e+308 s; allowed are up to 1e12"));
}

TEST(AutoTvmLog, RefusesWhatCouldHurt) {
  EXPECT_FALSE(DecodeLogLine(std::string(1 << 20, ' ') + " ").ok());
  EXPECT_FALSE(DecodeLogLine(std::string(100000, '[')).ok());
  std::string infinite = kForeign;
  infinite.replace(infinite.find("5.5e-05"), 7, "1e999");
  EXPECT_FALSE(DecodeLogLine(infinite).ok());
  std::string zero = kForeign;
  zero.replace(zero.find("5.5e-05"), 7, "0.0");
  EXPECT_FALSE(DecodeLogLine(zero).ok());
  std::string wrong = EncodeLogLine(SampleRecord("a")).value();
  wrong.replace(wrong.find("[64, 64, 3, 3]"), 14, "[64, 63, 3, 3]");
  EXPECT_THAT(std::string(DecodeLogLine(wrong).status().message()), HasSubstr("channels disagree"));
}

TEST(AutoTvmLog, NumbersThatAreNoIntegersInRangeAreRefused) {
  const auto with = [](const std::string& old, const std::string& number) {
    std::string line = EncodeLogLine(SampleRecord("a")).value();
    line.replace(line.find(old), old.size(), number);
    return DecodeLogLine(line).status();
  };
  for (const std::string number : {"1e24", "-1", "1.5", "18446744073709551616", "true"}) {
    EXPECT_THAT(std::string(with("17", number).message()), HasSubstr("an integer in range"))
        << "index " << number;
    EXPECT_FALSE(with("[64, 64, 3, 3]", "[64, " + number + ", 3, 3]").ok()) << "shape " << number;
    EXPECT_FALSE(with("\"threads\": 1", "\"threads\": " + number).ok()) << "threads " << number;
  }
}

TEST(AutoTvmLog, EveryTruncationOfALineIsRefused) {
  const std::string line = EncodeLogLine(SampleRecord("a")).value();
  for (size_t n = 0; n < line.size(); ++n) EXPECT_FALSE(DecodeLogLine(line.substr(0, n)).ok());
}

TEST(AutoTvmLog, AnIndexThatDisagreesIsReplacedAndReported) {
  const std::string log = EncodeLogLine(SampleRecord("a")).value() + "\n" + kForeign + "\n";
  ImportReport report;
  const auto store = Imported(log, &report, [](const Task&, const Config& config) {
    return absl::StatusOr<std::optional<PlacedConfig>>(PlacedConfig{99, config});
  });
  const RowKind moved{RowFate::kReindexed, "conv2d_nchwc.cpu", "its index was of another space"};
  EXPECT_EQ(report.rows[moved], 1);
  EXPECT_EQ((*store->Best({.op = "conv2d"}))->index, 99u);
}

TEST(AutoTvmLog, AConfigIsKeptInTheSpellingOfItsSpace) {
  const Config spelled = {{{"tile_oc", SplitEntity{{-1, 2}}}}};
  ImportReport report;
  const auto store =
      Imported(EncodeLogLine(SampleRecord("a")).value(), &report, [&](const Task&, const Config&) {
        return absl::StatusOr<std::optional<PlacedConfig>>(PlacedConfig{17, spelled});
      });
  EXPECT_EQ((*store->Best({}))->config, spelled);
  const RowKind taken{RowFate::kTaken, "conv2d_nchwc.cpu", ""};
  EXPECT_EQ(report.rows[taken], 1);
}

TEST(AutoTvmLog, AConfigOutsideItsSpaceIsSkipped) {
  ImportReport report;
  Imported(EncodeLogLine(SampleRecord("a")).value(), &report, [](const Task&, const Config&) {
    return absl::StatusOr<std::optional<PlacedConfig>>(absl::InvalidArgumentError("no such knob"));
  });
  EXPECT_EQ(report.skipped, 1);
  EXPECT_THAT(report.problems, ElementsAre("line 1: no such knob"));
}

TEST(PickBest, KeepsTheFastestLineOfEachTargetAndWorkload) {
  Record elsewhere = SampleRecord("elsewhere", 9);
  elsewhere.task.target.mcpu = "znver4";
  std::string log;
  for (const Record& record :
       {SampleRecord("slow", 2), SampleFailure("crash"), elsewhere, SampleRecord("fast", 1)}) {
    log += EncodeLogLine(record).value() + "\n";
  }
  std::istringstream in("# best of\n" + log);
  std::ostringstream out;
  ASSERT_TRUE(PickBestOfLogs({&in}, out).ok());
  EXPECT_EQ(out.str(), EncodeLogLine(SampleRecord("fast", 1)).value() + "\n" +
                           EncodeLogLine(elsewhere).value() + "\n");
}

TEST(PickBest, MergesLogsAndKeepsTheBestOfEachDevice) {
  Record other = SampleRecord("other device", 1.5);
  other.device = "another";
  std::istringstream monday(EncodeLogLine(SampleRecord("monday", 2)).value() + "\n" +
                            EncodeLogLine(other).value() + "\n");
  std::istringstream tuesday(EncodeLogLine(SampleRecord("tuesday", 1)).value() + "\n");
  std::ostringstream out;
  ASSERT_TRUE(PickBestOfLogs({&monday, &tuesday}, out).ok());
  EXPECT_EQ(out.str(), EncodeLogLine(SampleRecord("tuesday", 1)).value() + "\n" +
                           EncodeLogLine(other).value() + "\n");
}

// Expected texts: CPython 3.11's json.dumps.
TEST(PythonFloat, WritesAsPythonDoes) {
  EXPECT_EQ(PythonFloat(1e9), "1000000000.0");
  EXPECT_EQ(PythonFloat(1e-5), "1e-05");
  EXPECT_EQ(PythonFloat(1.5e-7), "1.5e-07");
  EXPECT_EQ(PythonFloat(1e-4), "0.0001");
  EXPECT_EQ(PythonFloat(0), "0.0");
  EXPECT_EQ(PythonFloat(-2.5), "-2.5");
  EXPECT_EQ(PythonFloat(1e16), "1e+16");
  EXPECT_EQ(PythonFloat(9999999999999998), "9999999999999998.0");
  EXPECT_EQ(PythonFloat(1.5e300), "1.5e+300");
}

}  // namespace
}  // namespace tilewright
