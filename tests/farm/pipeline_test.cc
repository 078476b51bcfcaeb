// The worker's pipeline with stand-ins for builder and runner.
#include "worker/pipeline/pipeline.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <csignal>
#include <filesystem>
#include <future>
#include <iterator>

#include "tests/farm/pipeline_fixture.h"

namespace tilewright {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr char kHang[] =
    "ready\nif [ -z \"$reference\" ]; then sleep 1000; fi\necho $token ok >&3\n";

TEST_F(PipelineTest, MeasuresWhatIsAddedAndLeavesNoFile) {
  Start("built()", kMeasure);
  Add(1);
  const auto [attempt, outcome] = Next();
  EXPECT_EQ(attempt.number, 1u);
  EXPECT_EQ(outcome.value(), Outcome(Timing{{0.5}}));
  pipeline_.reset();
  for (const auto& entry : std::filesystem::directory_iterator(files_->path())) {
    EXPECT_EQ(entry.path().filename(), "lock");
  }
}

TEST_F(PipelineTest, WhatTheMachineCannotDoIsNoOutcome) {
  Start("send(json.dumps({'fault': 'disk full'}).encode())", kMeasure);
  Add(1);
  EXPECT_THAT(std::string(Next().second.status().message()), HasSubstr("disk full"));
  Start("built()", "if [ -n \"$reference\" ]; then ready; echo $token ok >&3; fi\n");
  Add(2);
  EXPECT_THAT(std::string(Next().second.status().message()), HasSubstr("before it called"));
  Start("built()",
        "ready\nif [ -n \"$reference\" ]; then echo $token ok >&3; exit; fi\n"
        "kill -9 $$\n");
  Add(3);
  EXPECT_THAT(std::string(Next().second.status().message()), HasSubstr("killed from outside"));
}

TEST_F(PipelineTest, AMissingReferenceIsNoOutcomeAndTheNextTrialTriesAgain) {
  Start("built()", "if [ -n \"$reference\" ] && [ ! -e " + path("failed") + " ]; then touch " +
                       path("failed") + "; echo $token fault no space >&3; exit; fi\n" + kMeasure);
  Add(1);
  EXPECT_FALSE(Next().second.ok());
  Add(2);
  EXPECT_TRUE(Next().second.ok());
}

TEST_F(PipelineTest, ASlowReferenceHoldsUpOnlyItsOwnTrials) {
  // The first builder is kept busy by the reference of one workload; the second goes on.
  Start(
      "if 'float32[4,8]' in request['workload'] and 'config' not in request:\n"
      "  while not os.path.exists('" +
          path("go") +
          "'): time.sleep(0.01)\n"
          "built()",
      kMeasure, /*builders=*/2);
  Add(1);
  Add(2);
  Add(3, kOther);
  // With the references of both trials of the slow workload missing, slots take the third.
  std::thread release([this] {
    const auto [attempt, outcome] = Next();
    EXPECT_EQ(attempt.number, 3u);
    EXPECT_TRUE(outcome.ok());
    std::ofstream(path("go")) << "x";
  });
  release.join();
  EXPECT_TRUE(Next().second.ok());
  EXPECT_TRUE(Next().second.ok());
}

// A run that has time to spare takes it until it is told. What was written of its turn before it is
// in the argument.
std::string UntilTold(const std::string& in_turn) {
  return "if [ -z \"$reference\" ]; then\n  ready\n  " + in_turn +
         "\n  [ $spare = 0 ] || told=$(cat)\n  echo $token ok 0.5 >&3\nelse\n" + kMeasure + "fi\n";
}

TEST_F(PipelineTest, ASlotSamplesUntilTheNextKernelIsBuilt) {
  const std::string runs = path("runs"), spare = path("spare");
  // The second kernel is built once the first runs.
  Start("while count == 3 and not os.path.exists('" + runs + "'): time.sleep(0.01)\nbuilt()",
        UntilTold("echo $spare >>" + spare + "\n  touch " + runs));
  for (const uint64_t number : {1, 2}) Add(number);
  for (int i = 0; i < 2; ++i) EXPECT_EQ(Next().second.value(), Outcome(Timing{{0.5}}));
  std::ifstream in(spare);
  const std::vector<double> seconds{std::istream_iterator<double>(in), {}};
  ASSERT_THAT(seconds, SizeIs(2));
  EXPECT_EQ(seconds[0], MeasureOptions().run_limit_seconds / 4) << "the second was to be built";
  EXPECT_EQ(seconds[1], 0) << "it was the last";
}

TEST_F(PipelineTest, ASlotSamplesNoLongerOnceTheNextBuildHasFailed) {
  const std::string runs = path("runs");
  Start("while count == 3 and not os.path.exists('" + runs +
            "'): time.sleep(0.01)\n"
            "if count == 3: send(json.dumps({'fault': 'disk full'}).encode())\n"
            "else: built()",
        UntilTold("touch " + runs));
  for (const uint64_t number : {1, 2}) Add(number);
  EXPECT_EQ(Next().first.number, 2u);
  EXPECT_EQ(Next().second.value(), Outcome(Timing{{0.5}}));
}

TEST_F(PipelineTest, ASlotSamplesNoLongerForATrialThatIsDropped) {
  const std::string runs = path("runs");
  for (const bool all : {false, true}) {
    Start("if count == 3: time.sleep(1000)\nbuilt()", UntilTold("touch " + runs));
    for (const uint64_t number : {1, 2}) Add(number);
    while (!std::filesystem::exists(runs)) std::this_thread::yield();
    all ? pipeline_->DropAll() : pipeline_->Drop({1, 2});
    EXPECT_EQ(Next().first.number, 1u) << "the other's build has not ended";
    pipeline_.reset();
    std::filesystem::remove(runs);
  }
}

TEST_F(PipelineTest, StoppingEndsTheTimeToSpareOfWhatRuns) {
  const std::string runs = path("runs");
  Start("if count == 3: time.sleep(1000)\nbuilt()", UntilTold("touch " + runs));
  for (const uint64_t number : {1, 2}) Add(number);
  while (!std::filesystem::exists(runs)) std::this_thread::yield();
  pipeline_->Stop(/*grace_seconds=*/1000);
  EXPECT_EQ(Next().second.value(), Outcome(Timing{{0.5}}));
}

TEST_F(PipelineTest, AttemptsOfAnotherLifeOfTheServerAreOthers) {
  Start("time.sleep(0.2)\nbuilt()", kMeasure);
  Add(1, kSmall, /*epoch=*/1);
  Add(2, kSmall, /*epoch=*/1);
  pipeline_->DropAll();
  Add(2, kSmall, /*epoch=*/2);
  const auto [attempt, outcome] = Next();
  EXPECT_EQ(attempt, (AttemptId{2, 2}));
  EXPECT_TRUE(outcome.ok());
}

TEST_F(PipelineTest, StoppingKillsWhatRunsAfterTheGraceAndReportsNothingOfIt) {
  Start("built()", "touch " + path("runs") + "\n" + kHang);
  Add(1);
  Add(2);
  while (!std::filesystem::exists(path("runs"))) std::this_thread::yield();
  pipeline_->Stop(0.1);
  results_.Close();
  EXPECT_FALSE(results_.Pop().has_value());
}

TEST_F(PipelineTest, StoppingEndsABuildAndAReferenceUnderWay) {
  for (const char* body :
       {"time.sleep(1000)", "if 'config' in request: time.sleep(1000)\nbuilt()"}) {
    Start(body, "sleep 1000\n");
    Add(1);
    pipeline_.reset();
  }
  results_.Close();
  EXPECT_FALSE(results_.Pop().has_value());
}

TEST_F(PipelineTest, ASlotFoundUnfitMeasuresNoMoreOnceTheOwnerPauses) {
  std::atomic<int> found = 0;
  pipeline_ = std::make_unique<Pipeline>(
      PipelineSetup{.runner = FakeRunner(path("runner"), kMeasure),
                    .builder = FakeBuilder(path("builder"), "built()"),
                    .folder = files_->path(),
                    .builders = 1,
                    .cores = {.slots = {{}}, .others = {}},
                    .checkup = [](size_t) { return absl::UnavailableError("slow"); },
                    .checkup_seconds = 1e-9},
      [this](const WorkerTrial& trial, WorkerResult result) {
        results_.Push({trial.attempt, std::move(result.outcome)});
      },
      [&](const absl::Status& why, const std::vector<WorkerTrial>&) {
        EXPECT_EQ(why.message(), "slow");
        ++found;
        pipeline_->Pause();
      });
  Add(1);
  while (found == 0 || !pipeline_->Held().empty()) std::this_thread::yield();
  pipeline_->Stop(1);
  results_.Close();
  EXPECT_FALSE(results_.Pop().has_value());
}

// Two checkups pass, the third cannot be made and the fourth fails.
TEST_F(PipelineTest, WhatASlotMeasuredSinceItsLastGoodCheckupIsSuspectOnceOneFails) {
  std::atomic<int> checkups = 0;
  BlockingQueue<std::vector<WorkerTrial>> found;
  pipeline_ = std::make_unique<Pipeline>(
      PipelineSetup{.runner = FakeRunner(path("runner"), kMeasure),
                    .builder = FakeBuilder(path("builder"), "built()"),
                    .folder = files_->path(),
                    .builders = 1,
                    .cores = {.slots = {{}}, .others = {}},
                    .checkup =
                        [&](size_t) {
                          const int i = ++checkups;
                          return i <= 2   ? absl::OkStatus()
                                 : i == 3 ? absl::UnavailableError("cannot start the runner")
                                          : absl::DataLossError("slow");
                        },
                    .checkup_seconds = 1e-9},
      [this](const WorkerTrial& trial, WorkerResult result) {
        results_.Push({trial.attempt, std::move(result.outcome)});
      },
      [&](const absl::Status&, const std::vector<WorkerTrial>& suspects) { found.Push(suspects); });
  for (int i = 1; i <= 4; ++i) {
    Add(i);
    Next();
  }
  EXPECT_TRUE(found.Pop()->empty()) << "that it could not be tested says nothing of its results";
  const std::vector<WorkerTrial> suspects = *found.Pop();
  ASSERT_EQ(suspects.size(), 2u);
  EXPECT_EQ(suspects[0].attempt.number, 2u);
  EXPECT_EQ(suspects[1].attempt.number, 3u);
}

TEST_F(PipelineTest, ReservedRoomIsNotGivenUntilItIsGivenBack) {
  Start("built()", kMeasure);
  const size_t all = pipeline_->WaitForRoom();
  pipeline_->Reserve();
  EXPECT_EQ(pipeline_->WaitForRoom(), all - 1);
  pipeline_->GiveBack();
  EXPECT_EQ(pipeline_->WaitForRoom(), all);
}

TEST_F(PipelineTest, APauseGivesNoRoomAndDropsWhatDoesNotRun) {
  Start("time.sleep(0.2)\nbuilt()", kMeasure);
  EXPECT_EQ(pipeline_->WaitForRoom(), pipeline_->capacity());
  Add(1);
  pipeline_->Pause();
  EXPECT_EQ(pipeline_->WaitForRoom(), 0u);
  Add(2);
  pipeline_->Resume();
  while (!pipeline_->Held().empty()) std::this_thread::yield();
  EXPECT_EQ(pipeline_->WaitForRoom(), pipeline_->capacity());
  Add(3);
  const AttemptId last = Next().first;
  EXPECT_LE(last.number, 3u) << "the first may have been running";
}

}  // namespace
}  // namespace tilewright
