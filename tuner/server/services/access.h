// Who may call what. With TLS every caller is known by its certificate, each method has the roles
// that may call it, and a method that is not in the table is nobody's. Without TLS (loopback, unix
// sockets, --insecure) callers are unknown and trusted. Thread-safe.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "base/clock.h"
#include "grpcpp/security/auth_metadata_processor.h"
#include "grpcpp/server_context.h"
#include "log/log.h"
#include "security/credentials.h"
#include "security/revocation.h"

namespace tilewright {

class Caller {
 public:
  Caller() = default;  // unknown and trusted
  explicit Caller(Identity identity) : identity_(std::move(identity)) {}

  // Whose jobs it sees and steers; empty: everybody's.
  std::string only_owner() const;
  // The owner of a job it submits: its own name, however it calls itself.
  std::string OwnerOr(const std::string& claimed) const;
  bool is_known() const { return identity_.has_value(); }
  // PermissionDenied unless its certificate names the device key, and the worker's name is its own
  // or its own with a suffix ("rack3-2"), for several workers of one machine.
  absl::Status CheckWorker(const std::string& worker, const std::string& key) const;

 private:
  std::optional<Identity> identity_;
};

// OK when the role may call the method ("/tilewright.v1.TuningService/ListJobs"); PermissionDenied
// names the roles that may.
absl::Status CheckRole(std::string_view method, const Identity& identity);

class Access {
 public:
  // `revoked` null: callers are unknown and trusted. `clock` and `log`, which is
  // told of every call that is refused, outlive this.
  Access(std::unique_ptr<RevocationFile> revoked, const Clock& clock, Log& log)
      : revoked_(std::move(revoked)), clock_(clock), log_(log) {}

  bool knows_callers() const { return revoked_ != nullptr; }
  // Of a certificate, by its serial; nobody's without TLS.
  bool IsRevoked(const std::string& serial) const {
    return revoked_ && revoked_->IsRevoked(serial);
  }
  // PEM, signed by the authority; empty: none, or without TLS.
  std::string Revocations() const { return revoked_ ? revoked_->List() : ""; }
  // Unauthenticated for no certificate of a farm, one that is out of its time or revoked;
  // PermissionDenied: see CheckRole.
  absl::Status Check(std::string_view method, const grpc::AuthContext& peer);
  // REQUIRES: Check passed.
  Caller CallerOf(const grpc::ServerContextBase& context);

 private:
  absl::StatusOr<CertificateFacts> FactsOf(const grpc::AuthContext& peer);
  absl::Status CheckFacts(std::string_view method, const CertificateFacts& facts);

  const std::unique_ptr<RevocationFile> revoked_;
  const Clock& clock_;
  Log& log_;
  std::mutex mutex_;
  std::map<std::string, CertificateFacts, std::less<>> known_;  // by PEM text
};

// Asks `access` before gRPC hands a call to its service; `access` outlives the server.
std::shared_ptr<grpc::AuthMetadataProcessor> MakeGate(Access& access);

}  // namespace tilewright
