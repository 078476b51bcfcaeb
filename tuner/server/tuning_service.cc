#include "tuner/server/tuning_service.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "proto/convert.h"
#include "tuner/server/fetch_blob.h"
#include "tuner/server/messages.h"
#include "tuner/server/watch_reactor.h"

namespace tilewright {
namespace {

absl::Status TooBusy() {
  return absl::ResourceExhaustedError("the server has too many calls waiting; try again later");
}

grpc::ServerUnaryReactor* Answer(grpc::CallbackServerContext* context, const absl::Status& status) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  reactor->Finish(ToGrpc(status));
  return reactor;
}

absl::StatusOr<WorkerHealth> OperatorsHealth(v1::WorkerHealth health) {
  switch (health) {
    case v1::GOOD: return WorkerHealth::kGood;
    case v1::MAINTENANCE: return WorkerHealth::kMaintenance;
    case v1::RETIRED: return WorkerHealth::kRetired;
    default: return absl::InvalidArgumentError("a worker is set to GOOD, MAINTENANCE or RETIRED");
  }
}

}  // namespace

grpc::ServerUnaryReactor* TuningServiceImpl::AsChore(grpc::CallbackServerContext* context,
                                                     std::function<absl::Status()> chore) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  const bool taken =
      chores_.Do([reactor, chore = std::move(chore)] { reactor->Finish(ToGrpc(chore())); });
  if (!taken) reactor->Finish(ToGrpc(TooBusy()));
  return reactor;
}

absl::Status TuningServiceImpl::Submit(const v1::SubmitJobRequest& request,
                                       v1::SubmitJobReply* reply) {
  TW_ASSIGN_OR_RETURN(const std::shared_ptr<Job> job, jobs_.Submit({.spec = request.spec(),
                                                                    .request = request.request(),
                                                                    .owner = request.owner(),
                                                                    .weight = request.priority()}));
  reply->set_job(job->id());
  reply->set_has_worker(dispatcher_.CapacityOf(request.spec().key()) > 0);
  return absl::OkStatus();
}

grpc::ServerUnaryReactor* TuningServiceImpl::SubmitJob(grpc::CallbackServerContext* context,
                                                       const v1::SubmitJobRequest* request,
                                                       v1::SubmitJobReply* reply) {
  return AsChore(context, [this, request, reply] { return Submit(*request, reply); });
}

grpc::ServerWriteReactor<v1::JobEvent>* TuningServiceImpl::WatchJob(
    grpc::CallbackServerContext*, const v1::WatchJobRequest* request) {
  auto* reactor = new WatchReactor(request->after_sequence(), retelling_);
  const bool taken =
      chores_.Do([this, reactor, id = request->job()] { reactor->Begin(jobs_.Find(id)); });
  if (!taken) reactor->Begin(TooBusy());
  return reactor;
}

grpc::ServerUnaryReactor* TuningServiceImpl::ListJobs(grpc::CallbackServerContext* context,
                                                      const v1::ListJobsRequest*,
                                                      v1::ListJobsReply* reply) {
  return AsChore(context, [this, reply]() -> absl::Status {
    TW_ASSIGN_OR_RETURN(const std::vector<v1::JobSummary> jobs, jobs_.All());
    reply->mutable_jobs()->Add(jobs.begin(), jobs.end());
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* TuningServiceImpl::CancelJob(grpc::CallbackServerContext* context,
                                                       const v1::CancelJobRequest* request,
                                                       v1::CancelJobReply* reply) {
  return AsChore(context, [this, request, reply]() -> absl::Status {
    TW_ASSIGN_OR_RETURN(const std::shared_ptr<Job> job, jobs_.Find(request->job()));
    job->Cancel();
    reply->set_state(job->ended() ? job->state() : v1::CANCELLED);
    return absl::OkStatus();
  });
}

absl::StatusOr<v1::JobState> TuningServiceImpl::SetPaused(const std::string& id, bool paused) {
  TW_ASSIGN_OR_RETURN(const std::shared_ptr<Job> job, jobs_.Find(id));
  TW_RETURN_IF_ERROR(job->Pause(paused));
  return paused ? v1::PAUSED : v1::RUNNING;
}

grpc::ServerUnaryReactor* TuningServiceImpl::PauseJob(grpc::CallbackServerContext* context,
                                                      const v1::PauseJobRequest* request,
                                                      v1::PauseJobReply* reply) {
  return AsChore(context, [this, request, reply]() -> absl::Status {
    TW_ASSIGN_OR_RETURN(const v1::JobState state, SetPaused(request->job(), true));
    reply->set_state(state);
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* TuningServiceImpl::ResumeJob(grpc::CallbackServerContext* context,
                                                       const v1::ResumeJobRequest* request,
                                                       v1::ResumeJobReply* reply) {
  return AsChore(context, [this, request, reply]() -> absl::Status {
    TW_ASSIGN_OR_RETURN(const v1::JobState state, SetPaused(request->job(), false));
    reply->set_state(state);
    return absl::OkStatus();
  });
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
    worker.set_health(ToMessage(view.health.health));
    worker.set_health_reason(view.health.reason);
    worker.set_trials(view.trials);
    worker.set_faults(view.health.faults);
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

grpc::ServerUnaryReactor* TuningServiceImpl::SetWorkerHealth(
    grpc::CallbackServerContext* context, const v1::SetWorkerHealthRequest* request,
    v1::SetWorkerHealthReply*) {
  const absl::StatusOr<WorkerHealth> health = OperatorsHealth(request->health());
  if (!health.ok()) return Answer(context, health.status());
  return Answer(context, dispatcher_.SetHealth(request->worker(), *health, request->reason()));
}

grpc::ServerWriteReactor<v1::BlobChunk>* TuningServiceImpl::FetchBlob(
    grpc::CallbackServerContext*, const v1::FetchBlobRequest* request) {
  return AnswerFetchBlob(store_, *request, blobs_);
}

}  // namespace tilewright
