// What a whole network decided comes before kernels measured alone.
#include "records/lookup/decision.h"

#include <gtest/gtest.h>

#include "records/lookup/finalists.h"
#include "tests/records/look_up.h"
#include "tests/records/sample_records.h"
#include "tests/records/sample_store.h"

namespace tilewright {
namespace {

// A measurement of config `tile` at a time, all samples about `seconds`.
Record At(double unix_time, int64_t tile, double seconds, const std::string& kind = "ok") {
  Record record = SampleRecord(std::to_string(unix_time) + kind + std::to_string(tile));
  record.config.entities = {{"tile_oc", SplitEntity{{-1, tile}}}};
  record.outcome = Timing{{seconds, seconds * 1.001, seconds * 1.002}};
  record.unix_time = unix_time;
  record.record_class = kind;
  return record;
}

LookupResult Find(const std::vector<Record>& records, const LookupOptions& options = {}) {
  return LookupBest(*StoreOf(records), SampleWorkload(), kTarget, options).value();
}

int64_t TileOf(const LookupResult& found) { return found.record->config.Inner("tile_oc"); }

TEST(Decision, HoldsAgainstFasterKernelsThatWereKnown) {
  const LookupResult found = Find({At(1, 2, 1.0), At(2, 4, 0.5), At(3, 2, 1.2, kInNetworkClass)});
  EXPECT_EQ(TileOf(found), 2);
  EXPECT_EQ(found.how, "in the network");
}

TEST(Decision, TheNewestCounts) {
  const LookupResult found = Find({At(1, 2, 1.0, kInNetworkClass), At(2, 4, 1.1, kInNetworkClass)});
  EXPECT_EQ(TileOf(found), 4);
}

TEST(Decision, AConfigThatWasFirstMeasuredLaterAndIsFasterBeyondNoiseWins) {
  const LookupResult found = Find({At(1, 2, 1.0), At(2, 2, 1.2, kInNetworkClass), At(3, 8, 0.9)});
  EXPECT_EQ(TileOf(found), 8);
  EXPECT_EQ(found.how, "exact");
}

TEST(Decision, HoldsAgainstANewConfigThatIsFasterByNoiseOnly) {
  const LookupResult found = Find({At(1, 2, 1.0), At(2, 2, 1.2, kInNetworkClass), At(3, 8, 0.995)});
  EXPECT_EQ(TileOf(found), 2);
}

TEST(Decision, HoldsAgainstALaterMeasurementOfAKnownConfig) {
  const LookupResult found =
      Find({At(1, 2, 1.0), At(1.5, 8, 0.9), At(2, 2, 1.2, kInNetworkClass), At(3, 8, 0.5)});
  EXPECT_EQ(TileOf(found), 2);
}

TEST(Decision, AnUnfitOneIsPassedOver) {
  const LookupOptions options{.why_unfit = [](const Task&, const Config& config) {
    return std::string(config.Inner("tile_oc") == 2 ? "no such tile" : "");
  }};
  const LookupResult found =
      Find({At(1, 2, 0.5), At(1, 4, 1.0), At(2, 2, 0.5, kInNetworkClass)}, options);
  EXPECT_EQ(TileOf(found), 4);
}

TEST(Decision, SaysNothingAboutOtherNumbersOfThreads) {
  Record two = At(2, 4, 0.5, kInNetworkClass);
  two.threads = 2;
  EXPECT_EQ(TileOf(Find({At(1, 2, 1.0), two})), 2);
  EXPECT_EQ(TileOf(Find({At(1, 2, 1.0), two}, {.threads = 2})), 4);
}

TEST(Lookup, DoesNotMixNumbersOfThreads) {
  Record two = At(2, 4, 0.5);
  two.threads = 2;
  EXPECT_EQ(TileOf(Find({At(1, 2, 1.0), two})), 2);
  EXPECT_EQ(TileOf(Find({At(1, 2, 1.0), two}, {.threads = 2})), 4);
  EXPECT_FALSE(Find({two}).record);
}

TEST(Decision, IsNoMeasurementOfAKernel) {
  const auto store = StoreOf({At(1, 2, 1.0), At(2, 4, 0.1, kInNetworkClass)});
  EXPECT_EQ(store->Best({})->value().config.Inner("tile_oc"), 2);
}

TEST(Finalists, AreTheFastestOfEachTemplateThenTheFastest) {
  Record other = At(1, 16, 1.5);
  other.task.template_name = "conv2d_winograd.cpu";
  Record hopeless = At(1, 1, 2.5);
  hopeless.task.template_name = "conv2d_nchw.cpu";
  const auto store = StoreOf({At(1, 2, 1.2), At(2, 4, 1.0), At(3, 8, 1.1), other, hopeless});
  const std::vector<Record> found =
      Finalists(*store, SampleRecord("").task, 3, {.device_key = "xeon"}).value();
  ASSERT_EQ(found.size(), 3u);
  EXPECT_EQ(found[0].config.Inner("tile_oc"), 4);
  EXPECT_EQ(found[1].task.template_name, "conv2d_winograd.cpu");
  EXPECT_EQ(found[2].config.Inner("tile_oc"), 8);
}

}  // namespace
}  // namespace tilewright
