// Builds and runs trials: builders work ahead, so that a device slot never waits for a compiler.
// Each slot runs one kernel at a time on its own core. Thread-safe.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "compiler/core/outcome.h"
#include "compiler/core/task.h"
#include "proto/measure_options.h"
#include "worker/blocking_queue.h"
#include "worker/device.h"
#include "worker/references.h"

namespace tilewright {

struct WorkerTrial {
  uint64_t attempt = 0;
  uint64_t fence = 0;
  uint64_t server_epoch = 0;
  Task task;
  Config config;
  MeasureOptions options;
};

struct WorkerResult {
  Outcome outcome;
  double build_seconds = 0;   // in the builder, of this candidate
  double run_seconds = 0;     // of the runner's process
  double worker_seconds = 0;  // from Add to the end of the run
};

struct PipelineSetup {
  std::string runner, builder;  // paths of the executables
  std::string folder;           // private, for kernels and references; exists
  int builders = 1;
  CorePlan cores;
};

class Pipeline {
 public:
  using Finished = std::function<void(const WorkerTrial&, WorkerResult)>;

  // `finished` is called for each added trial unless it was dropped, on a slot's or builder's
  // thread; it must not block.
  Pipeline(PipelineSetup setup, Finished finished);
  // Drops what has not started, waits for what runs.
  ~Pipeline();

  void Add(WorkerTrial trial);
  // A trial that is not running yet is dropped; one that runs is finished.
  void Drop(uint64_t attempt);
  void DropAll();

  std::vector<uint64_t> Held() const;
  // Trials that would keep builders and slots busy.
  size_t capacity() const { return capacity_; }
  // Blocks until fewer than capacity() are held, and returns the room; 0 after StopWaiting.
  size_t WaitForRoom();
  void StopWaiting();

 private:
  struct Job;
  using JobPtr = std::unique_ptr<Job>;

  void BuildLoop();
  void RunLoop(const std::vector<int>& cores);
  void Build(Job& job, Builder& builder);
  void Run(Job& job, const std::vector<int>& cores);
  bool IsDropped(const Job& job) const;
  void Finish(Job& job, Outcome outcome);
  void Release(uint64_t attempt);

  const PipelineSetup setup_;
  const Finished finished_;
  const size_t capacity_;
  References references_;
  mutable std::mutex mutex_;
  std::condition_variable room_;
  std::set<uint64_t> held_;
  std::set<uint64_t> dropped_;
  bool stopped_ = false;
  uint64_t next_file_ = 0;
  BlockingQueue<JobPtr> to_build_, to_run_;
  std::vector<std::thread> builders_, slots_;
};

}  // namespace tilewright
