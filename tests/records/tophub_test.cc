// AutoTVM's own rows: what becomes of them, and back. The rows are of the TopHub packages
// cuda_v0.05 and cuda_v0.10 (tlc-pack/tophub).
#include "records/formats/tophub.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "compiler/operators/workload_rules.h"
#include "compiler/templates/template.h"
#include "records/formats/autotvm_log.h"
#include "records/lookup/fit.h"
#include "tests/records/look_up.h"

namespace tilewright {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr char kConv[] =
    R"({"input": ["cuda -model=v100", "conv2d_nchw.cuda", [["TENSOR", [1, 32, 288, 128], )"
    R"("float32"], ["TENSOR", [5, 32, 1, 1], "float32"], [1, 1], [0, 0, 0, 0], [1, 1], )"
    R"("float32"], {}], "config": {"index": 6798401, "code_hash": null, "entity": [["tile_f", )"
    R"("sp", [-1, 5, 1, 1]], ["tile_y", "sp", [-1, 1, 1, 1]], ["tile_x", "sp", [-1, 1, 128, )"
    R"(1]], ["tile_rc", "sp", [-1, 2]], ["tile_ry", "sp", [-1, 1]], ["tile_rx", "sp", [-1, 1]], )"
    R"(["auto_unroll_max_step", "ot", 512], ["unroll_explicit", "ot", 1]]}, )"
    R"("result": [[5.4039908238276305e-06], 0, 1.9839115142822266, 1598376174.4930673], )"
    R"("version": 0.2, "tvm_version": "0.7.dev1"})";
constexpr char kWinograd[] =
    R"({"input": ["cuda -model=titanx", "conv2d_nchw_winograd.cuda", [["TENSOR", [1, 448, 8, )"
    R"(8], "float32"], ["TENSOR", [384, 448, 3, 3], "float32"], [1, 1], [1, 1, 1, 1], [1, 1], )"
    R"("float32"], {}], "config": {"index": 232980, "code_hash": null, "entity": [["tile_b", )"
    R"("sp", [36, 1, 1, 1]], ["tile_y", "sp", [6, 1, 32, 2]], ["tile_x", "sp", [1, 1, 4, 1]], )"
    R"(["tile_rc", "sp", [28, 16]], ["auto_unroll_max_step", "ot", 0], ["unroll_explicit", )"
    R"("ot", 1]]}, "result": [[0.00011755589655172413], 0, 5.878081798553467, )"
    R"(1535431279.4730268], "version": 0.2, "tvm_version": "0.7.dev0"})";
constexpr char kProduct[] =
    R"({"input": ["cuda -model=v100", "batch_matmul.cuda", [["TENSOR", [1, 128, 20], )"
    R"("float32"], ["TENSOR", [1, 128, 20], "float32"]], {}], "config": {"index": 50881, )"
    R"("code_hash": null, "entity": [["tile_y", "sp", [-1, 32, 2]], ["tile_x", "sp", [-1, 2, )"
    R"(2]], ["tile_k", "sp", [-1, 5]], ["auto_unroll_max_step", "ot", 32], ["unroll_explicit", )"
    R"("ot", 1]]}, "result": [[3.1323694864935406e-06], 0, 1.8492114543914795, )"
    R"(1598402740.7849147], "version": 0.2, "tvm_version": "0.7.dev1"})";
constexpr char kOldDepthwise[] =
    R"({"i": ["cuda -model=titanx", "topi_nn_depthwise_conv2d_nchw", [["TENSOR", [1, 1024, 7, )"
    R"(7], "float32"], ["TENSOR", [1024, 1, 3, 3], "float32"], [1, 1], [1, 1], [1, 1], )"
    R"("float32"], {}, ["depthwise_conv2d_nchw", [1, 1024, 7, 7, "float32"], [1024, 1, 3, 3, )"
    R"("float32"], [1, 1], [1, 1], [1, 1], "float32"], {"i": 25761, "c": null, "e": [["tile_f", )"
    R"("sp", [256, 1, 4, 1]], ["tile_y", "sp", [1, 1, 7, 1]], ["tile_x", "sp", [1, 1, 7, 1]], )"
    R"(["auto_unroll_max_step", "ot", 1500], ["unroll_explicit", "ot", 1]], "t": "direct"}], )"
    R"("r": [[7.3759017449004675e-06], 0, 4.439143419265747, 1535377557.3893585], "v": 0.1})";
// The form of format 0.2 of the same row, as cuda_v0.10 has it.
constexpr char kDepthwise[] =
    R"({"input": ["cuda -model=titanx", "depthwise_conv2d_nchw.cuda", [["TENSOR", [1, 1024, 7, )"
    R"(7], "float32"], ["TENSOR", [1024, 1, 3, 3], "float32"], [1, 1], [1, 1, 1, 1], [1, 1], )"
    R"("float32"], {}], "config": {"index": 25761, "code_hash": null, "entity": [["tile_f", )"
    R"("sp", [256, 1, 4, 1]], ["tile_y", "sp", [1, 1, 7, 1]], ["tile_x", "sp", [1, 1, 7, 1]], )"
    R"(["auto_unroll_max_step", "ot", 1500], ["unroll_explicit", "ot", 1]]}, )"
    R"("result": [[7.3759017449004675e-06], 0, 4.439143419265747, 1535377557.3893585], )"
    R"("version": 0.2, "tvm_version": "0.7.dev0"})";

// A release's rewriting of the first rows put the output padding, two zeros, into the weight.
constexpr char kTransposed[] =
    R"({"input": ["cuda -model=v100", "conv2d_transpose_nchw.cuda", [["TENSOR", [1, 512, 1, )"
    R"(128], "float32"], ["TENSOR", [512, 1, 1, 512], "float32", [0, 0]], [1, 128], [0, 256, )"
    R"(0, 256], "float32"], {}], "config": {"index": 0, "code_hash": null, "entity": )"
    R"([["tile_n", "sp", [1, 1, 1, 1]], ["tile_f", "sp", [1, 1, 1, 1]], ["tile_y", "sp", [1, 1, )"
    R"(1, 1]], ["tile_x", "sp", [16256, 1, 1, 1]], ["tile_rc", "sp", [512, 1, 1]], )"
    R"(["auto_unroll_max_step", "ot", 64], ["unroll_explicit", "ot", 0], ["fuse_yx", "ot", )"
    R"(0]]}, "result": [[0.0012119587660818715], 0, 1.7999486923217773, 1573768815.1405716], )"
    R"("version": 0.2, "tvm_version": "0.7.dev0"})";

// A kernel of 1x7: the template of 2018 gave the seven to the knob tile_ry.
constexpr char kOldOrder[] =
    R"({"input": ["cuda -model=titanx", "conv2d_nchw.cuda", [["TENSOR", [1, 192, 17, 17], )"
    R"("float32"], ["TENSOR", [192, 192, 1, 7], "float32"], [1, 1], [0, 3, 0, 3], [1, 1], )"
    R"("float32"], {}], "config": {"index": 325452, "code_hash": null, "entity": [["tile_f", )"
    R"("sp", [8, 1, 6, 4]], ["tile_y", "sp", [17, 1, 1, 1]], ["tile_x", "sp", [1, 1, 17, 1]], )"
    R"(["tile_rc", "sp", [32, 6]], ["tile_rx", "sp", [1, 1]], ["tile_ry", "sp", [7, 1]], )"
    R"(["auto_unroll_max_step", "ot", 1500], ["unroll_explicit", "ot", 0]]}, )"
    R"("result": [[0.00016267638502673795], 0, 1.3517541885375977, 1535442556.6070833], )"
    R"("version": 0.2, "tvm_version": "0.7.dev0"})";

// Winograd's row under the name of a template that is none of ours.
const std::string kUnknown =
    absl::StrReplaceAll(kWinograd, {{"conv2d_nchw_winograd", "conv2d_nhwc_winograd"}});

ImportReport Import(const std::string& log, RecordStore& store) {
  std::istringstream in(log);
  const absl::StatusOr<ImportReport> report = ImportLog(in, store, PlaceInTemplate);
  EXPECT_TRUE(report.ok()) << report.status();
  return report.ok() ? *report : ImportReport{};
}

std::string Changed(absl::string_view from, absl::string_view to) {
  const std::string changed = absl::StrReplaceAll(kConv, {{from, to}});
  EXPECT_NE(changed, kConv) << from;
  return changed;
}

TEST(TopHub, ARowOfATemplateOfOursIsARecordOfItsWorkload) {
  const absl::StatusOr<Record> record = DecodeLogLine(kConv);
  ASSERT_TRUE(record.ok()) << record.status();
  EXPECT_EQ(record->task.workload.Key(),
            "conv2d(float32[1,32,288,128],float32[5,32,1,1];dilation=1,1;groups=1;padding=0,0,0,0;"
            "strides=1,1;NCHW,OIHW,NCHW)");
  EXPECT_EQ(record->foreign_line, "");
  EXPECT_EQ(ToString(record->task.target), "cuda -model=v100");
  EXPECT_EQ(DecodeLogLine(EncodeLogLine(*record).value()).value(), *record);
}

TEST(TopHub, IndexAndEntitiesAgreeWithTheTemplatesSpace) {
  for (const char* line : {kConv, kWinograd, kTransposed, kDepthwise, kOldDepthwise, kOldOrder}) {
    const Record record = DecodeLogLine(line).value();
    const auto placed = PlaceInTemplate(record.task, record.config);
    ASSERT_TRUE(placed.ok() && *placed) << placed.status();
    EXPECT_EQ((*placed)->index, record.index) << line;
  }
}

TEST(TopHub, AGroupedConvolutionsRowIsARecordAndGoesBack) {
  const std::string line =
      absl::StrReplaceAll(kConv, {{"conv2d_nchw.cuda", "group_conv2d_nchw.cuda"},
                                  {"[5, 32, 1, 1]", "[4, 16, 1, 1]"},
                                  {R"([1, 1], "float32"])", R"([1, 1], 2, "float32"])"},
                                  {R"([["tile_f", "sp", [-1, 5, 1, 1]])",
                                   R"([["tile_n", "sp", [-1, 1, 1, 1]], ["tile_g", "sp", [-1, 2]],)"
                                   R"( ["tile_f", "sp", [-1, 1, 2, 1]])"},
                                  {R"(["unroll_explicit", "ot", 1]])",
                                   R"(["unroll_explicit", "ot", 1], ["fuse_yx", "ot", 1]])"}});
  const absl::StatusOr<Record> record = DecodeLogLine(line);
  ASSERT_TRUE(record.ok()) << record.status();
  EXPECT_EQ(record->foreign_line, "");
  EXPECT_EQ(record->task.workload.Key(),
            "conv2d(float32[1,32,288,128],float32[4,16,1,1];dilation=1,1;groups=2;padding=0,0,0,0;"
            "strides=1,1;NCHW,OIHW,NCHW)");
  const auto placed = PlaceInTemplate(record->task, record->config);
  EXPECT_TRUE(placed.ok() && *placed) << placed.status();
  EXPECT_EQ(DecodeLogLine(EncodeLogLine(*record).value()).value(), *record);
}

TEST(TopHub, ARowOfFormat01IsTheRowThatTopHubMadeOfIt) {
  Record old = DecodeLogLine(kOldDepthwise).value();
  const Record today = DecodeLogLine(kDepthwise).value();
  old.run_id = today.run_id;
  old.software = today.software;
  EXPECT_EQ(old, today);
}

// A row of each kind in the package cuda_v0.10, of whose 825 rows 806 are taken or re-indexed and
// 19 stay foreign: 18 of batch_matmul and 1 of conv1d_transpose.
TEST(TopHub, EveryRowIsAccountedFor) {
  const auto store = MakeMemoryStore();
  const std::string log =
      absl::StrCat("# a comment\n", kConv, "\n", kWinograd, "\n", kProduct, "\n", kTransposed, "\n",
                   kUnknown, "\n", kDepthwise, "\n", Changed("6798401", "12"), "\n");
  const ImportReport report = Import(log, *store);
  std::vector<std::string> table;
  for (const auto& [kind, count] : report.rows) {
    table.push_back(absl::StrCat(count, " ", std::string(NameOf(kind.fate)), " ",
                                 kind.template_name, " ", kind.reason));
  }
  EXPECT_THAT(
      table,
      ElementsAre("1 taken conv2d_nchw.cuda ", "1 taken conv2d_nchw_winograd.cuda ",
                  "1 taken conv2d_transpose_nchw.cuda ", "1 taken depthwise_conv2d_nchw.cuda ",
                  "1 re-indexed conv2d_nchw.cuda its index was of another space",
                  "1 foreign batch_matmul.cuda arguments that tilewright's template does not have: "
                  "its second matrix is [B, N, K]; tilewright's is [B, K, N]",
                  "1 foreign conv2d_nhwc_winograd.cuda tilewright generates no code for this "
                  "template"));
  EXPECT_EQ(report.imported, 7);
}

TEST(TopHub, WinogradOfWhatOursDoesNotTakeStaysForeign) {
  for (const auto& [from, to] : {std::pair<const char*, const char*>{"448, 3, 3]", "448, 5, 5]"},
                                 {"[1, 1], \"float32\"]", "[2, 2], \"float32\"]"},
                                 {"float32", "float16"}}) {
    const auto store = MakeMemoryStore();
    const ImportReport report = Import(absl::StrReplaceAll(kWinograd, {{from, to}}) + "\n", *store);
    ASSERT_EQ(report.rows.size(), 1u) << to;
    EXPECT_EQ(report.rows.begin()->first.fate, RowFate::kForeign) << to;
  }
}

TEST(TopHub, EachMistakeIsNamedCountedAndSurvived) {
  const std::pair<std::string, const char*> cases[] = {
      {Changed(R"(["tile_y", "sp", [-1, 1, 1, 1]])", R"(["tile_y", "sp", [1, 1.5]])"),
       "a broken entity"},
      {Changed(R"(["tile_y", "sp", [-1, 1, 1, 1]])", R"(["tile_y", "sp"])"), "a broken entity"},
      {Changed(R"(["tile_y", "sp", [-1, 1, 1, 1]], )", ""), "missing knob"},
      {Changed(R"("tile_y")", R"("tile_z")"), "unknown knob"},
      {Changed(R"("tile_y")", R"("tile_x")"), "knob given twice"},
      {Changed("[-1, 5, 1, 1]", "[2, 5, 1, 1]"), "a split that does not fit its axis"},
      {Changed("[-1, 5, 1, 1]", "[-1, 3, 1, 1]"), "a split that does not fit its axis"},
      {Changed("[-1, 5, 1, 1]", "[9223372036854775807, 5, 9223372036854775807, 1]"),
       "a split that does not fit its axis"},
      {Changed(R"("ot", 512)", R"("ot", 513)"), "a value that the knob does not have"},
      {Changed(R"("version": 0.2)", R"("version": 0.3)"), "another format version"},
      {Changed("5.4039908238276305e-06", "-1.0"), "a value out of range"},
      {Changed(R"("result")", R"("results")"), "a member that is missing or of another type"},
      {std::string(kConv).substr(0, 300), "no JSON"},
      {"[1]", "no record"},
      {std::string(kConv) + std::string(10 << 20, ' '), "too long a line"},
  };
  for (const auto& [line, reason] : cases) {
    const auto store = MakeMemoryStore();
    const ImportReport report = Import(absl::StrCat(kDepthwise, "\n", line, "\n", kConv), *store);
    EXPECT_EQ(report.imported, 2) << reason;
    EXPECT_EQ(report.skipped, 1) << reason;
    ASSERT_EQ(report.problems.size(), 1u) << reason;
    EXPECT_THAT(report.problems[0], HasSubstr(absl::StrCat("line 2: ", reason, ": ")));
    EXPECT_EQ(report.rows.rbegin()->first.reason, reason);
    EXPECT_EQ(report.rows.rbegin()->first.fate, RowFate::kRefused);
  }
}

TEST(TopHub, AnEndlessVarietyOfTemplatesIsCountedInBoundedSpace) {
  std::string log;
  for (int i = 0; i < 500; ++i) {
    log += absl::StrReplaceAll(kWinograd, {{"winograd.cuda", absl::StrCat("t", i)}}) + "\n";
  }
  const auto store = MakeMemoryStore();
  const ImportReport report = Import(log, *store);
  EXPECT_LE(report.rows.size(), 101u);
  EXPECT_EQ(report.imported, 500);
}

TEST(TopHub, AnExportedPackageHasTheRowsThatCameFromOne) {
  const auto store = MakeMemoryStore();
  const std::string slower = Changed("5.4039908238276305e-06", "6e-06");
  Import(absl::StrCat(slower, "\n", kConv, "\n", kUnknown, "\n"), *store);
  std::ostringstream out;
  const absl::StatusOr<TopHubReport> report = ExportTopHub(*store, "cuda", {}, out);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->rows, 2);
  EXPECT_EQ(out.str(), absl::StrCat("# TopHub package for cuda, written by tilewright\n", kConv,
                                    "\n", kUnknown, "\n"));
}

