#include "records/lookup/lookup.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/records/look_up.h"
#include "tests/records/sample_records.h"
#include "tests/records/sample_store.h"

namespace tilewright {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

Record With(const std::string& run_id, const Workload& workload, double seconds) {
  Record record = SampleRecord(run_id, seconds);
  record.task.workload = workload;
  return record;
}

TEST(Lookup, TheExactWorkloadWinsOverAFasterEpilogue) {
  const auto store =
      StoreOf({With("exact", SampleWorkload(), 2), With("bare", SampleWorkload(64, ""), 1)});
  const auto result = LookupBest(*store, SampleWorkload(), kTarget, {.explain = true});
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->record->run_id, "exact");
  EXPECT_EQ(result->how, "exact");
  EXPECT_THAT(result->near_misses, IsEmpty());
}

TEST(Lookup, TheBestOfOtherEpiloguesIsUsedWhenThereIsNoExact) {
  const auto store = StoreOf(
      {With("slow", SampleWorkload(64, ""), 2), With("fast", SampleWorkload(64, "+bias"), 1)});
  const auto result = LookupBest(*store, SampleWorkload(), kTarget);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->record->run_id, "fast");
  EXPECT_EQ(result->how, "other epilogue");
}

TEST(Lookup, NeverTakesARecordOfAnotherTarget) {
  Record other = SampleRecord("other");
  other.task.target.mcpu = "znver4";
  Record far = With("far", SampleWorkload(32, ""), 1);
  const auto result =
      LookupBest(*StoreOf({other, far}), SampleWorkload(), kTarget, {.explain = true});
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_FALSE(result->record);
  EXPECT_EQ(result->how, "none");
  EXPECT_THAT(result->near_misses,
              ElementsAre("target differs: cpu -mcpu=znver4 (1 record, the fastest 1.2500 ms by "
                          "conv2d_nchwc.cpu)",
                          "epilogue differs: none; shapes differ: "
                          "float32[1,32,56,56],float32[32,32,3,3] (1 record, the fastest "
                          "1000.0000 ms by conv2d_nchwc.cpu)"));
}

Record On(const std::string& key, const Record& record) {
  Record on = record;
  on.device_key = key;
  return on;
}

TEST(Lookup, TheDeviceAskedForComesBeforeFasterOnes) {
  const auto store = StoreOf({On("mine", With("mine", SampleWorkload(), 2)),
                              On("other", With("other", SampleWorkload(), 1))});
  const auto result = LookupBest(*store, SampleWorkload(), kTarget, {.device_key = "mine"});
  EXPECT_EQ(result->record->run_id, "mine");
  EXPECT_EQ(result->how, "exact");
  EXPECT_EQ(LookupBest(*store, SampleWorkload(), kTarget)->record->run_id, "other");
}

TEST(Lookup, AnotherEpilogueOfTheDeviceComesBeforeOtherDevices) {
  const auto store = StoreOf({On("mine", With("mine", SampleWorkload(64, ""), 2)),
                              On("other", With("other", SampleWorkload(), 1))});
  const auto result = LookupBest(*store, SampleWorkload(), kTarget, {.device_key = "mine"});
  EXPECT_EQ(result->record->run_id, "mine");
  EXPECT_EQ(result->how, "other epilogue");
}

TEST(Lookup, ADeviceWithoutARecordGetsAnothersAndItIsSaid) {
  const auto exact = StoreOf({On("other", With("other", SampleWorkload(), 1))});
  const LookupOptions mine{.explain = true, .device_key = "mine"};
  EXPECT_EQ(LookupBest(*exact, SampleWorkload(), kTarget, mine)->how, "exact, of another device");
  const auto epilogue = StoreOf({On("other", With("other", SampleWorkload(64, ""), 1))});
  EXPECT_EQ(LookupBest(*epilogue, SampleWorkload(), kTarget, mine)->how,
            "other epilogue, of another device");
  Record decision = On("other", With("decided", SampleWorkload(), 1));
  decision.record_class = kInNetworkClass;
  EXPECT_EQ(LookupBest(*StoreOf({decision}), SampleWorkload(), kTarget, mine)->how,
            "in the network, of another device");
  EXPECT_EQ(LookupBest(*MakeMemoryStore(), SampleWorkload(), kTarget, mine)->how, "none");
}

TEST(Lookup, ADecisionOfAnotherDeviceIsNotThatOfTheDeviceAskedFor) {
  Record decision = On("other", With("decided", SampleWorkload(), 1));
  decision.record_class = kInNetworkClass;
  const auto store = StoreOf({decision, On("mine", With("mine", SampleWorkload(), 2))});
  const auto result = LookupBest(*store, SampleWorkload(), kTarget, {.device_key = "mine"});
  EXPECT_EQ(result->record->run_id, "mine");
}

TEST(Lookup, AStaleRecordHidesNoGoodOne) {
  Record stale = With("stale", SampleWorkload(), 1);
  stale.task.template_name = "conv2d_old.cpu";
  const auto store = StoreOf({stale, With("good", SampleWorkload(), 2)});
  const LookupOptions options{.why_unfit = [](const Task& task, const Config&) -> std::string {
    return task.template_name == "conv2d_old.cpu" ? "unknown template" : "";
  }};
  const auto result = LookupBest(*store, SampleWorkload(), kTarget, options);
  ASSERT_TRUE(result.ok()) << result.status();
  ASSERT_TRUE(result->record);
  EXPECT_EQ(result->record->run_id, "good");
  EXPECT_EQ(result->how, "exact");
  EXPECT_THAT(result->passed_over, ElementsAre(testing::HasSubstr("conv2d_old.cpu is not used")));
}

}  // namespace
}  // namespace tilewright
