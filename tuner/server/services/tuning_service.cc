#include "tuner/server/services/tuning_service.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "proto/convert.h"
#include "tuner/server/services/fetch_blob.h"
#include "tuner/server/services/messages.h"
#include "tuner/server/services/records_calls.h"
#include "tuner/server/services/watch_reactor.h"

namespace tilewright {
namespace {

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
      parts_.chores.Do([reactor, chore = std::move(chore)] { reactor->Finish(ToGrpc(chore())); });
  if (!taken) reactor->Finish(ToGrpc(TooBusy()));
  return reactor;
}

std::string TuningServiceImpl::OnlyOwner(const grpc::CallbackServerContext* context) {
  return parts_.access.CallerOf(*context).only_owner();
}

absl::Status TuningServiceImpl::Submit(const v1::SubmitJobRequest& request, const Caller& caller,
                                       v1::SubmitJobReply* reply) {
  TW_ASSIGN_OR_RETURN(const std::shared_ptr<Job> job,
                      parts_.jobs.Submit({.spec = request.spec(),
                                          .request = request.request(),
                                          .owner = caller.OwnerOr(request.owner()),
                                          .weight = request.priority(),
                                          .is_private = caller.is_known()}));
  reply->set_job(job->id());
  reply->set_has_worker(
      parts_.dispatcher.CapacityOf(request.spec().key(), ThreadsOf(request.spec())) > 0);
  return absl::OkStatus();
}

grpc::ServerUnaryReactor* TuningServiceImpl::SubmitJob(grpc::CallbackServerContext* context,
                                                       const v1::SubmitJobRequest* request,
                                                       v1::SubmitJobReply* reply) {
  return AsChore(context, [this, request, reply, caller = parts_.access.CallerOf(*context)] {
    return Submit(*request, caller, reply);
  });
}

grpc::ServerWriteReactor<v1::JobEvent>* TuningServiceImpl::WatchJob(
    grpc::CallbackServerContext* context, const v1::WatchJobRequest* request) {
  const std::string only_owner = OnlyOwner(context);
  auto* reactor = new WatchReactor(request->after_sequence(), retelling_);
  const bool taken = parts_.chores.Do(
      [=, this, id = request->job()] { reactor->Begin(parts_.jobs.Find(id, only_owner)); });
  if (!taken) reactor->Begin(TooBusy());
  return reactor;
}

grpc::ServerUnaryReactor* TuningServiceImpl::ListJobs(grpc::CallbackServerContext* context,
                                                      const v1::ListJobsRequest*,
                                                      v1::ListJobsReply* reply) {
  return AsChore(context, [this, reply, only_owner = OnlyOwner(context)]() -> absl::Status {
    TW_ASSIGN_OR_RETURN(const std::vector<v1::JobSummary> jobs, parts_.jobs.All(only_owner));
    reply->mutable_jobs()->Add(jobs.begin(), jobs.end());
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* TuningServiceImpl::CancelJob(grpc::CallbackServerContext* context,
                                                       const v1::CancelJobRequest* request,
                                                       v1::CancelJobReply* reply) {
  return AsChore(context, [=, this, only_owner = OnlyOwner(context)]() -> absl::Status {
    TW_ASSIGN_OR_RETURN(const v1::JobState state, parts_.jobs.Cancel(request->job(), only_owner));
    reply->set_state(state);
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* TuningServiceImpl::PauseJob(grpc::CallbackServerContext* context,
                                                      const v1::PauseJobRequest* request,
                                                      v1::PauseJobReply* reply) {
  return AsChore(context, [=, this, only_owner = OnlyOwner(context)]() -> absl::Status {
    TW_RETURN_IF_ERROR(parts_.jobs.SetPaused(request->job(), only_owner, true));
    reply->set_state(v1::PAUSED);
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* TuningServiceImpl::ResumeJob(grpc::CallbackServerContext* context,
                                                       const v1::ResumeJobRequest* request,
                                                       v1::ResumeJobReply* reply) {
  return AsChore(context, [=, this, only_owner = OnlyOwner(context)]() -> absl::Status {
    TW_RETURN_IF_ERROR(parts_.jobs.SetPaused(request->job(), only_owner, false));
    reply->set_state(v1::RUNNING);
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* TuningServiceImpl::ListWorkers(grpc::CallbackServerContext* context,
                                                         const v1::ListWorkersRequest*,
                                                         v1::ListWorkersReply* reply) {
  for (const WorkerView& view : parts_.dispatcher.Workers()) {
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
    worker.set_role(ToMessage(view.info.role));
  }
  for (const KeyView& view : parts_.dispatcher.Keys()) {
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
  return Answer(context,
                parts_.dispatcher.SetHealth(request->worker(), *health, request->reason()));
}

grpc::ServerWriteReactor<v1::BlobChunk>* TuningServiceImpl::FetchBlob(
    grpc::CallbackServerContext* context, const v1::FetchBlobRequest* request) {
  return AnswerFetchBlob(context, parts_.store, *request, blobs_);
}

grpc::ServerUnaryReactor* TuningServiceImpl::LookUpRecords(grpc::CallbackServerContext* context,
                                                           const v1::LookUpRecordsRequest* request,
                                                           v1::LookUpRecordsReply* reply) {
  return AsChore(context, [=, this] { return AnswerLookUp(parts_.store, *request, reply); });
}

grpc::ServerUnaryReactor* TuningServiceImpl::FindRecords(grpc::CallbackServerContext* context,
                                                         const v1::FindRecordsRequest* request,
                                                         v1::FindRecordsReply* reply) {
  return AsChore(context, [=, this] { return AnswerFind(parts_.store, *request, reply); });
}

grpc::ServerUnaryReactor* TuningServiceImpl::RevokeRecords(grpc::CallbackServerContext* context,
                                                           const v1::RevokeRecordsRequest* request,
                                                           v1::RevokeRecordsReply* reply) {
  const std::string by = parts_.access.CallerOf(*context).OwnerOr(request->by());
  return AsChore(context, [=, this]() -> absl::Status {
    const RevokeNote note{request->reason(), parts_.clock.UnixTime(), by};
    TW_RETURN_IF_ERROR(AnswerRevoke(parts_.store, *request, note, reply));
    if (reply->run_ids().empty()) return absl::OkStatus();
    parts_.jobs.NoteRevoked("");
    parts_.log.Warn("records revoked", {{"records", std::to_string(reply->run_ids_size())},
                                        {"first", reply->run_ids(0)},
                                        {"by", by},
                                        {"reason", note.reason}});
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* TuningServiceImpl::ListRevocations(
    grpc::CallbackServerContext* context, const v1::ListRevocationsRequest* request,
    v1::ListRevocationsReply* reply) {
  return AsChore(context, [=, this] { return AnswerRevocations(parts_.store, *request, reply); });
}

}  // namespace tilewright
