#include "tuner/server/services/worker_service.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/utf8.h"
#include "proto/convert.h"
#include "proto/network.h"
#include "security/signature.h"
#include "tuner/server/services/messages.h"

namespace tilewright {
namespace {

constexpr uint32_t kMaxSlots = 1024, kMaxItems = 4096;
constexpr double kMaxWaitSeconds = 60;
constexpr double kMaxStageSeconds = 86'400;
// A worker renews this many times within a lease.
constexpr double kRenewsPerLease = 6;
constexpr size_t kMaxReason = 4 << 10;
// A module of 8 MiB with its signature and certificate.
constexpr size_t kMaxSealedBytes = (8 << 20) + (72 << 10);

absl::Status CheckOpen(const v1::OpenSessionRequest& request) {
  if (request.protocol_min() > kProtocolVersion || request.protocol_max() < kProtocolVersion) {
    return absl::FailedPreconditionError(
        absl::StrCat("the worker speaks protocol ", request.protocol_min(), " to ",
                     request.protocol_max(), ", this server ", kProtocolVersion, ": upgrade the ",
                     request.protocol_max() < kProtocolVersion ? "worker" : "server"));
  }
  const v1::Device& device = request.device();
  const std::string* texts[] = {&request.worker(), &device.key(), &device.name(), &device.target()};
  for (const std::string* text : texts) {
    if (text->empty() || text->size() > kMaxName) {
      return absl::InvalidArgumentError(
          "worker, device key, name and target need 1 to 200 bytes each");
    }
    if (!IsOneLine(*text)) {
      return absl::InvalidArgumentError("control characters in a name of the worker's");
    }
  }
  if (request.incarnation().size() > kMaxName) {
    return absl::InvalidArgumentError("an incarnation above 200 bytes");
  }
  TW_RETURN_IF_ERROR(ParseTarget(device.target()).status());
  if (!v1::WorkerRole_IsValid(request.role())) {
    return absl::InvalidArgumentError(
        absl::StrCat("an unknown role ", request.role(), " of a worker: upgrade the server"));
  }
  const bool runs = request.role() != v1::WORKER_ROLE_BUILD;
  if ((device.slots() > 0) != runs || device.slots() > kMaxSlots || request.capacity() < 1 ||
      request.capacity() < device.slots() || request.capacity() > kMaxItems) {
    return absl::InvalidArgumentError(
        absl::StrCat(device.slots(), " slots with capacity ", request.capacity()));
  }
  return absl::OkStatus();
}

WorkerRole RoleOf(v1::WorkerRole role) {
  switch (role) {
    case v1::WORKER_ROLE_BUILD: return WorkerRole::kBuild;
    case v1::WORKER_ROLE_RUN: return WorkerRole::kRun;
    default: return WorkerRole::kBoth;
  }
}

void SetItem(const LeasedTrial& leased, v1::WorkItem* item) {
  item->set_attempt(leased.attempt);
  item->set_fence(leased.fence);
  *item->mutable_task() = ToMessage(*leased.request.task);
  item->set_config(EntitiesToJson(leased.request.config));
  *item->mutable_options() = ToMessage(leased.request.options);
  item->set_module_sha256(leased.module);
  if (leased.request.network) item->set_network(*leased.request.network);
}

// What is hashed is what a runner is announced.
absl::StatusOr<BuiltReport> BuiltOf(const v1::ReportRequest& request) {
  const v1::Built& built = request.built();
  if (built.ByteSizeLong() > kMaxSealedBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("a module of ", built.ByteSizeLong(), " bytes, allowed ", kMaxSealedBytes));
  }
  if (!(built.build_seconds() >= 0 && built.build_seconds() <= kMaxStageSeconds)) {
    return absl::InvalidArgumentError("a build of no possible time");
  }
  BuiltReport report{
      .session = request.session(), .attempt = request.attempt(), .fence = request.fence()};
  TW_ASSIGN_OR_RETURN(report.module.sha256, Sha256Hex(built.module().module()));
  v1::SignedModule sealed = built.module();
  sealed.clear_revocations();  // the server's word, when it hands the module out
  report.module.payload = sealed.SerializeAsString();
  report.module.build_seconds = built.build_seconds();
  return report;
}

// The serial of the certificate that came with a module: it may be revoked before the module is
// run. Empty for what is no certificate; its runner refuses that, and whatever else is wrong.
std::string SignerOf(const v1::SignedModule& module) {
  const absl::StatusOr<CertificateFacts> facts = ReadCertificate(module.certificate());
  return facts.ok() ? facts->serial : "";
}

absl::StatusOr<TrialReport> ReportOf(const v1::ReportRequest& request) {
  TrialReport report{
      .session = request.session(), .attempt = request.attempt(), .fence = request.fence()};
  const v1::Measured& measured = request.measured();
  TW_ASSIGN_OR_RETURN(report.measured.outcome, FromMessage(measured.outcome()));
  report.measured.build_seconds = measured.build_seconds();
  report.measured.run_seconds = measured.run_seconds();
  for (const double seconds : {measured.build_seconds(), measured.run_seconds()}) {
    if (!(seconds >= 0 && seconds <= kMaxStageSeconds)) {
      return absl::InvalidArgumentError(
          absl::StrCat("a stage of ", seconds, " s, possible are 0 to ", kMaxStageSeconds));
    }
  }
  return report;
}

// What a worker says of itself; nothing: that it is well, when it opens a session.
absl::Status SetOwnHealth(Dispatcher& dispatcher, const std::string& session,
                          v1::WorkerHealth health, const std::string& reason) {
  const bool bad = health == v1::BAD;
  return dispatcher.SetOwnHealth(session, bad ? WorkerHealth::kBad : WorkerHealth::kGood,
                                 reason.substr(0, kMaxReason));
}

using LeaseResult = absl::StatusOr<std::vector<LeasedTrial>>;

uint32_t ItemsOf(const v1::LeaseRequest& request) {
  return std::clamp(request.max_items(), 1u, kMaxItems);
}

// Not a number: no wait.
double WaitOf(const v1::LeaseRequest& request) {
  const double asked = request.max_wait_seconds();
  return asked > 0 ? std::min(asked, kMaxWaitSeconds) : 0;
}

// The status to answer with.
absl::Status Fill(v1::LeaseReply* reply, const LeaseResult& leased, const std::string& session,
                  const Dispatcher& dispatcher) {
  if (!leased.ok()) return leased.status();
  for (const LeasedTrial& trial : *leased) SetItem(trial, reply->add_items());
  if (leased->empty()) reply->set_drain(dispatcher.IsDraining());
  const HealthView health = dispatcher.HealthOf(session);
  reply->set_health(ToMessage(health.health));
  reply->set_health_reason(health.reason);
  return absl::OkStatus();
}

// A long poll: ends when the dispatcher has work or the peer goes away. gRPC calls OnCancel and
// OnDone only once the constructor has returned.
class LeaseReactor final : public grpc::ServerUnaryReactor {
 public:
  LeaseReactor(Dispatcher& dispatcher, const v1::LeaseRequest& request, v1::LeaseReply* reply)
      : dispatcher_(dispatcher), session_(request.session()), reply_(reply) {
    wait_ = dispatcher.Lease(request.session(), ItemsOf(request), WaitOf(request),
                             [this](const LeaseResult& leased) { End(leased); });
  }

