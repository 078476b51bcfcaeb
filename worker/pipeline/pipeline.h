// Builds and runs trials: builders work ahead, so that a device slot never waits for a compiler.
// Each slot runs one kernel at a time on its own cores, and the next is prepared meanwhile. Where
// another worker does one of the two, it only builds, or fetches instead of building. Thread-safe.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "worker/machine/core_plan.h"
#include "worker/pipeline/blocking_queue.h"
#include "worker/pipeline/module_builder.h"
#include "worker/pipeline/references.h"
#include "worker/pipeline/slot_turns.h"
#include "worker/pipeline/trial.h"
#include "worker/process/device_runner.h"
#include "worker/process/interrupt.h"

namespace tilewright {

struct PipelineSetup {
  std::string runner, builder;  // paths of the executables
  std::string network_runner;   // the same; for trials of whole networks
  // Only runs: gives the verified module of a trial. DataLoss: its builder's fault; Cancelled: the
  // trial is not wanted any more. Called by several threads. Null: the trials are built here.
  std::function<absl::StatusOr<TrialModule>(const WorkerTrial&)> fetch;
  // Neither builds nor runs: gives the outcome itself. Called by several threads; null: a real one.
  std::function<Outcome(const WorkerTrial&)> simulate;
  bool only_builds = false;  // results are modules
  std::string folder;        // private, for kernels and references; exists
  int builders = 1;
  CorePlan cores;
  bool require_sandbox = false;    // refuse to run a kernel that cannot be confined
  DeviceRunner* device = nullptr;  // runs the kernels; outlives the pipeline; null: the CPU
  // Called by a slot's thread before a kernel when so many seconds have passed since the last time.
  // DataLoss: nothing says that what the slot measured since then is right.
  std::function<absl::Status(size_t slot)> checkup;
  double checkup_seconds = 0;  // 0: never
};

class Pipeline {
 public:
  using Finished = std::function<void(const WorkerTrial&, WorkerResult)>;

  // What a checkup found, and what is not to be trusted for it: the trials that the slot has had
  // since its last good one, of which only attempt, fence and session are told.
  using Unfit = std::function<void(const absl::Status&, const std::vector<WorkerTrial>& suspects)>;

  // `unfit`, which may be null, is called on a slot's thread; the slot's trials then wait for what
  // the caller does, which should be Pause.
  // `finished` is called for each added trial unless it was dropped, on a slot's or builder's
  // thread; it must not block.
  Pipeline(PipelineSetup setup, Finished finished, Unfit unfit = nullptr);
  // Stop(0).
  ~Pipeline();

  void Add(WorkerTrial trial);
  // A trial that is not running yet is dropped; one that runs is finished.
  void Drop(const AttemptId& attempt);
  void DropAll();

  std::vector<AttemptId> Held() const;
  // Trials that would keep builders and slots busy.
  size_t capacity() const { return capacity_; }
  // Blocks until fewer than capacity() are held, and returns the room; 0 while paused.
  size_t WaitForRoom();
  // Room for one that somebody else asks for: WaitForRoom does not give it until it is given back,
  // when the trial was added or there was none.
  void Reserve();
  void GiveBack();
  // Gives no room until Resume. Pausing drops all that does not run yet.
  void Pause();
  void Resume();
  // For good: builds end at once, running kernels are waited for at most so long, then killed.
  // What does not finish is dropped.
  void Stop(double grace_seconds);

 private:
  struct Job;
  using JobPtr = std::unique_ptr<Job>;

  void BuildLoop();
  struct Slot;
  void RunLoop(Slot& slot);
  void RunInTurn(Job& job, Slot& slot);
  void CheckUpIfDue(Slot& slot);
  void BuildModules();
  void FetchLoop();
  void SimulateLoop();
  void ForEachToBuild(const std::function<void(JobPtr)>& build);
  void Build(JobPtr job, Builder& builder, std::unique_ptr<DeviceRunner>& driver);
  absl::StatusOr<BuildResult> BuildKernel(const Job& job, Builder& builder,
                                          std::unique_ptr<DeviceRunner>& driver);
  void BuildModule(Job& job, ModuleBuilder& builder);
  void Fetch(JobPtr job);
  void BuildNetwork(JobPtr job);
  absl::StatusOr<Outcome> RunNetwork(Job& job, const std::vector<int>& cores);
  void PushBuilt(JobPtr job);
  BuilderOptions builder_options() const;
  void NotifySlots();
  JobPtr NextRunnable(Slot& slot);
  bool CanPrepareAhead(const Job& job, const Slot& slot) const;
  bool HasMemoryAhead(const Job& job) const;
  RunSpec SpecFor(const Job& job) const;
  void Prepare(Job& job, const Slot& slot);
  bool EnterSpareTime(Job& job, const Slot& slot);
  absl::StatusOr<Outcome> Measure(Job& job, const Slot& slot);
  absl::StatusOr<Outcome> RunOnDevice(Job& job, const Slot& slot);
  bool IsDropped(const Job& job) const;
  std::string NextPath();
  void Finish(Job& job, absl::StatusOr<Outcome> outcome);
  void Release(const AttemptId& attempt);

  const PipelineSetup setup_;
  const Finished finished_;
  const Unfit unfit_;
  const size_t capacity_;
  SlotTurns turns_;
  Interrupt build_interrupt_, run_interrupt_;
  References references_;
  mutable std::mutex mutex_;
  std::condition_variable room_, runnable_, run_ended_;
  std::set<AttemptId> held_, dropped_;
  size_t reserved_ = 0;
  std::deque<JobPtr> built_;
  size_t running_ = 0;  // that have their turn, or have just had it
  bool paused_ = false;
  bool stopped_ = false;
  uint64_t next_file_ = 0;
  BlockingQueue<JobPtr> to_build_;
  std::vector<std::unique_ptr<Slot>> slots_;
  std::vector<std::thread> builders_, runs_;
};

}  // namespace tilewright
