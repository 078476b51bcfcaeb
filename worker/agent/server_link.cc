#include "worker/agent/server_link.h"

#include <algorithm>
#include <chrono>

#include "proto/channel.h"
#include "proto/convert.h"

namespace tilewright {
namespace {

constexpr double kMaxWaitSeconds = 25;  // of one long poll
constexpr double kCallSeconds = 4;      // deadline of the short calls
constexpr double kFetchSeconds = 20;    // of a module of some megabytes
constexpr double kCloseSeconds = 1;
constexpr double kLeastRenewSeconds = 0.2;

void SetDeadline(grpc::ClientContext& context, double seconds) {
  context.set_deadline(std::chrono::system_clock::now() +
                       std::chrono::milliseconds(static_cast<int64_t>(seconds * 1000)));
}

}  // namespace

ServerLink::ServerLink(Endpoint server)
    : server_(std::move(server)), stub_(v1::WorkerService::NewStub(MakeChannel(server_))) {}

// Waits for the connection within its deadline: a server's restart is ridden out.
grpc::Status ServerLink::Call(double seconds,
                              const std::function<grpc::Status(grpc::ClientContext*)>& call) {
  grpc::ClientContext context;
  context.set_wait_for_ready(true);
  SetDeadline(context, seconds);
  {
    std::lock_guard lock(mutex_);
    if (aborted_) return {grpc::StatusCode::CANCELLED, "the worker stops"};
    calls_.insert(&context);
  }
  const grpc::Status status = call(&context);
  std::lock_guard lock(mutex_);
  calls_.erase(&context);
  if (lease_ == &context) lease_ = nullptr;
  return status;
}

void ServerLink::Abort() {
  std::lock_guard lock(mutex_);
  aborted_ = true;
  for (grpc::ClientContext* context : calls_) context->TryCancel();
}

void ServerLink::ForbidLeases() {
  std::lock_guard lock(mutex_);
  leases_allowed_ = false;
  if (lease_) lease_->TryCancel();
}

void ServerLink::AllowLeases() {
  std::lock_guard lock(mutex_);
  leases_allowed_ = true;
}

absl::StatusOr<ServerSession> ServerLink::Open(const v1::OpenSessionRequest& request) {
  v1::OpenSessionReply reply;
  const grpc::Status status = Call(kCallSeconds, [&](grpc::ClientContext* context) {
    return stub_->OpenSession(context, request, &reply);
  });
  if (!status.ok()) return ExplainFailure(status, server_);
  return ServerSession{reply.session(), reply.server_epoch(),
                       std::max(kLeastRenewSeconds, reply.renew_seconds())};
}

absl::StatusOr<v1::LeaseReply> ServerLink::Lease(const std::string& session, size_t room) {
  v1::LeaseRequest request;
  request.set_session(session);
  request.set_max_items(static_cast<uint32_t>(room));
  request.set_max_wait_seconds(kMaxWaitSeconds);
  v1::LeaseReply reply;
  const absl::Status status =
      FromGrpc(Call(kMaxWaitSeconds + kCallSeconds, [&](grpc::ClientContext* context) {
        {
          std::lock_guard lock(mutex_);
          if (!leases_allowed_) return grpc::Status::CANCELLED;
          lease_ = context;
        }
        return stub_->Lease(context, request, &reply);
      }));
  if (!status.ok()) return status;
  return reply;
}

absl::StatusOr<v1::RenewReply> ServerLink::Renew(const v1::RenewRequest& request) {
  v1::RenewReply reply;
  const absl::Status status = FromGrpc(Call(kCallSeconds, [&](grpc::ClientContext* context) {
    return stub_->Renew(context, request, &reply);
  }));
  if (!status.ok()) return status;
  return reply;
}

absl::StatusOr<v1::SignedModule> ServerLink::FetchModule(const std::string& session,
                                                         uint64_t attempt) {
  v1::FetchModuleRequest request;
  request.set_session(session);
  request.set_attempt(attempt);
  v1::SignedModule reply;
  const absl::Status status = FromGrpc(Call(kFetchSeconds, [&](grpc::ClientContext* context) {
    return stub_->FetchModule(context, request, &reply);
  }));
  if (!status.ok()) return status;
  return reply;
}

absl::StatusOr<v1::ReportReply> ServerLink::Report(const v1::ReportRequest& request,
                                                   double limit_seconds) {
  grpc::ClientContext context;
  context.set_wait_for_ready(true);
  SetDeadline(context, limit_seconds);
  v1::ReportReply reply;
  const absl::Status status = FromGrpc(stub_->Report(&context, request, &reply));
  if (!status.ok()) return status;
  return reply;
}

void ServerLink::Close(const std::string& session) {
  if (session.empty()) return;
  grpc::ClientContext context;
  SetDeadline(context, kCloseSeconds);
  v1::CloseSessionRequest request;
  request.set_session(session);
  v1::CloseSessionReply reply;
  stub_->CloseSession(&context, request, &reply);
}

}  // namespace tilewright
