// The table at the end of `tune`.
#include "cli/tuning/tuning_report.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "compiler/templates/template.h"
#include "proto/convert.h"
#include "tests/paths.h"
#include "tests/records/sample_records.h"

namespace tilewright {
namespace {

// Two dense layers of one network, the second twice, each with its default and one other config.
class TuningReportTest : public testing::Test {
 protected:
  TuningReportTest() {
    spec_.set_key("xeon");
    AddLayer("dense(float32[4,32],float32[64,32];,NK16n,)", 1, 8e-3, 4e-3);
    AddLayer("dense(float32[4,64],float32[64,64];,NK16n,)+relu", 2, 10e-3, 20e-3);
  }

  void AddLayer(const std::string& key, uint32_t count, double untuned, double other) {
    Record record = SampleRecord("default of " + key);
    const Workload workload = ParseWorkload(key).value();
    const TemplateEntry entry = *UntunedTemplate(workload, record.task.target, /*exact=*/false);
    record.task = {workload, entry.name, record.task.target};
    record.config = entry.impl->Default(workload, record.task.target);
    record.outcome = Timing{{untuned, untuned * 1.001, untuned * 1.002}};
    Record better = record;
    better.run_id = "other of " + key;
    const ConfigSpace space = entry.impl->Space(workload, record.task.target);
    better.config = space.At(space.Neighbors(space.IndexOf(record.config).value()).front());
    better.outcome = Timing{{other, other * 1.001, other * 1.002}};
    ASSERT_TRUE(store_->Append(std::vector<Record>{record, better}).ok());
    v1::JobTask& task = *spec_.add_tasks();
    *task.mutable_task() = ToMessage(record.task);
    task.set_count(count);
    v1::TaskResult& result = *last_.add_tasks();
    *result.mutable_task() = task.task();
    result.set_trials(32);
    result.set_failures(1);
  }

  static LookUpFunction LookUpIn(const RecordStore& store) {
    return [&store](const ModelLookup& wanted) { return LookUpModel(store, wanted); };
  }

  TuningReport Make(std::optional<InNetwork> in_network = std::nullopt) {
    return MakeTuningReport({.spec = spec_,
                             .last = last_,
                             .look_up = LookUpIn(*store_),
                             .in_network = std::move(in_network),
                             .limits = {.flops = 20e6, .bytes = 10e9}})
        .value();
  }

  v1::JobSpec spec_;
  v1::JobEvent last_;
  const std::unique_ptr<RecordStore> store_ = MakeMemoryStore();
};

TEST_F(TuningReportTest, TheLargestPartOfTheTimeComesFirst) {
  const TuningReport report = Make();
  ASSERT_EQ(report.layers.size(), 2u);
  EXPECT_EQ(report.layers[0].layers, 2u);
  EXPECT_NEAR(report.layers[1].gain.tuned, 4e-3, 1e-5);
  EXPECT_NEAR(report.whole.untuned, 28e-3, 1e-4);
  EXPECT_NEAR(report.whole.tuned, 24e-3, 1e-4);
}

TEST_F(TuningReportTest, ARecordWorseThanTheDefaultNeverWins) {
  const TuningReport report = Make();
  EXPECT_EQ(report.layers[0].gain.tuned, report.layers[0].gain.untuned);
}

TEST_F(TuningReportTest, WhatTheNetworkDecidedTakesThePlaceOfKernelsAlone) {
  InNetwork in_network{.whole = {40e-3, 32e-3}, .rounds = 9};
  in_network.layers[spec_.tasks(0).task().workload()] = {9e-3, 6e-3};
  const TuningReport report = Make(in_network);
  EXPECT_EQ(report.whole.tuned, 32e-3);
  EXPECT_EQ(report.layers[1].gain.tuned, 6e-3);
}

TEST_F(TuningReportTest, IsPrintedAsTheGoldenTable) {
  InNetwork in_network{.whole = {40e-3, 32e-3}, .rounds = 9};
  in_network.layers[spec_.tasks(0).task().workload()] = {9e-3, 6e-3};
  std::ifstream file(TILEWRIGHT_SOURCE_DIR "/tests/golden/cli/tuning_report.txt");
  const std::string golden{std::istreambuf_iterator<char>(file), {}};
  EXPECT_EQ(ToText(Make()) + "\n" + ToText(Make(in_network)), golden);
}

TEST_F(TuningReportTest, JsonHasTheSameNumbers) {
  const auto json = ToJson(Make());
  EXPECT_NEAR(json["layers"][1]["gain"].get<double>(), 2.0, 0.01);
  EXPECT_NEAR(json["model"]["gain"].get<double>(), 28.0 / 24, 0.01);
  EXPECT_GT(json["layers"][0]["share_of_limit"].get<double>(), 0);
}

TEST_F(TuningReportTest, WhatIsNotKnownIsADash) {
  const auto empty = MakeMemoryStore();
  const TuningReport report =
      MakeTuningReport({.spec = spec_, .last = last_, .look_up = LookUpIn(*empty)}).value();
  EXPECT_EQ(report.whole.tuned, 0);
  EXPECT_NE(ToText(report).find("no layer has a time yet"), std::string::npos);
  EXPECT_TRUE(ToJson(report)["model"]["gain"].is_null());
}

}  // namespace
}  // namespace tilewright
