#include "records/group_writer.h"

#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "records/job_table.h"
#include "records/record_row.h"

namespace tilewright {
namespace {

// After so long without work the connection is asked whether it still stands.
constexpr auto kIdle = std::chrono::seconds(5);

}  // namespace

GroupWriter::GroupWriter(std::unique_ptr<SqlConnection> connection)
    : connection_(std::move(connection)), thread_([this] { Run(); }) {}

GroupWriter::~GroupWriter() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  queued_.notify_one();
  thread_.join();
}

absl::Status GroupWriter::Write(const StoreBatch& content) {
  Batch batch{.content = content};
  std::unique_lock lock(mutex_);
  if (!refusal_.ok()) return refusal_;
  queue_.push_back(&batch);
  queued_.notify_one();
  completed_.wait(lock, [&] { return batch.done; });
  return batch.status;
}

void GroupWriter::Refuse(const absl::Status& why) {
  std::lock_guard lock(mutex_);
  refusal_ = why;
}

void GroupWriter::Run() {
  std::unique_lock lock(mutex_);
  while (true) {
    const bool idle =
        !queued_.wait_for(lock, kIdle, [this] { return stopping_ || !queue_.empty(); });
    if (queue_.empty() && !idle) return;
    const std::vector<Batch*> batches = std::exchange(queue_, {});
    lock.unlock();
    if (idle) connection_->OnIdle();
    Commit(batches);
    lock.lock();
    for (Batch* batch : batches) batch->done = true;
    completed_.notify_all();
  }
}

void GroupWriter::Commit(const std::vector<Batch*>& batches) {
  if (batches.empty()) return;
  const absl::Status together = Transact(batches);
  for (size_t i = 0; i < batches.size(); ++i) {
    const bool alone = batches.size() == 1 || together.ok() || absl::IsUnavailable(together);
    // One caller's trouble (a full disk, say) should not fail smaller batches beside it.
    batches[i]->status = alone ? together : Transact(std::span(batches).subspan(i, 1));
  }
}

absl::Status GroupWriter::Transact(std::span<Batch* const> batches) {
  if (!broken_.ok()) return broken_;
  const absl::Status status = Insert(batches);
  if (status.ok()) return status;
  if (connection_->SyncFailed()) {
    broken_ =
        absl::DataLossError(absl::StrCat(status.message(),
                                         "; the disk failed to keep what was written: nothing more "
                                         "is accepted, restart the program"));
    return broken_;
  }
  // Some errors have ended the transaction already.
  if (connection_->InTransaction()) connection_->Execute("ROLLBACK").IgnoreError();
  return status;
}

absl::Status GroupWriter::Insert(std::span<Batch* const> batches) {
  TW_RETURN_IF_ERROR(connection_->Begin());
  const absl::Status status = InsertAll(batches);
  if (status.ok() || !connection_->IsLost()) return status;
  // The answer is lost, the transaction perhaps not: what it stored is skipped the second time.
  TW_RETURN_IF_ERROR(connection_->Begin());
  return InsertAll(batches);
}

absl::Status GroupWriter::InsertAll(std::span<Batch* const> batches) {
  TW_RETURN_IF_ERROR(InsertRecords(batches));
  TW_RETURN_IF_ERROR(InsertRevocations(batches));
  TW_RETURN_IF_ERROR(InsertJobs(batches));
  return connection_->Execute("COMMIT");
}

absl::Status GroupWriter::InsertRecords(std::span<Batch* const> batches) {
  TW_ASSIGN_OR_RETURN(const auto insert, connection_->Prepare(InsertSql()));
  for (const Batch* batch : batches) {
    for (const Record& record : batch->content.records) {
      BindRecord(record, *insert);
      TW_RETURN_IF_ERROR(insert->Step().status());
      insert->Reset();
    }
  }
  return absl::OkStatus();
}

absl::Status GroupWriter::InsertRevocations(std::span<Batch* const> batches) {
  TW_ASSIGN_OR_RETURN(const auto insert, connection_->Prepare(RevokeSql()));
  for (const Batch* batch : batches) {
    for (const Revocation& revocation : batch->content.revocations) {
      BindRevocation(revocation, *insert);
      TW_RETURN_IF_ERROR(insert->Step().status());
      insert->Reset();
    }
  }
  return absl::OkStatus();
}

absl::Status GroupWriter::InsertJobs(std::span<Batch* const> batches) {
  TW_ASSIGN_OR_RETURN(const auto insert_step, connection_->Prepare(InsertStepSql()));
  TW_ASSIGN_OR_RETURN(const auto upsert_job, connection_->Prepare(UpsertJobSql()));
  for (const Batch* batch : batches) {
    for (const JobStepRow& step : batch->content.steps) {
      BindStep(step, *insert_step);
      TW_RETURN_IF_ERROR(insert_step->Step().status());
      insert_step->Reset();
    }
    for (const JobRow& job : batch->content.jobs) {
      BindJob(job, *upsert_job);
      TW_RETURN_IF_ERROR(upsert_job->Step().status());
      upsert_job->Reset();
    }
  }
  return absl::OkStatus();
}

}  // namespace tilewright
