// Group commit: one thread owns the writing connection, takes everything queued, and makes it one
// transaction, so that many callers share one sync of the disk. Thread-safe.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "records/record_store.h"
#include "records/sql.h"

namespace tilewright {

class GroupWriter {
 public:
  explicit GroupWriter(std::unique_ptr<SqlConnection> connection);
  ~GroupWriter();  // finishes what is queued

  // Blocks until all of it is on the disk, or nothing is. After a failed sync of the disk every
  // call fails: what the kernel dropped cannot be known.
  absl::Status Write(const StoreBatch& content);
  // From now on every call fails with this.
  void Refuse(const absl::Status& why);

 private:
  struct Batch {
    StoreBatch content;
    absl::Status status;
    bool done = false;
  };

  void Run();
  void Commit(const std::vector<Batch*>& batches);
  absl::Status Transact(std::span<Batch* const> batches);
  absl::Status Insert(std::span<Batch* const> batches);
  absl::Status InsertAll(std::span<Batch* const> batches);
  absl::Status InsertRecords(std::span<Batch* const> batches);
  absl::Status InsertRevocations(std::span<Batch* const> batches);
  absl::Status InsertJobs(std::span<Batch* const> batches);

  std::unique_ptr<SqlConnection> connection_;  // the thread's
  absl::Status broken_;                           // the thread's: the disk failed
  std::mutex mutex_;
  std::condition_variable queued_, completed_;
  std::vector<Batch*> queue_;  // guarded by mutex_
  absl::Status refusal_;       // guarded by mutex_
  bool stopping_ = false;      // guarded by mutex_
  std::thread thread_;         // last: it uses all of the above
};

}  // namespace tilewright
