// Expected outputs, one file a workload and seed: computed once by the plain definition, kept while
// they fit into a budget. Thread-safe.
#pragma once

#include <cstdint>
#include <future>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "compiler/core/outcome.h"
#include "compiler/core/task.h"
#include "worker/builder.h"

namespace tilewright {

// Owns the file: it is removed with the last holder.
class ReferenceFile {
 public:
  explicit ReferenceFile(std::string path) : path_(std::move(path)) {}
  ~ReferenceFile();
  ReferenceFile(const ReferenceFile&) = delete;
  ReferenceFile& operator=(const ReferenceFile&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

using ReferenceResult = absl::StatusOr<std::shared_ptr<const ReferenceFile>>;
using ReferenceFuture = std::shared_future<ReferenceResult>;

class References {
 public:
  // Files go to `folder`; `runner` is the path of tilewright-runner; runs use `cores`.
  References(std::string folder, std::string runner, std::vector<int> cores)
      : folder_(std::move(folder)), runner_(std::move(runner)), cores_(std::move(cores)) {}

  // The first caller for a workload and seed computes it with its builder; others get the future
  // at once. Failures are kept too.
  ReferenceFuture Get(const Task& task, uint64_t seed, Builder& builder);

 private:
  ReferenceResult Compute(const Task& task, uint64_t seed, Builder& builder);
  void Trim();

  const std::string folder_, runner_;
  const std::vector<int> cores_;
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
