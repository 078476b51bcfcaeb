// Runners that are prepared while another has its turn, as processes that a test can watch.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "tests/farm/pipeline_fixture.h"

namespace tilewright {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class PipelineAheadTest : public PipelineTest {
 protected:
  PipelineAheadTest() { cores_.ahead = {{0}}; }

  // Runners of kernels have a number $n and tell of it: what is done before it is ready, then in
  // its turn, are a shell's.
  void StartTold(const std::string& before, const std::string& in_turn) {
    Start("built()",
          "if [ -z \"$reference\" ]; then\n  n=0\n  until mkdir " + path("number-") +
              "$n 2>/dev/null; do n=$((n+1)); done\n  echo $$ >" + path("pid-") +
              "$n\n  say() { echo $1 $n >>" + path("log") + "; }\n  await() { while [ ! -e " +
              path("") + "$1 ]; do sleep 0.01; done; }\n  " + before + "\n  say made\n  touch " +
              path("made-") + "$n\n  ready\n  say turn\n  touch " + path("turn-") + "$n\n  " +
              in_turn + "\n  say end\n  echo $token ok 0.5 >&3\nelse\n" + kMeasure + "fi\n");
  }
  // The first has its turn before the second is prepared.
  void AddInOrder() {
    Add(1);
    Await("turn-0");
    Add(2);
  }
  void Await(const std::string& name) const {
    while (!std::filesystem::exists(path(name))) std::this_thread::yield();
  }
  std::vector<std::string> Log() const {
    std::ifstream in(path("log"));
    std::vector<std::string> lines;
    for (std::string line; std::getline(in, line);) lines.push_back(line);
    return lines;
  }
  pid_t PidOf(int number) const {
    pid_t pid = 0;
    std::ifstream(path("pid-" + std::to_string(number))) >> pid;
    return pid;
  }
};

TEST_F(PipelineAheadTest, TheNextKernelIsPreparedWhileOneHasItsTurnAndWaitsForItsOwn) {
  StartTold("", "if [ $n = 0 ]; then await made-1; fi");
  AddInOrder();
  for (int i = 0; i < 2; ++i) EXPECT_EQ(Next().second.value(), Outcome(Timing{{0.5}}));
  EXPECT_THAT(Log(), ElementsAre("made 0", "turn 0", "made 1", "end 0", "turn 1", "end 1"));
}

TEST_F(PipelineAheadTest, WithoutCoresBesideTheSlotsAKernelIsPreparedInItsTurn) {
  cores_.ahead = {{}};
  StartTold("", "sleep 0.1");
  for (const uint64_t number : {1, 2}) Add(number);
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(Next().second.ok());
  EXPECT_THAT(Log(), ElementsAre("made 0", "turn 0", "end 0", "made 1", "turn 1", "end 1"));
}

TEST_F(PipelineAheadTest, AKernelIsPreparedInItsTurnWhereTheGroupsMemoryDoesNotBearTwo) {
  constexpr int64_t kOperands = 4 * (4 * 8 + 8 * 8 + 2 * 4 * 8);  // and the expected output
  for (const bool bears : {false, true}) {
    cores_.memory_bytes = 4 * kOperands - (bears ? 0 : 1);
    StartTold("", bears ? "if [ $n = 0 ]; then await made-1; fi" : "sleep 0.1");
    for (const uint64_t number : {1, 2}) Add(number);
    for (int i = 0; i < 2; ++i) EXPECT_TRUE(Next().second.ok());
    if (!bears) {
      EXPECT_THAT(Log(), ElementsAre("made 0", "turn 0", "end 0", "made 1", "turn 1", "end 1"));
    }
    pipeline_.reset();
    for (const char* name : {"number-0", "number-1", "made-0", "made-1"}) {
      std::filesystem::remove(path(name));
    }
  }
}

TEST_F(PipelineAheadTest, ASlotThatIsFreeTakesTheNextKernelBeforeOneThatIsBusy) {
  cores_ = {.slots = {{}, {}}, .apart = true, .ahead = {{0}, {0}}};
  StartTold("", "await turn-$((1-n))");
  for (const uint64_t number : {1, 2}) Add(number);
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(Next().second.ok()) << "both had their turn at once";
}

TEST_F(PipelineAheadTest, ATrialsRunIsTheTimeThatItHadTheSlot) {
  StartTold("sleep 0.3", "sleep 0.1");
  Add(1);
  EXPECT_TRUE(Next().second.ok());
  EXPECT_GE(seconds_[1].in_run, 0.1);
  EXPECT_GE(seconds_[1].in_worker - seconds_[1].in_run, 0.3);
}

TEST_F(PipelineAheadTest, ACrashOfTheNextKernelDoesNotTouchTheOneThatRuns) {
  StartTold("if [ $n = 1 ]; then echo called >&3; touch " + path("crashed") + "; exit 3; fi",
            "await crashed");
  AddInOrder();
  const auto results = Next(2);
  EXPECT_EQ(results.at(1).value(), Outcome(Timing{{0.5}}));
  const Outcome crashed = results.at(2).value();
  ASSERT_TRUE(std::holds_alternative<Failure>(crashed));
  EXPECT_EQ(std::get<Failure>(crashed).kind, FailureKind::kCrash);
  EXPECT_THAT(std::get<Failure>(crashed).message, HasSubstr("exit code 3"));
}

TEST_F(PipelineAheadTest, ARunnerThatIsKilledWhileItWaitsIsTheFarmsFailure) {
  StartTold("", "if [ $n = 0 ]; then await go; fi");
  AddInOrder();
  Await("made-1");
  kill(PidOf(1), SIGKILL);
  std::ofstream(path("go")) << "x";
  const auto results = Next(2);
  EXPECT_EQ(results.at(1).value(), Outcome(Timing{{0.5}}));
  const absl::Status status = results.at(2).status();
  EXPECT_TRUE(absl::IsUnavailable(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("killed from outside"));
}

TEST_F(PipelineAheadTest, StoppingEndsTheOneThatWaitsToo) {
  StartTold("", "sleep 1000");
  AddInOrder();
  Await("made-1");
  pipeline_->Stop(0.1);
  results_.Close();
  EXPECT_FALSE(results_.Pop().has_value());
  for (const int number : {0, 1}) EXPECT_EQ(kill(PidOf(number), 0), -1) << number;
}

TEST_F(PipelineAheadTest, WhatIsDroppedWhileItWaitsHasNoTurn) {
  StartTold("", "if [ $n = 0 ]; then await go; fi");
  AddInOrder();
  Await("made-1");
  pipeline_->Drop({1, 2});
  std::ofstream(path("go")) << "x";
  EXPECT_EQ(Next().first.number, 1u);
  while (!pipeline_->Held().empty()) std::this_thread::yield();
  EXPECT_THAT(Log(), ElementsAre("made 0", "turn 0", "made 1", "end 0"));
}

}  // namespace
}  // namespace tilewright