// Our own measurement of a fused layer is AutoTVM's row of the bare operator.
TEST(TopHub, ARecordOfOursBecomesARowThatAutoTvmLooksUp) {
  Record record = DecodeLogLine(kConv).value();
  record.task.target = ParseTarget("cuda -arch=sm_90 -model=h100").value();
  record.task.workload = ParseWorkload(record.task.workload.Key() + "+bias+relu").value();
  record.outcome = Timing{{3e-5, 1e-5, 2e-5}};
  record.software = "tilewright 0.1.0";
  record.record_class = "ok";
  const absl::StatusOr<std::string> row = TopHubRow(record);
  ASSERT_TRUE(row.ok()) << row.status();
  EXPECT_EQ(*row, absl::StrReplaceAll(kConv, {{"cuda -model=v100", "cuda -arch=sm_90 -model=h100"},
                                              {"5.4039908238276305e-06", "2e-05"},
                                              {"0.7.dev1", "tilewright 0.1.0"}}));
}

TEST(TopHub, EveryTemplateThatAutoTvmHasGoesThereAndBack) {
  const std::pair<const char*, const char*> cases[] = {
      {"conv2d_nchw.cuda",
       "conv2d(float32[2,3,14,15],float32[8,3,3,5];dilation=2,1;groups=1;padding=0,1,2,3;"
       "strides=1,2;NCHW,OIHW,NCHW)"},
      {"depthwise_conv2d_nchw.cuda",
       "depthwise_conv2d(float16[1,32,14,14],float16[32,1,3,3];dilation=1,1;groups=32;"
       "padding=1,1,1,1;strides=1,1;NCHW,OIHW,NCHW)"},
      {"conv2d_nchw_winograd.cuda",
       "conv2d(float32[1,64,35,35],float32[96,64,3,3];dilation=1,1;groups=1;padding=1,2,1,2;"
       "strides=1,1;NCHW,OIHW,NCHW)"},
      {"conv2d_transpose_nchw.cuda",
       "conv2d_transpose(float32[1,512,9,4],float32[512,256,3,3];dilation=1,1;groups=1;"
       "output_padding=1,1;padding=1,1,1,1;strides=2,2;NCHW,IOHW,NCHW)"},
      {"dense_large_batch.gpu", "dense(float32[64,2048],float32[1000,2048];,NK,)"},
      {"dense_small_batch.gpu", "dense(float32[1,2048],float32[1000,2048];,NK,)"},
      {"batch_matmul.cuda", "batch_matmul(float32[12,128,64],float32[12,64,128];,,)"},
      {"tutorial/conv2d_no_batching",
       "conv2d(float32[1,512,7,7],float32[512,512,3,3];dilation=1,1;groups=1;padding=1,1,1,1;"
       "strides=1,1;NCHW,OIHW,NCHW)"}};
  for (const auto& [name, key] : cases) {
    Record record = DecodeLogLine(kConv).value();
    record.task.template_name = name;
    record.task.workload = ParseWorkload(key).value();
    const absl::StatusOr<std::string> row = TopHubRow(record);
    ASSERT_TRUE(row.ok()) << name << ": " << row.status();
    const absl::StatusOr<Record> back = DecodeLogLine(*row);
    ASSERT_TRUE(back.ok()) << name << ": " << back.status();
    EXPECT_EQ(back->task.workload.Key(), key) << name << ": " << *row;
  }
}

