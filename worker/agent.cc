#include "worker/agent.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <set>
#include <thread>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "proto/channel.h"
#include "proto/convert.h"
#include "proto/tilewright.grpc.pb.h"
#include "worker/pipe_io.h"
#include "worker/pipeline.h"
#include "worker/private_folder.h"

namespace tilewright {
namespace {

constexpr double kMaxWaitSeconds = 25;  // of one long poll
constexpr double kCallSeconds = 4;      // deadline of the short calls
constexpr double kReportSeconds = 20;   // includes making the row durable
constexpr double kFirstBackoff = 1, kMaxBackoff = 30, kBackoffFactor = 1.6;
constexpr double kLastReportsSeconds = 5;  // for reports once the worker stops
constexpr int kReporters = 2;

// A call waits for the connection within its deadline: a server's restart is ridden out.
void SetDeadline(grpc::ClientContext& context, double seconds) {
  context.set_wait_for_ready(true);
  context.set_deadline(std::chrono::system_clock::now() +
                       std::chrono::milliseconds(static_cast<int64_t>(seconds * 1000)));
}

absl::StatusOr<WorkerTrial> FromItem(const v1::WorkItem& item, uint64_t epoch) {
  WorkerTrial trial{.attempt = item.attempt(), .fence = item.fence(), .server_epoch = epoch};
  TW_ASSIGN_OR_RETURN(trial.task, FromMessage(item.task()));
  TW_ASSIGN_OR_RETURN(trial.config, ParseEntitiesJson(item.config()));
  TW_ASSIGN_OR_RETURN(trial.options, FromMessage(item.options()));
  return trial;
}

class AgentImpl final : public Agent {
 public:
  AgentImpl(AgentOptions options, PipelineSetup setup, std::unique_ptr<PrivateFolder> folder,
            std::string target);
  ~AgentImpl() override;

 private:
  struct Session {
    std::string id;  // empty: none
    uint64_t epoch = 0;
    double renew_seconds = 5;
  };
  struct PendingReport {
    WorkerTrial trial;
    WorkerResult result;
  };

  void SessionLoop();
  bool OpenSession();
  void LeaseLoop(const Session& session);
  grpc::Status Lease(const Session& session, size_t room, v1::LeaseReply* reply);
  void AddItem(const v1::WorkItem& item, uint64_t epoch);
  void RenewLoop();
  void Renew(const Session& session);
  void ReportLoop();
  void Report(const PendingReport& report);
  void QueueReport(const WorkerTrial& trial, WorkerResult result);
  Session CurrentSession();
  // False once the worker stops.
  bool Sleep(double seconds);
  bool stopping();
  void Log(const std::string& line) const {
    if (options_.log) options_.log(line);
  }

  const AgentOptions options_;
  const std::string target_;
  const int slots_;
  const std::unique_ptr<PrivateFolder> folder_;
  const std::unique_ptr<v1::WorkerService::Stub> stub_;
  std::mutex mutex_;
  std::condition_variable stop_changed_;
  bool stopping_ = false;
  Deadline last_reports_ = Deadline::max();
  Session session_;
  std::set<uint64_t> reporting_;
  grpc::ClientContext* lease_context_ = nullptr;  // of the running long poll
  BlockingQueue<PendingReport> reports_;
  std::unique_ptr<Pipeline> pipeline_;
  std::thread session_thread_, renew_thread_;
  std::vector<std::thread> reporters_;
};

AgentImpl::AgentImpl(AgentOptions options, PipelineSetup setup,
                     std::unique_ptr<PrivateFolder> folder, std::string target)
    : options_(std::move(options)),
      target_(std::move(target)),
      slots_(static_cast<int>(setup.cores.slots.size())),
      folder_(std::move(folder)),
      stub_(v1::WorkerService::NewStub(MakeChannel(options_.server))),
      pipeline_(std::make_unique<Pipeline>(std::move(setup),
                                           [this](const WorkerTrial& trial, WorkerResult result) {
                                             QueueReport(trial, std::move(result));
                                           })) {
  for (int i = 0; i < kReporters; ++i) reporters_.emplace_back([this] { ReportLoop(); });
  renew_thread_ = std::thread([this] { RenewLoop(); });
  session_thread_ = std::thread([this] { SessionLoop(); });
}

AgentImpl::~AgentImpl() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    if (lease_context_) lease_context_->TryCancel();
  }
  stop_changed_.notify_all();
  pipeline_->StopWaiting();
  session_thread_.join();
  pipeline_.reset();
  {
    std::lock_guard lock(mutex_);
    last_reports_ = DeadlineAfter(kLastReportsSeconds);
  }
  reports_.Close();
  for (std::thread& thread : reporters_) thread.join();
  renew_thread_.join();
  grpc::ClientContext context;
  SetDeadline(context, kCallSeconds);
  v1::CloseSessionRequest request;
  request.set_session(session_.id);
  v1::CloseSessionReply reply;
  context.set_wait_for_ready(false);
  // When it does not arrive, the leases expire.
  if (!session_.id.empty()) stub_->CloseSession(&context, request, &reply);
}