  void OnCancel() override { dispatcher_.AbandonWait(wait_); }
  void OnDone() override { delete this; }

 private:
  void End(const LeaseResult& leased) {
    Finish(ToGrpc(Fill(reply_, leased, session_, dispatcher_)));
  }

  Dispatcher& dispatcher_;
  const std::string session_;
  v1::LeaseReply* reply_;
  uint64_t wait_ = 0;
};

}  // namespace

grpc::ServerUnaryReactor* WorkerServiceImpl::OpenSession(grpc::CallbackServerContext* context,
                                                         const v1::OpenSessionRequest* request,
                                                         v1::OpenSessionReply* reply) {
  if (absl::Status status = CheckOpen(*request); !status.ok()) return Answer(context, status);
  const absl::Status allowed =
      access_.CallerOf(*context).CheckWorker(request->worker(), request->device().key());
  if (!allowed.ok()) return Answer(context, allowed);
  const absl::StatusOr<std::string> session = dispatcher_.OpenSession(
      {.name = request->worker(),
       .device_key = request->device().key(),
       .device = request->device().name(),
       .target = request->device().target(),
       .slots = request->device().slots(),
       .slot_cores = std::max(1u, request->device().slot_cores()),
       .capacity = request->capacity(),
       .incarnation = request->incarnation(),
       .role = RoleOf(request->role()),
       .networks = request->networks() && request->role() == v1::WORKER_ROLE_BOTH});
  if (!session.ok()) return Answer(context, session.status());
  SetOwnHealth(dispatcher_, *session, request->health(), request->health_reason()).IgnoreError();
  reply->set_protocol(kProtocolVersion);
  reply->set_session(*session);
  reply->set_server_epoch(server_epoch_);
  reply->set_lease_seconds(lease_seconds_);
  reply->set_renew_seconds(lease_seconds_ / kRenewsPerLease);
  return Answer(context, absl::OkStatus());
}

