#include "worker/agent/agent.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "base/status_macros.h"
#include "proto/convert.h"
#include "worker/agent/agent_parts.h"
#include "worker/agent/health.h"
#include "worker/agent/reporter.h"
#include "worker/agent/self_test.h"
#include "worker/agent/server_link.h"
#include "worker/machine/this_machine.h"
#include "worker/pipeline/module_seal.h"
#include "worker/pipeline/pipeline.h"
#include "worker/pipeline/work_item.h"

namespace tilewright {
namespace {

constexpr double kFirstBackoff = 1, kMaxBackoff = 30, kBackoffFactor = 1.6;
// After a fault of the worker: a full disk or a replaced binary takes people a while.
constexpr double kFirstFaultBackoff = 2, kMaxFaultBackoff = 300, kFaultBackoffFactor = 2;
// A kernel under way may go on so long once the worker stops.
constexpr double kStopGraceSeconds = 4;
// Once the worker is faulty, for trials under way.
constexpr double kDrainSeconds = 15, kDrainStepSeconds = 0.05;
constexpr size_t kNameSuffix = 6;  // digits that tell workers of one name apart

class AgentImpl final : public Agent {
 public:
  explicit AgentImpl(AgentParts parts);
  ~AgentImpl() override;

 private:
  void SessionLoop();
  bool OpenSession();
  v1::OpenSessionRequest OpenRequest() const;
  void CloseSession();
  void LeaseLoop();
  bool ServeLease(const ServerSession& session, const v1::LeaseReply& reply);
  void AddItem(const v1::WorkItem& item, const ServerSession& session);
  void RenewLoop();
  void Renew();
  PipelineSetup MakePipeline();
  absl::StatusOr<TrialModule> FetchModule(const WorkerTrial& trial);
  void Finished(const WorkerTrial& trial, const WorkerResult& result);
  void Leased(const std::string& session, const v1::ReportReply& reply);
  void Built(const WorkerTrial& trial, const WorkerResult& result);
  SealIdentity seal() const {
    return {options_.key, options_.server.credentials.get(), parts_.revoked.get()};
  }
  void Fault(const absl::Status& why);
  void Unfit(const absl::Status& why, const std::vector<WorkerTrial>& suspects);
  void AwaitReports();
  bool Recover();
  void End(absl::Status why);
  ServerSession CurrentSession();
  // False once the worker stops.
  bool Sleep(double seconds);
  bool stopping();
  void Log(const std::string& line) const {
    if (options_.log) options_.log(line);
  }
  void Warn(const std::string& line) const {
    if (options_.warn) options_.warn(line);
  }

