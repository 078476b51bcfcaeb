// The worker's side of the protocol: one call each, with deadlines. Knows no policy. Thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "absl/status/statusor.h"
#include "proto/channel.h"
#include "proto/tilewright.grpc.pb.h"

namespace tilewright {

// The most of a message's text: of why a worker is not well, of why a trial failed.
inline constexpr size_t kMaxReasonBytes = 4000;  // the server takes 4 KiB

struct ServerSession {
  std::string id;  // empty: none
  uint64_t epoch = 0;
  double renew_seconds = 5;
};

class ServerLink {
 public:
  // No call is made yet.
  explicit ServerLink(Endpoint server);

  // AlreadyExists: another process serves under this name. Unavailable says why the server was not
  // reached.
  absl::StatusOr<ServerSession> Open(const v1::OpenSessionRequest& request);
  // Long poll: work, or nothing after a while. NotFound: the session is over, open another.
  absl::StatusOr<v1::LeaseReply> Lease(const std::string& session, size_t room);
  // NotFound: as Lease.
  absl::StatusOr<v1::RenewReply> Renew(const v1::RenewRequest& request);
  // The server has answered for good: the row is durable or not wanted. Unavailable and
  // DeadlineExceeded: send it again.
  absl::StatusOr<v1::ReportReply> Report(const v1::ReportRequest& request, double limit_seconds);
  // The module of an attempt. NotFound: the session does not hold it any more.
  absl::StatusOr<v1::SignedModule> FetchModule(const std::string& session, uint64_t attempt);
  // Hands back what the session still holds. When it does not arrive, the leases expire.
  void Close(const std::string& session);

  // Open, Lease, Renew and FetchModule end with Cancelled, now and from now on.
  void Abort();
  // Lease ends with Cancelled, now and until allowed again.
  void ForbidLeases();
  void AllowLeases();

 private:
  grpc::Status Call(double seconds, const std::function<grpc::Status(grpc::ClientContext*)>& call);

  const Endpoint server_;
  const std::unique_ptr<v1::WorkerService::Stub> stub_;
  std::mutex mutex_;
  bool aborted_ = false;
  bool leases_allowed_ = true;
  std::set<grpc::ClientContext*> calls_;  // those Abort ends
  grpc::ClientContext* lease_ = nullptr;  // the long poll among them
};

}  // namespace tilewright
