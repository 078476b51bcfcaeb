// Group commit: whoever finds nobody writing takes everything queued and makes it one transaction,
// so that many callers share one sync of the disk. Has no thread of its own. Thread-safe.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <span>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "records/store/record_row.h"
#include "records/store/record_store.h"
#include "records/store/sql.h"

namespace tilewright {

class GroupWriter {
 public:
  explicit GroupWriter(std::unique_ptr<SqlConnection> connection)
      : connection_(std::move(connection)) {}

  // Blocks until all of it is on the disk, or nothing is. After a failed sync of the disk every
  // call fails, Aborted: what the kernel dropped cannot be known.
  absl::Status Write(const StoreBatch& content);
  // From now on every call fails with this.
  void Refuse(const absl::Status& why);
  // To be called now and then: asks the connection, unless somebody writes, whether it still
  // stands.
  void LookAfterConnection();

 private:
  struct Batch {
    StoreBatch content;
    absl::Status status;
    bool done = false;
  };

  void Commit(const std::vector<Batch*>& batches);
  absl::Status Transact(std::span<Batch* const> batches);
  absl::Status Insert(std::span<Batch* const> batches);
  absl::Status InsertAll(std::span<Batch* const> batches);
  absl::Status InsertRecords(std::span<Batch* const> batches);
  absl::Status InsertRevocations(std::span<Batch* const> batches);
  absl::Status InsertJobs(std::span<Batch* const> batches);

  const std::unique_ptr<SqlConnection> connection_;  // of whoever set busy_
  absl::Status broken_;                              // the same: the disk failed
  RecordBinder binder_;                              // the same
  std::mutex mutex_;
  std::condition_variable completed_;
  std::vector<Batch*> queue_;  // guarded by mutex_
  absl::Status refusal_;       // guarded by mutex_
  bool busy_ = false;          // guarded by mutex_: somebody uses the connection
};

}  // namespace tilewright