// What is there is answered without a reactor of its own, whose end gRPC would hand to another
// thread.
grpc::ServerUnaryReactor* WorkerServiceImpl::Lease(grpc::CallbackServerContext* context,
                                                   const v1::LeaseRequest* request,
                                                   v1::LeaseReply* reply) {
  LeaseResult leased;
  dispatcher_.Lease(request->session(), ItemsOf(*request), 0,
                    [&](LeaseResult now) { leased = std::move(now); });
  if (leased.ok() && leased->empty() && WaitOf(*request) > 0) {
    return new LeaseReactor(dispatcher_, *request, reply);
  }
  return Answer(context, Fill(reply, leased, request->session(), dispatcher_));
}

grpc::ServerUnaryReactor* WorkerServiceImpl::Renew(grpc::CallbackServerContext* context,
                                                   const v1::RenewRequest* request,
                                                   v1::RenewReply* reply) {
  if (request->attempts_size() > static_cast<int>(2 * kMaxItems)) {
    return Answer(context, absl::InvalidArgumentError("more attempts than any worker holds"));
  }
  const absl::StatusOr<std::vector<uint64_t>> dropped = dispatcher_.Renew(
      request->session(), {request->attempts().begin(), request->attempts().end()});
  if (!dropped.ok()) return Answer(context, dropped.status());
  reply->mutable_cancelled()->Add(dropped->begin(), dropped->end());
  if (request->health() == v1::BAD || request->health() == v1::GOOD) {
    SetOwnHealth(dispatcher_, request->session(), request->health(), request->health_reason())
        .IgnoreError();  // the session was there a moment ago
  }
  const HealthView health = dispatcher_.HealthOf(request->session());
  reply->set_health(ToMessage(health.health));
  reply->set_health_reason(health.reason);
  return Answer(context, absl::OkStatus());
}

grpc::ServerUnaryReactor* WorkerServiceImpl::Report(grpc::CallbackServerContext* context,
                                                    const v1::ReportRequest* request,
                                                    v1::ReportReply* reply) {
  if (request->server_epoch() != server_epoch_ && !request->fault().withdraws()) {
    reply->set_result(v1::ReportReply::DISCARDED);
    return Answer(context, absl::OkStatus());
  }
  if (request->has_fault()) return ReportFault(context, *request, reply);
  if (request->has_built()) return ReportBuilt(context, *request, reply);
  if (request->has_network()) return ReportNetwork(context, *request, reply);
  const absl::StatusOr<TrialReport> report = ReportOf(*request);
  if (!report.ok()) return Answer(context, report.status());
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  dispatcher_.Report(*report, [=, this](const absl::StatusOr<ReportResult>& result) {
    if (result.ok()) {
      reply->set_result(ToMessage(*result));
      LeaseInPlace(*request, reply);
    }
    reactor->Finish(ToGrpc(result.status()));
  });
  return reactor;
}

