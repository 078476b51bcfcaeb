// Many workloads looked up at once, in the order in which they were asked for.
#include "records/lookup/model_lookup.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "compiler/templates/template.h"
#include "tests/records/forwarding_store.h"
#include "tests/records/sample_records.h"

namespace tilewright {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr char kLayer[] = "dense(float32[4,32],float32[64,32];,NK16n,)";
constexpr char kOtherLayer[] = "dense(float32[4,64],float32[64,64];,NK16n,)+relu";

// The layer's default (`index` 0) or another config of its space, timed on a device of the key.
Record Timed(const std::string& layer, size_t index, double seconds, const std::string& key) {
  Record record = SampleRecord(key + std::to_string(index) + layer);
  const Workload workload = ParseWorkload(layer).value();
  const TemplateEntry entry = *UntunedTemplate(workload, record.task.target, /*exact=*/false);
  record.task = {workload, entry.name, record.task.target};
  record.config = entry.impl->Default(workload, record.task.target);
  const ConfigSpace space = entry.impl->Space(workload, record.task.target);
  const uint64_t at = space.IndexOf(record.config).value();
  if (index > 0) record.config = space.At(space.Neighbors(at)[index - 1]);
  record.outcome = Timing{{seconds, seconds, seconds}};
  record.device_key = key;
  return record;
}

class ModelLookupTest : public testing::Test {
 protected:
  void Add(const Record& record) { ASSERT_TRUE(store_->Append({&record, 1}).ok()); }
  std::vector<FoundConfig> LookUp(const std::string& key) {
    ModelLookup wanted{.target = ParseTarget("cpu -mcpu=znver5").value(), .device_key = key};
    for (const char* layer : {kLayer, kOtherLayer}) {
      wanted.workloads.push_back(ParseWorkload(layer).value());
    }
    return LookUpModel(*store_, wanted).value();
  }

  const std::unique_ptr<RecordStore> store_ = MakeMemoryStore();
};

TEST_F(ModelLookupTest, EachWorkloadHasItsAnswerInTheOrderAskedFor) {
  Add(Timed(kOtherLayer, 1, 1e-3, "a"));
  const auto found = LookUp("");
  ASSERT_EQ(found.size(), 2u);
  EXPECT_FALSE(found[0].found.record);
  EXPECT_EQ(found[0].found.how, "none");
  EXPECT_EQ(found[1].found.record->task.workload.Key(), kOtherLayer);
}

TEST_F(ModelLookupTest, ARecordNoFasterThanTheMeasuredDefaultKeepsIt) {
  Add(Timed(kLayer, 0, 1e-3, "a"));
  Add(Timed(kLayer, 1, 0.999e-3, "a"));
  Add(Timed(kOtherLayer, 0, 1e-3, "a"));
  Add(Timed(kOtherLayer, 1, 0.5e-3, "a"));
  const auto found = LookUp("");
  EXPECT_TRUE(found[0].keeps_default);
  EXPECT_FALSE(found[1].keeps_default);
}

// Counts the configs that are asked for.
class CountingStore final : public ForwardingStore {
 public:
  using ForwardingStore::ForwardingStore;
  absl::Status ForEachOf(std::span<const RecordFilter> filters,
                         const std::function<void(size_t, const Record&)>& visit) const override {
    for (const RecordFilter& filter : filters) configs += !filter.config.empty();
    return ForwardingStore::ForEachOf(filters, visit);
  }
  mutable size_t configs = 0;
};

TEST_F(ModelLookupTest, AConfigThatAnswersSeveralQuestionsIsLookedForOnce) {
  Add(Timed(kLayer, 0, 4e-3, "a"));
  Add(Timed(kLayer, 1, 2e-3, "a"));
  const CountingStore store(*store_);
  ModelLookup wanted{.target = ParseTarget("cpu -mcpu=znver5").value(), .device_key = "a"};
  wanted.workloads = {ParseWorkload(kLayer).value()};
  const std::vector<FoundConfig> found = LookUpModel(store, wanted).value();
  EXPECT_EQ(found[0].default_seconds, 4e-3);
  EXPECT_EQ(found[0].alone_seconds, 2e-3);
  EXPECT_EQ(store.configs, 2u) << "the default, which is the record's rival too, and its own";
}

TEST_F(ModelLookupTest, TimesAloneAreThoseOfTheDeviceThatWasAskedFor) {
  Add(Timed(kLayer, 0, 4e-3, "a"));
  Add(Timed(kLayer, 1, 2e-3, "a"));
  Add(Timed(kLayer, 0, 8e-3, "b"));
  Add(Timed(kLayer, 2, 1e-3, "b"));
  Add(Timed(kOtherLayer, 1, 1e-3, "b"));
  const auto on_a = LookUp("a");
  EXPECT_EQ(on_a[0].default_seconds, 4e-3);
  EXPECT_EQ(on_a[0].alone_seconds, 2e-3);
  EXPECT_EQ(on_a[1].found.how, "exact, of another device");
  EXPECT_EQ(on_a[1].alone_seconds, 0) << "not measured on it";
  EXPECT_EQ(LookUp("b")[0].alone_seconds, 1e-3);
  EXPECT_EQ(LookUp("")[0].default_seconds, 0) << "on no device in particular";
}

TEST_F(ModelLookupTest, ARecordOfATemplateThatIsNoMoreIsPassedOver) {
  Record stale = Timed(kLayer, 1, 1e-3, "a");
  stale.task.template_name = "dense_old.cpu";
  Add(stale);
  const auto found = LookUp("a");
  EXPECT_FALSE(found[0].found.record);
  EXPECT_THAT(found[0].found.passed_over, ElementsAre(HasSubstr("unknown template dense_old.cpu")));
}

TEST_F(ModelLookupTest, TheBestOfGivenWorkloadsKeepTheirOrder) {
  Add(Timed(kLayer, 1, 1e-3, "a"));
  Add(Timed(kOtherLayer, 1, 2e-3, "a"));
  Add(Timed(kOtherLayer, 2, 3e-3, "a"));
  const auto keys = [](const std::vector<Record>& records) {
    std::vector<std::string> all;
    for (const Record& record : records) all.push_back(WorkloadKey(record));
    return all;
  };
  EXPECT_THAT(keys(*BestRecords(*store_, {}, {kOtherLayer, "dense()", kLayer})),
              ElementsAre(kOtherLayer, kLayer));
  EXPECT_THAT(keys(*BestRecords(*store_, {.device_key = "b"}, {kLayer})), ElementsAre());
  EXPECT_EQ(BestRecords(*store_, {}, {})->size(), 2u);
  EXPECT_EQ(MedianSeconds((*BestRecords(*store_, {}, {kOtherLayer}))[0].outcome), 2e-3);
}

}  // namespace
}  // namespace tilewright
