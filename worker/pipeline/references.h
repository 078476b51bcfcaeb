// Expected outputs, one file a workload and seed: computed once by the plain definition on a CPU,
// kept while they fit into a budget. Thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <future>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "compiler/core/outcome.h"
#include "compiler/core/task.h"
#include "worker/pipeline/removed_file.h"
#include "worker/process/builder.h"

namespace tilewright {

// Unavailable or as Builder's statuses: why there is none. That is never the candidate's fault.
using ReferenceResult = absl::StatusOr<std::shared_ptr<const RemovedFile>>;
using ReferenceFuture = std::shared_future<ReferenceResult>;

// Builds the plain definition as a library at a path.
using BuildReference = std::function<absl::StatusOr<BuildResult>(const std::string& path)>;

class References {
 public:
  // Files go to `folder`; `runner` is the path of tilewright-runner; runs use `cores`.
  // `interrupt`, which may be null and outlives this, ends a computation.
  References(std::string folder, std::string runner, std::vector<int> cores,
             const Interrupt* interrupt = nullptr)
      : folder_(std::move(folder)),
        runner_(std::move(runner)),
        cores_(std::move(cores)),
        interrupt_(interrupt) {}

  // The first caller for a workload and seed has it built and computes it; others get the future
  // at once. Those who wait share a failure, the next caller tries again.
  ReferenceFuture Get(const Task& task, uint64_t seed, Builder& builder);
  ReferenceFuture Get(const Task& task, uint64_t seed, const BuildReference& build);

 private:
  ReferenceResult Compute(const Task& task, uint64_t seed, const BuildReference& build);
  void Trim();
  void Forget(const std::string& key);

  const std::string folder_, runner_;
  const std::vector<int> cores_;
  const Interrupt* const interrupt_;
  std::mutex mutex_;
  uint64_t next_ = 0;
  struct Entry {
    std::string key;
    ReferenceFuture future;
    int64_t bytes = 0;
  };
  std::list<Entry> entries_;  // the one used longest ago first
  std::map<std::string, std::list<Entry>::iterator> by_key_;
  int64_t bytes_ = 0;
};

}  // namespace tilewright