// Nothing is said where there is nothing to lease: the worker's next Lease tells why.
void WorkerServiceImpl::LeaseInPlace(const v1::ReportRequest& request, v1::ReportReply* reply) {
  if (request.lease_items() == 0) return;
  dispatcher_.Lease(request.session(), std::min(request.lease_items(), kMaxItems), 0,
                    [reply](const LeaseResult& leased) {
                      if (!leased.ok()) return;
                      for (const LeasedTrial& trial : *leased) SetItem(trial, reply->add_leased());
                    });
}

grpc::ServerUnaryReactor* WorkerServiceImpl::ReportFault(grpc::CallbackServerContext* context,
                                                         const v1::ReportRequest& request,
                                                         v1::ReportReply* reply) {
  const FaultReport fault{.session = request.session(),
                          .attempt = request.attempt(),
                          .fence = request.fence(),
                          .reason = request.fault().reason().substr(0, kMaxReason),
                          .of_builder = request.fault().of_builder(),
                          .withdraws = request.fault().withdraws()};
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  const auto reported = [reactor, reply](const absl::StatusOr<ReportResult>& result) {
    if (result.ok()) reply->set_result(ToMessage(*result));
    reactor->Finish(ToGrpc(result.status()));
  };
  if (!fault.withdraws) {
    reported(dispatcher_.ReportFault(fault));
    return reactor;
  }
  const auto may = [caller = access_.CallerOf(*context)](const Record& record) {
    return caller.CheckWorker(record.worker, record.device_key);
  };
  const bool taken = chores_.Do([this, fault, epoch = request.server_epoch(), may, reported] {
    farm_.ReportFault(fault, epoch, may, reported);
  });
  if (!taken) reported(absl::UnavailableError(TooBusy().message()));
  return reactor;
}

grpc::ServerUnaryReactor* WorkerServiceImpl::ReportBuilt(grpc::CallbackServerContext* context,
                                                         const v1::ReportRequest& request,
                                                         v1::ReportReply* reply) {
  absl::StatusOr<BuiltReport> built = BuiltOf(request);
  if (!built.ok()) return Answer(context, built.status());
  if (access_.knows_callers()) built->module.signer = SignerOf(request.built().module());
  const absl::StatusOr<ReportResult> result = dispatcher_.ReportBuilt(*built);
  if (result.ok()) reply->set_result(ToMessage(*result));
  return Answer(context, result.status());
}

// What it says is looked at by the job that asked.
grpc::ServerUnaryReactor* WorkerServiceImpl::ReportNetwork(grpc::CallbackServerContext* context,
                                                           const v1::ReportRequest& request,
                                                           v1::ReportReply* reply) {
  if (request.network().size() > kMaxNetworkBytes) {
    return Answer(context, absl::InvalidArgumentError(
                               absl::StrCat("a network's times of ", request.network().size(),
                                            " bytes, at most ", kMaxNetworkBytes)));
  }
  const absl::StatusOr<ReportResult> result =
      dispatcher_.ReportNetwork({.session = request.session(),
                                 .attempt = request.attempt(),
                                 .fence = request.fence(),
                                 .times = request.network()});
  if (result.ok()) reply->set_result(ToMessage(*result));
  return Answer(context, result.status());
}

grpc::ServerUnaryReactor* WorkerServiceImpl::FetchModule(grpc::CallbackServerContext* context,
                                                         const v1::FetchModuleRequest* request,
                                                         v1::SignedModule* reply) {
  const absl::StatusOr<ModulePtr> module =
      dispatcher_.ModuleOf(request->session(), request->attempt());
  if (module.ok()) {
    reply->ParseFromString((*module)->payload);  // its own serialisation
    reply->set_revocations(access_.Revocations());
  }
  return Answer(context, module.status());
}

grpc::ServerUnaryReactor* WorkerServiceImpl::CloseSession(grpc::CallbackServerContext* context,
                                                          const v1::CloseSessionRequest* request,
                                                          v1::CloseSessionReply*) {
  dispatcher_.CloseSession(request->session());
  return Answer(context, absl::OkStatus());
}

}  // namespace tilewright