TEST(TopHub, WhatAutoTvmCannotSayIsLeftOutAndCounted) {
  Record record = DecodeLogLine(kConv).value();
  record.task.template_name = "conv2d_ours.cuda";
  const auto store = MakeMemoryStore();
  ASSERT_TRUE(store->Append(std::vector{record}).ok());
  std::ostringstream out;
  const TopHubReport report = ExportTopHub(*store, "cuda", {}, out).value();
  EXPECT_EQ(report.rows, 0);
  EXPECT_EQ(report.left_out.at("conv2d_ours.cuda: AutoTVM has no template of this name"), 1);
}

// A row of another device serves where the asked one has none, the nearest device first.
TEST(TopHub, LookUpsFallBackToTheNearestDevice) {
  const auto store = MakeMemoryStore();
  const std::string slow =
      absl::StrReplaceAll(kConv, {{"v100", "1080ti"}, {"5.4039908238276305e-06", "1e-03"}});
  Import(absl::StrCat(kConv, "\n", slow, "\n"), *store);
  const Workload layer =
      ParseWorkload(DecodeLogLine(kConv)->task.workload.Key() + "+bias+relu").value();
  const std::pair<const char*, const char*> cases[] = {
      {"cuda -arch=sm_61", "fallback, measured on 1080ti"},
      {"cuda -arch=sm_61 -model=1080ti", "fallback, measured on 1080ti"},
      {"cuda -arch=sm_90 -model=1080ti", "fallback, measured on 1080ti"},
      {"cuda -arch=sm_75", "fallback, measured on v100"},
      {"cuda -model=v100", "other epilogue"},
      {"opencl", "none"},
      {"opencl -model=v100", "none"}};
  for (const auto& [target, how] : cases) {
    EXPECT_EQ(LookupBest(*store, layer, ParseTarget(target).value())->how, how) << target;
  }
}

}  // namespace
}  // namespace tilewright
