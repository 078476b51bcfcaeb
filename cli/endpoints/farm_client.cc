#include "cli/endpoints/farm_client.h"

#include <atomic>
#include <chrono>
#include <random>
#include <thread>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "cli/user_name.h"
#include "proto/channel.h"
#include "proto/convert.h"

namespace tilewright {
namespace {

constexpr auto kCallLimit = std::chrono::seconds(15);
constexpr auto kReconnectPause = std::chrono::seconds(1);

double SecondsSince(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// 128 bits that no other request has.
std::string NewRequestId() {
  std::random_device device;
  std::string id;
  for (int i = 0; i < 4; ++i) absl::StrAppend(&id, absl::Hex(device(), absl::kZeroPad8));
  return id;
}

}  // namespace

struct FarmClient::Stub {
  explicit Stub(const Endpoint& server)
      : service(v1::TuningService::NewStub(MakeChannel(server))) {}

  std::unique_ptr<v1::TuningService::Stub> service;
  std::atomic<bool> answered = false;  // once, whatever it said
};

template <typename Request, typename Reply>
absl::StatusOr<Reply> FarmClient::Call(CallOf<Request, Reply> method, const Request& request,
                                       double first_patience) {
  for (const auto start = std::chrono::steady_clock::now();;) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + kCallLimit);
    Reply reply;
    const grpc::Status status = (stub_->service.get()->*method)(&context, request, &reply);
    const bool lost =
        status.error_code() == grpc::UNAVAILABLE || status.error_code() == grpc::DEADLINE_EXCEEDED;
    if (!lost) stub_->answered = true;
    if (status.ok()) return reply;
    const double patience = stub_->answered ? patience_seconds_ : first_patience;
    if (!lost || SecondsSince(start) >= patience) return ExplainFailure(status, server_);
    std::this_thread::sleep_for(kReconnectPause);
  }
}

FarmClient::FarmClient(Endpoint server, double patience_seconds)
    : server_(std::move(server)),
      patience_seconds_(patience_seconds),
      stub_(std::make_unique<Stub>(server_)) {}
FarmClient::~FarmClient() = default;

absl::StatusOr<v1::SubmitJobReply> FarmClient::Submit(const v1::JobSpec& spec,
                                                      const SubmitOptions& options) {
  v1::SubmitJobRequest request;
  *request.mutable_spec() = spec;
  request.set_request(NewRequestId());
  request.set_owner(options.owner.empty() ? UserName() : options.owner);
  request.set_priority(options.priority);
  // A wrong address should be told soon; a server that is being restarted is back in seconds.
  constexpr double kFirstPatience = 10;
  return Call(&v1::TuningService::Stub::SubmitJob, request, kFirstPatience);
}

absl::StatusOr<v1::JobState> FarmClient::Pause(const std::string& job) {
  v1::PauseJobRequest request;
  request.set_job(job);
  const auto reply = Call(&v1::TuningService::Stub::PauseJob, request);
  if (!reply.ok()) return reply.status();
  return reply->state();
}

absl::StatusOr<v1::JobState> FarmClient::Resume(const std::string& job) {
  v1::ResumeJobRequest request;
  request.set_job(job);
  const auto reply = Call(&v1::TuningService::Stub::ResumeJob, request);
  if (!reply.ok()) return reply.status();
  return reply->state();
}

absl::Status FarmClient::SetWorkerHealth(const std::string& worker, v1::WorkerHealth health,
                                         const std::string& reason) {
  v1::SetWorkerHealthRequest request;
  request.set_worker(worker);
  request.set_health(health);
  request.set_reason(reason);
  return Call(&v1::TuningService::Stub::SetWorkerHealth, request).status();
}

absl::StatusOr<v1::ListJobsReply> FarmClient::ListJobs() {
  return Call(&v1::TuningService::Stub::ListJobs, v1::ListJobsRequest());
}

absl::StatusOr<v1::JobState> FarmClient::Cancel(const std::string& job) {
  v1::CancelJobRequest request;
  request.set_job(job);
  const auto reply = Call(&v1::TuningService::Stub::CancelJob, request);
  if (!reply.ok()) return reply.status();
  return reply->state();
}