  const AgentParts parts_;
  const AgentOptions& options_ = parts_.options;
  const std::string incarnation_ = NewIncarnation();
  std::string name_ = parts_.options.name;  // of the session thread
  ServerLink link_;
  Reporter reporter_;
  Health health_;
  Interrupt test_interrupt_;
  std::mutex mutex_;
  std::condition_variable stop_changed_;
  bool stopping_ = false;
  bool ended_ = false;
  ServerSession session_;
  Pipeline pipeline_;
  std::thread session_thread_, renew_thread_;
};

AgentImpl::AgentImpl(AgentParts parts)
    : parts_(std::move(parts)),
      link_(options_.server),
      reporter_(link_, parts_.spool.get(), options_.log,
                [this](const auto& session, const auto& reply) { Leased(session, reply); }),
      pipeline_(
          MakePipeline(),
          [this](const WorkerTrial& trial, const WorkerResult& result) { Finished(trial, result); },
          [this](const auto& why, const auto& suspects) { Unfit(why, suspects); }) {
  renew_thread_ = std::thread([this] { RenewLoop(); });
  session_thread_ = std::thread([this] { SessionLoop(); });
}

PipelineSetup AgentImpl::MakePipeline() {
  PipelineSetup setup = SetupOf(parts_);
  if (options_.role == v1::WORKER_ROLE_RUN) {
    setup.fetch = [this](const WorkerTrial& trial) { return FetchModule(trial); };
  }
  return setup;
}

AgentImpl::~AgentImpl() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  stop_changed_.notify_all();
  test_interrupt_.Raise();
  link_.ForbidLeases();
  pipeline_.Stop(kStopGraceSeconds);
  session_thread_.join();
  reporter_.Finish();
  link_.Abort();
  renew_thread_.join();
  CloseSession();
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

ServerSession AgentImpl::CurrentSession() {
  std::lock_guard lock(mutex_);
  return session_;
}

void AgentImpl::End(absl::Status why) {
  {
    std::lock_guard lock(mutex_);
    if (std::exchange(ended_, true)) return;
  }
  if (options_.ended) options_.ended(std::move(why));
}

// ---- session and leases ------------------------------------------------------------------------

void AgentImpl::SessionLoop() {
  double backoff = kFirstBackoff;
  while (!stopping()) {
    if (!OpenSession()) {
      Sleep(backoff);
      backoff = std::min(kMaxBackoff, backoff * kBackoffFactor);
      continue;
    }
    backoff = kFirstBackoff;
    if (!health_.Get().good && !Recover()) continue;
    LeaseLoop();
    pipeline_.DropAll();  // leases of a session that is over
    if (health_.Get().good) continue;
    AwaitReports();
    CloseSession();  // hands back what was dropped
  }
}

v1::OpenSessionRequest AgentImpl::OpenRequest() const {
  const Health::View health = health_.Get();
  v1::OpenSessionRequest request = Introduction(parts_);
  request.set_worker(name_);
  request.set_incarnation(incarnation_);
  request.set_capacity(static_cast<uint32_t>(pipeline_.capacity()));
  request.set_health(health.good ? v1::GOOD : v1::BAD);
  request.set_health_reason(health.reason.substr(0, kMaxReasonBytes));
  return request;
}

bool AgentImpl::OpenSession() {
  const absl::StatusOr<ServerSession> session = link_.Open(OpenRequest());
  if (absl::IsAlreadyExists(session.status())) {
    // Both go on. The other one may also be this worker's former life, not yet given up.
    name_ = absl::StrCat(options_.name, "-", incarnation_.substr(0, kNameSuffix));
    Log(absl::StrCat("another worker is called ", options_.name, "; this one calls itself ",
                     name_));
  }
  const bool refused = absl::IsInvalidArgument(session.status());  // it would ask the same again
  if (!session.ok() && !stopping()) {
    Log(absl::StrCat("no session with ", options_.server.address, ": ",
                     std::string(session.status().message()), refused ? "" : "; trying again"));
  }
  if (refused) End(session.status());
  if (!session.ok()) return false;
  Log(absl::StrCat("serving ", options_.server.address, " as ", name_, ", key ", options_.key, ", ",
                   parts_.cores.slots.size(), " slot(s), ", parts_.target,
                   RoleText(options_.role)));
  std::lock_guard lock(mutex_);
  session_ = *session;
  return true;
}

void AgentImpl::CloseSession() {
  ServerSession session;
  {
    std::lock_guard lock(mutex_);
    std::swap(session.id, session_.id);
  }
  link_.Close(session.id);
}

void AgentImpl::LeaseLoop() {
  const ServerSession session = CurrentSession();
  while (const size_t room = pipeline_.WaitForRoom()) {
    const absl::StatusOr<v1::LeaseReply> reply = link_.Lease(session.id, room);
    if (stopping()) return;
    if (absl::IsNotFound(reply.status())) {
      return Log("the server does not know this session any more; opening another");
    }
    if (absl::IsCancelled(reply.status())) continue;
    if (!reply.ok()) Log(absl::StrCat("no lease: ", std::string(reply.status().message())));
    const bool served = reply.ok() && ServeLease(session, *reply);
    if (!served && !Sleep(kFirstBackoff)) return;
  }
}

// False: there will be nothing for a while.
bool AgentImpl::ServeLease(const ServerSession& session, const v1::LeaseReply& reply) {
  for (const v1::WorkItem& item : reply.items()) AddItem(item, session);
  if (reply.health() == v1::RETIRED) {
    Log("the farm has retired this worker");
    End(absl::OkStatus());
  }
  // The server has noticed what this worker has not: let the self test say.
  if (reply.health() == v1::BAD) {
    Fault(absl::UnavailableError(
        absl::StrCat("the server has quarantined it: ", reply.health_reason())));
  }
  const bool idle = reply.health() == v1::MAINTENANCE || reply.health() == v1::RETIRED;
  return !reply.drain() && !idle;
}

void AgentImpl::AddItem(const v1::WorkItem& item, const ServerSession& session) {
  absl::StatusOr<WorkerTrial> trial = FromItem(item, session.epoch);
  WorkerTrial named{.attempt = {session.epoch, item.attempt()}, .fence = item.fence()};
  if (trial.ok()) named = *std::move(trial);
  named.session = session.id;
  if (trial.ok()) return pipeline_.Add(std::move(named));
  Finished(named, {.outcome = absl::UnavailableError(
                       absl::StrCat("the server sent what this worker does not understand: ",
                                    std::string(trial.status().message())))});
}

void AgentImpl::RenewLoop() {
  while (Sleep(CurrentSession().renew_seconds)) Renew();
}

void AgentImpl::Renew() {
  const ServerSession session = CurrentSession();
  if (session.id.empty()) return;
  v1::RenewRequest request;
  request.set_session(session.id);
  for (const auto& held : {pipeline_.Held(), reporter_.Pending()}) {
    for (const AttemptId& attempt : held) {
      if (attempt.server_epoch == session.epoch) request.add_attempts(attempt.number);
    }
  }
  const Health::View health = health_.Get();
  request.set_health(health.good ? v1::GOOD : v1::BAD);
  request.set_health_reason(health.reason.substr(0, kMaxReasonBytes));
  const absl::StatusOr<v1::RenewReply> reply = link_.Renew(request);
  // Other failures need no action here: the next long poll tells a lost session.
  if (absl::IsNotFound(reply.status())) {
    std::lock_guard lock(mutex_);
    if (session_.id == session.id) session_.id.clear();
  }
  if (!reply.ok()) return;
  for (const uint64_t attempt : reply->cancelled()) pipeline_.Drop({session.epoch, attempt});
}

// ---- results and faults ------------------------------------------------------------------------

void AgentImpl::Finished(const WorkerTrial& trial, const WorkerResult& result) {
  if (result.module) return Built(trial, result);
  v1::ReportRequest report = MakeReport(trial, result);
  // The next trial comes with the answer: half the calls.
  if (report.has_measured() && health_.Get().good && !stopping()) {
    report.set_lease_items(1);
    pipeline_.Reserve();
  }
  reporter_.Queue(std::move(report));
  if (result.outcome.ok()) {
    health_.Measured();
  } else if (result.of_builder) {
    Warn(std::string(result.outcome.status().message()));
  } else {
    Fault(result.outcome.status());
  }
}

// What comes of another session is over with it.
void AgentImpl::Leased(const std::string& session, const v1::ReportReply& reply) {
  const ServerSession current = CurrentSession();
  if (session == current.id) {
    for (const v1::WorkItem& item : reply.leased()) AddItem(item, current);
  }
  pipeline_.GiveBack();
}

void AgentImpl::Built(const WorkerTrial& trial, const WorkerResult& result) {
  absl::StatusOr<v1::SignedModule> sealed = SealModule(*result.module, trial, seal());
  if (absl::IsResourceExhausted(sealed.status())) {
    return Finished(
        trial, {.outcome = Failure{FailureKind::kBuild, std::string(sealed.status().message())}});
  }
  if (!sealed.ok()) return Finished(trial, {.outcome = sealed.status()});
  v1::ReportRequest report = EmptyReport(trial);
  *report.mutable_built()->mutable_module() = *std::move(sealed);
  report.mutable_built()->set_build_seconds(result.build_seconds);
  reporter_.Queue(std::move(report));
  health_.Measured();
}

// When the server is away its leases are as good as lost.
absl::StatusOr<TrialModule> AgentImpl::FetchModule(const WorkerTrial& trial) {
  if (trial.module_sha256.empty()) {
    return absl::UnavailableError("the server wants a trial built by a worker that only runs");
  }
  const absl::StatusOr<v1::SignedModule> sealed =
      link_.FetchModule(trial.session, trial.attempt.number);
  if (!sealed.ok()) return absl::CancelledError(sealed.status().message());
  return OpenModule(*sealed, trial, seal(), static_cast<int64_t>(SystemClock().UnixTime()));
}

void AgentImpl::Fault(const absl::Status& why) {
  const std::string reason(why.message());
  if (!health_.SetBad(reason)) return;
  Warn(absl::StrCat("this worker cannot measure and takes no more work: ", reason));
  pipeline_.Pause();
  link_.ForbidLeases();
}

// The server hears of the suspects under the session that ends because of them.
void AgentImpl::Unfit(const absl::Status& why, const std::vector<WorkerTrial>& suspects) {
  for (const WorkerTrial& trial : suspects) reporter_.Queue(MakeWithdrawal(trial, why));
  Fault(why);
}

// What runs is soon done, and the server shall know of it before the session is closed.
void AgentImpl::AwaitReports() {
  const Deadline deadline = DeadlineAfter(kDrainSeconds);
  while (std::chrono::steady_clock::now() < deadline) {
    if (pipeline_.Held().empty() && reporter_.Pending().empty()) return;
    if (!Sleep(kDrainStepSeconds)) return;
  }
}

// Tests until this machine is well again. False: the worker stops, or needs another session first.
bool AgentImpl::Recover() {
  double backoff = kFirstFaultBackoff;
  for (int i = 1; i < health_.Get().faults_in_a_row && backoff < kMaxFaultBackoff; ++i) {
    backoff *= kFaultBackoffFactor;
  }
  for (int failed = 0;;) {
    if (!Sleep(std::min(backoff, kMaxFaultBackoff))) return false;
    const absl::Status test = TestAgain(parts_, &test_interrupt_);
    if (test.ok()) break;
    if (stopping()) return false;
    backoff = std::min(backoff * kFaultBackoffFactor, kMaxFaultBackoff);
    Warn(absl::StrCat(std::string(test.message()), "; the next test in ", backoff, " s"));
    if (++failed == options_.max_self_tests) End(test);
    if (CurrentSession().id.empty()) return false;
  }
  Log("the self test passes; taking work again");
  health_.SetGood();
  Renew();  // the server is told before it is asked for work
  link_.AllowLeases();
  pipeline_.Resume();
  return true;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Agent>> Agent::Start(const AgentOptions& options) {
  if (options.key.empty()) return absl::InvalidArgumentError("a worker needs a device key");
  TW_ASSIGN_OR_RETURN(AgentParts parts, MakeAgentParts(options));
  for (const std::string& remark : parts.cores.remarks) {
    if (options.warn) options.warn(remark);
  }
  PinThisThread(parts.cores.others);  // ours and gRPC's threads keep off the slots
  return std::make_unique<AgentImpl>(std::move(parts));
}

}  // namespace tilewright