bool AgentImpl::Sleep(double seconds) {
  std::unique_lock lock(mutex_);
  return !stop_changed_.wait_for(lock, std::chrono::duration<double>(seconds),
                                 [this] { return stopping_; });
}

bool AgentImpl::stopping() {
  std::lock_guard lock(mutex_);
  return stopping_;
}

AgentImpl::Session AgentImpl::CurrentSession() {
  std::lock_guard lock(mutex_);
  return session_;
}

// ---- session and leases

void AgentImpl::SessionLoop() {
  double backoff = kFirstBackoff;
  while (!stopping()) {
    if (!OpenSession()) {
      Sleep(backoff);
      backoff = std::min(kMaxBackoff, backoff * kBackoffFactor);
      continue;
    }
    backoff = kFirstBackoff;
    LeaseLoop(CurrentSession());
    pipeline_->DropAll();  // leases of a session that is over
  }
}

bool AgentImpl::OpenSession() {
  grpc::ClientContext context;
  SetDeadline(context, kCallSeconds);
  v1::OpenSessionRequest request;
  request.set_protocol_min(kProtocolVersion);
  request.set_protocol_max(kProtocolVersion);
  request.set_worker(options_.name);
  request.set_software("tilewright " TILEWRIGHT_VERSION);
  request.mutable_device()->set_key(options_.key);
  request.mutable_device()->set_name(CpuName());
  request.mutable_device()->set_target(target_);
  request.mutable_device()->set_slots(slots_);
  request.set_capacity(static_cast<uint32_t>(pipeline_->capacity()));
  v1::OpenSessionReply reply;
  const grpc::Status status = stub_->OpenSession(&context, request, &reply);
  if (!status.ok()) {
    if (!stopping())
      Log(absl::StrCat("no session with ", options_.server, ": ", status.error_message(),
                       "; trying again"));
    return false;
  }
  Log(absl::StrCat("serving ", options_.server, " as ", options_.name, ", key ", options_.key, ", ",
                   slots_, " slot(s), ", target_));
  std::lock_guard lock(mutex_);
  session_ = {reply.session(), reply.server_epoch(), std::max(0.5, reply.renew_seconds())};
  return true;
}

grpc::Status AgentImpl::Lease(const Session& session, size_t room, v1::LeaseReply* reply) {
  grpc::ClientContext context;
  SetDeadline(context, kMaxWaitSeconds + kCallSeconds);
  v1::LeaseRequest request;
  request.set_session(session.id);
  request.set_max_items(static_cast<uint32_t>(room));
  request.set_max_wait_seconds(kMaxWaitSeconds);
  {
    std::lock_guard lock(mutex_);
    if (stopping_) return grpc::Status::CANCELLED;
    lease_context_ = &context;
  }
  const grpc::Status status = stub_->Lease(&context, request, reply);
  std::lock_guard lock(mutex_);
  lease_context_ = nullptr;
  return status;
}

void AgentImpl::LeaseLoop(const Session& session) {
  while (const size_t room = pipeline_->WaitForRoom()) {
    v1::LeaseReply reply;
    const grpc::Status status = Lease(session, room, &reply);
    if (stopping()) return;
    if (status.error_code() == grpc::NOT_FOUND) {
      Log("the server does not know this session any more; opening another");
      return;
    }
    if (!status.ok()) Log(absl::StrCat("no lease: ", status.error_message()));
    for (const v1::WorkItem& item : reply.items()) AddItem(item, session.epoch);
    if ((!status.ok() || reply.drain()) && !Sleep(kFirstBackoff)) return;
  }
}

