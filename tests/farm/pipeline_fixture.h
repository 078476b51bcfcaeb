// A pipeline whose builder and runner are scripts (tests/farm/fake_programs.h).
#pragma once

#include <gtest/gtest.h>

#include <csignal>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "compiler/operators/workload_rules.h"
#include "tests/farm/fake_programs.h"
#include "worker/pipeline/pipeline.h"
#include "worker/pipeline/private_folder.h"

namespace tilewright {

inline constexpr char kSmall[] = "dense(float32[4,8],float32[8,8];,NK,)";
inline constexpr char kOther[] = "dense(float32[2,8],float32[8,8];,NK,)";

class PipelineTest : public ::testing::Test {
 protected:
  void SetUp() override { std::signal(SIGPIPE, SIG_IGN); }

  std::string path(const std::string& name) const { return folder_->path() + "/" + name; }

  void Start(const std::string& builder_body, const std::string& runner_body, int builders = 1) {
    pipeline_ = std::make_unique<Pipeline>(
        PipelineSetup{.runner = FakeRunner(path("runner"), runner_body),
                      .builder = FakeBuilder(path("builder"), builder_body),
                      .folder = files_->path(),
                      .builders = builders,
                      .cores = cores_},
        [this](const WorkerTrial& trial, WorkerResult result) {
          {
            std::lock_guard lock(mutex_);
            seconds_[trial.attempt.number] = {result.worker_seconds, result.run_seconds};
          }
          results_.Push({trial.attempt, std::move(result.outcome)});
        });
  }
  void Add(uint64_t number, const std::string& workload = kSmall, uint64_t epoch = 1) {
    pipeline_->Add(
        {.attempt = {epoch, number}, .task = {.workload = ParseWorkload(workload).value()}});
  }
  std::pair<AttemptId, absl::StatusOr<Outcome>> Next() { return *results_.Pop(); }
  // By number: two runs of a slot may tell their ends in any order.
  std::map<uint64_t, absl::StatusOr<Outcome>> Next(int count) {
    std::map<uint64_t, absl::StatusOr<Outcome>> results;
    for (int i = 0; i < count; ++i) {
      auto [attempt, outcome] = Next();
      results.emplace(attempt.number, std::move(outcome));
    }
    return results;
  }

  CorePlan cores_{.slots = {{}}, .apart = true};
  const std::unique_ptr<PrivateFolder> folder_ = PrivateFolder::Make(::testing::TempDir()).value();
  const std::unique_ptr<PrivateFolder> files_ = PrivateFolder::Make(folder_->path()).value();
  struct Seconds {
    double in_worker = 0, in_run = 0;
  };
  std::mutex mutex_;
  std::map<uint64_t, Seconds> seconds_;  // by number; guarded by mutex_ until all have ended
  BlockingQueue<std::pair<AttemptId, absl::StatusOr<Outcome>>> results_;
  std::unique_ptr<Pipeline> pipeline_;
};

// A runner's body.
inline constexpr char kMeasure[] = "ready\necho $token ok 0.5 >&3\n";

}  // namespace tilewright
