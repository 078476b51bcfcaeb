#include "tuner/server/tuning_service.h"

#include "proto/convert.h"
#include "tuner/server/fetch_blob.h"

namespace tilewright {
namespace {

grpc::ServerUnaryReactor* Answer(grpc::CallbackServerContext* context, const absl::Status& status) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  reactor->Finish(ToGrpc(status));
  return reactor;
}

// Sends a job's events as they come, one write at a time; ends with the job or the peer.
class WatchReactor final : public grpc::ServerWriteReactor<v1::JobEvent> {
 public:
  WatchReactor(std::shared_ptr<Job> job, uint64_t after) : job_(std::move(job)), next_(after + 1) {
    watch_ = job_->Watch([this] { Advance(); });
    Advance();
  }

  void OnWriteDone(bool ok) override {
    {
      std::lock_guard lock(mutex_);
      writing_ = false;
      if (!ok) gone_ = true;
    }
    Advance();
  }
  void OnCancel() override {
    {
      std::lock_guard lock(mutex_);
      gone_ = true;
    }
    Advance();
  }
  void OnDone() override {
    job_->Unwatch(watch_);
    delete this;
  }

 private:
  // Starts the next write, or finishes, unless a write is under way.
  void Advance() {
    std::lock_guard lock(mutex_);
    if (writing_ || finished_) return;
    const bool ended = job_->ended();  // before looking: its last event is there then
    std::optional<v1::JobEvent> event;
    if (!gone_) event = job_->Event(next_);
    if (event) {
      event_ = *std::move(event);
      ++next_;
      writing_ = true;
      StartWrite(&event_);
    } else if (gone_ || ended) {
      finished_ = true;
      Finish(grpc::Status::OK);
    }
  }

  const std::shared_ptr<Job> job_;
  std::mutex mutex_;
  uint64_t next_;
  uint64_t watch_ = 0;
  bool writing_ = false, gone_ = false, finished_ = false;
  v1::JobEvent event_;
};

// Refuses at once.
class RefusingReactor final : public grpc::ServerWriteReactor<v1::JobEvent> {
 public:
  explicit RefusingReactor(const absl::Status& status) { Finish(ToGrpc(status)); }
  void OnDone() override { delete this; }
};

}  // namespace

grpc::ServerUnaryReactor* TuningServiceImpl::SubmitJob(grpc::CallbackServerContext* context,
                                                       const v1::SubmitJobRequest* request,
                                                       v1::SubmitJobReply* reply) {
  const absl::StatusOr<std::shared_ptr<Job>> job = jobs_.Submit(request->spec());
  if (!job.ok()) return Answer(context, job.status());
  reply->set_job((*job)->id());
  reply->set_has_worker(dispatcher_.CapacityOf(request->spec().key()) > 0);
  return Answer(context, absl::OkStatus());
}

grpc::ServerWriteReactor<v1::JobEvent>* TuningServiceImpl::WatchJob(
    grpc::CallbackServerContext*, const v1::WatchJobRequest* request) {
  absl::StatusOr<std::shared_ptr<Job>> job = jobs_.Find(request->job());
  if (!job.ok()) return new RefusingReactor(job.status());
  return new WatchReactor(*std::move(job), request->after_sequence());
}

grpc::ServerUnaryReactor* TuningServiceImpl::ListJobs(grpc::CallbackServerContext* context,
                                                      const v1::ListJobsRequest*,
                                                      v1::ListJobsReply* reply) {
  for (const auto& job : jobs_.All()) *reply->add_jobs() = job->Summary();
  return Answer(context, absl::OkStatus());
}

grpc::ServerUnaryReactor* TuningServiceImpl::CancelJob(grpc::CallbackServerContext* context,
                                                       const v1::CancelJobRequest* request,
                                                       v1::CancelJobReply* reply) {
  const absl::StatusOr<std::shared_ptr<Job>> job = jobs_.Find(request->job());
  if (!job.ok()) return Answer(context, job.status());
  (*job)->Cancel();
  reply->set_state((*job)->ended() ? (*job)->Summary().state() : v1::CANCELLED);
  return Answer(context, absl::OkStatus());
}

grpc::ServerUnaryReactor* TuningServiceImpl::ListWorkers(grpc::CallbackServerContext* context,
                                                         const v1::ListWorkersRequest*,
                                                         v1::ListWorkersReply* reply) {
  for (const WorkerView& view : dispatcher_.Workers()) {
    v1::WorkerSummary& worker = *reply->add_workers();
    worker.set_worker(view.info.name);
    worker.mutable_device()->set_key(view.info.device_key);
    worker.mutable_device()->set_name(view.info.device);
    worker.mutable_device()->set_target(view.info.target);
    worker.mutable_device()->set_slots(view.info.slots);
    worker.set_held(static_cast<uint32_t>(view.held));
    worker.set_seconds_since_seen(view.seconds_since_seen);
  }
  for (const KeyView& view : dispatcher_.Keys()) {
    v1::KeySummary& key = *reply->add_keys();
    key.set_key(view.key);
    key.set_total(static_cast<uint32_t>(view.total));
    key.set_free(static_cast<uint32_t>(view.free));
    key.set_pending(view.pending);
  }
  return Answer(context, absl::OkStatus());
}

grpc::ServerWriteReactor<v1::BlobChunk>* TuningServiceImpl::FetchBlob(
    grpc::CallbackServerContext*, const v1::FetchBlobRequest* request) {
  return AnswerFetchBlob(store_, *request, blobs_);
}

}  // namespace tilewright
