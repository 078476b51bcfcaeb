#include "records/store/group_writer.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "records/store/job_table.h"

namespace tilewright {

absl::Status GroupWriter::Write(const StoreBatch& content) {
  Batch batch{.content = content};
  std::unique_lock lock(mutex_);
  if (!refusal_.ok()) return refusal_;
  queue_.push_back(&batch);
  completed_.wait(lock, [&] { return batch.done || !busy_; });
  if (batch.done) return batch.status;
  busy_ = true;
  const std::vector<Batch*> batches = std::exchange(queue_, {});
  lock.unlock();
  Commit(batches);
  lock.lock();
  busy_ = false;
  for (Batch* written : batches) written->done = true;
  completed_.notify_all();
  return batch.status;
}

void GroupWriter::Refuse(const absl::Status& why) {
  std::lock_guard lock(mutex_);
  refusal_ = why;
}

void GroupWriter::LookAfterConnection() {
  std::unique_lock lock(mutex_);
  if (busy_) return;
  busy_ = true;
  lock.unlock();
  connection_->OnIdle();
  lock.lock();
  busy_ = false;
  completed_.notify_all();
}

void GroupWriter::Commit(const std::vector<Batch*>& batches) {
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
        absl::AbortedError(absl::StrCat(status.message(),
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
      binder_.Bind(record, *insert);
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
  TW_ASSIGN_OR_RETURN(const auto upsert_content, connection_->Prepare(UpsertContentSql()));
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
      BindContent(job, *upsert_content);
      TW_RETURN_IF_ERROR(upsert_content->Step().status());
      upsert_content->Reset();
    }
  }
  return absl::OkStatus();
}

}  // namespace tilewright