void AgentImpl::AddItem(const v1::WorkItem& item, uint64_t epoch) {
  absl::StatusOr<WorkerTrial> trial = FromItem(item, epoch);
  if (trial.ok()) return pipeline_->Add(*std::move(trial));
  QueueReport(
      {.attempt = item.attempt(), .fence = item.fence(), .server_epoch = epoch},
      {.outcome = Failure{FailureKind::kInstantiation, std::string(trial.status().message())}});
}

void AgentImpl::RenewLoop() {
  while (Sleep(CurrentSession().renew_seconds)) {
    const Session session = CurrentSession();
    if (!session.id.empty()) Renew(session);
  }
}

void AgentImpl::Renew(const Session& session) {
  grpc::ClientContext context;
  SetDeadline(context, kCallSeconds);
  v1::RenewRequest request;
  request.set_session(session.id);
  for (const uint64_t attempt : pipeline_->Held()) request.add_attempts(attempt);
  {
    std::lock_guard lock(mutex_);
    for (const uint64_t attempt : reporting_) request.add_attempts(attempt);
  }
  v1::RenewReply reply;
  // A failure needs no action here: the next long poll tells a lost session.
  if (!stub_->Renew(&context, request, &reply).ok()) return;
  for (const uint64_t attempt : reply.cancelled()) pipeline_->Drop(attempt);
}

// ---- reports

void AgentImpl::QueueReport(const WorkerTrial& trial, WorkerResult result) {
  {
    std::lock_guard lock(mutex_);
    reporting_.insert(trial.attempt);
  }
  reports_.Push({trial, std::move(result)});
}

void AgentImpl::ReportLoop() {
  while (std::optional<PendingReport> report = reports_.Pop()) {
    Report(*report);
    std::lock_guard lock(mutex_);
    reporting_.erase(report->trial.attempt);
  }
}

// Repeats until the server has answered: reports are idempotent.
void AgentImpl::Report(const PendingReport& report) {
  v1::ReportRequest request;
  request.set_session(CurrentSession().id);
  request.set_server_epoch(report.trial.server_epoch);
  request.set_attempt(report.trial.attempt);
  request.set_fence(report.trial.fence);
  *request.mutable_measured()->mutable_outcome() = ToMessage(report.result.outcome);
  request.mutable_measured()->set_build_seconds(report.result.build_seconds);
  request.mutable_measured()->set_run_seconds(report.result.run_seconds);
  request.mutable_measured()->set_worker_seconds(report.result.worker_seconds);
  for (double backoff = kFirstBackoff;; backoff = std::min(kMaxBackoff, 2 * backoff)) {
    grpc::ClientContext context;
    SetDeadline(context, stopping() ? kLastReportsSeconds : kReportSeconds);
    v1::ReportReply reply;
    const grpc::Status status = stub_->Report(&context, request, &reply);
    const bool again =
        status.error_code() == grpc::UNAVAILABLE || status.error_code() == grpc::DEADLINE_EXCEEDED;
    if (!status.ok()) Log(absl::StrCat("cannot report: ", status.error_message()));
    if (!again) return;
    if (!Sleep(backoff) && std::chrono::steady_clock::now() > last_reports_) return;
  }
}

absl::StatusOr<std::string> HostTarget(const AgentOptions& options, const CorePlan& plan) {
  Builder builder({options.builder, plan.others});
  return builder.HostTarget();
}

}  // namespace

absl::StatusOr<std::unique_ptr<Agent>> Agent::Start(const AgentOptions& options) {
  if (options.key.empty()) return absl::InvalidArgumentError("a worker needs a device key");
  TW_ASSIGN_OR_RETURN(CorePlan plan, PlanCores(AllowedCores(), options.slots));
  TW_ASSIGN_OR_RETURN(std::string target, HostTarget(options, plan));
  TW_ASSIGN_OR_RETURN(std::unique_ptr<PrivateFolder> folder,
                      PrivateFolder::Make(options.temp_folder));
  PinThisThread(plan.others);  // ours and gRPC's threads keep off the slots
  PipelineSetup setup{.runner = options.runner,
                      .builder = options.builder,
                      .folder = folder->path(),
                      .builders = options.builders};
  if (setup.builders == 0) setup.builders = static_cast<int>(plan.others.size());
  setup.cores = std::move(plan);
  return std::make_unique<AgentImpl>(options, std::move(setup), std::move(folder),
                                     std::move(target));
}

}  // namespace tilewright