absl::StatusOr<v1::ListWorkersReply> FarmClient::ListWorkers() {
  return Call(&v1::TuningService::Stub::ListWorkers, v1::ListWorkersRequest());
}

absl::StatusOr<v1::LookUpRecordsReply> FarmClient::LookUpRecords(
    const v1::LookUpRecordsRequest& request) {
  return Call(&v1::TuningService::Stub::LookUpRecords, request);
}

absl::StatusOr<v1::FindRecordsReply> FarmClient::FindRecords(
    const v1::FindRecordsRequest& request) {
  return Call(&v1::TuningService::Stub::FindRecords, request);
}

absl::StatusOr<std::vector<std::string>> FarmClient::RevokeRecords(
    v1::RevokeRecordsRequest request) {
  request.set_by(UserName());
  std::vector<std::string> all;
  while (true) {
    TW_ASSIGN_OR_RETURN(const v1::RevokeRecordsReply reply,
                        Call(&v1::TuningService::Stub::RevokeRecords, request));
    all.insert(all.end(), reply.run_ids().begin(), reply.run_ids().end());
    if (!reply.more()) return all;
  }
}

absl::StatusOr<std::vector<v1::RevokedRecord>> FarmClient::ListRevocations() {
  std::vector<v1::RevokedRecord> all;
  v1::ListRevocationsReply reply;
  do {
    v1::ListRevocationsRequest request;
    request.set_after(all.size());
    TW_ASSIGN_OR_RETURN(reply, Call(&v1::TuningService::Stub::ListRevocations, request));
    all.insert(all.end(), reply.revoked().begin(), reply.revoked().end());
  } while (reply.more() && !reply.revoked().empty());
  return all;
}

absl::Status FarmClient::FetchBlob(
    const v1::FetchBlobRequest& request,
    const std::function<absl::StatusOr<bool>(std::string_view)>& take) {
  grpc::ClientContext context;
  const auto reader = stub_->service->FetchBlob(&context, request);
  absl::StatusOr<bool> more = true;
  v1::BlobChunk chunk;
  while (more.ok() && *more && reader->Read(&chunk)) more = take(chunk.data());
  const bool all = more.ok() && *more;
  if (!all) context.TryCancel();
  const grpc::Status status = reader->Finish();
  if (!all) return more.status();
  return status.ok() ? absl::OkStatus() : ExplainFailure(status, server_);
}

absl::StatusOr<v1::JobEvent> FarmClient::Watch(
    const std::string& job, const std::function<void(const v1::JobEvent&)>& on_event) {
  v1::WatchJobRequest request;
  request.set_job(job);
  v1::JobEvent event, last;
  for (auto seen = std::chrono::steady_clock::now();;) {
    grpc::ClientContext context;
    request.set_after_sequence(last.sequence());
    const auto reader = stub_->service->WatchJob(&context, request);
    const auto called = std::chrono::steady_clock::now();
    bool answered = false;
    while (reader->Read(&event)) {
      answered = true;
      last = event;
      on_event(event);
    }
    const grpc::Status status = reader->Finish();
    if (status.ok()) return last;
    // A server that stops cancels what it has not answered.
    const bool away =
        status.error_code() == grpc::UNAVAILABLE || status.error_code() == grpc::CANCELLED;
    if (!away) return FromGrpc(status);
    // What breaks after so long was held by a server; connecting takes less.
    constexpr double kHeldSeconds = 5;
    if (answered || SecondsSince(called) > kHeldSeconds) seen = std::chrono::steady_clock::now();
    if (SecondsSince(seen) >= patience_seconds_) return ExplainFailure(status, server_);
    std::this_thread::sleep_for(kReconnectPause);
  }
}

std::string NameOf(v1::JobState state) { return absl::AsciiStrToLower(v1::JobState_Name(state)); }

std::string NameOf(v1::WorkerHealth health) {
  return absl::AsciiStrToLower(v1::WorkerHealth_Name(health));
}

std::string NameOf(v1::WorkerRole role) {
  switch (role) {
    case v1::WORKER_ROLE_BUILD: return "build";
    case v1::WORKER_ROLE_RUN: return "run";
    default: return "both";
  }
}

}  // namespace tilewright
