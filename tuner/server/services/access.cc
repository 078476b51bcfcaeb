#include "tuner/server/services/access.h"

#include <grpc/grpc_security_constants.h>

#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "grpcpp/security/auth_context.h"
#include "proto/convert.h"

namespace tilewright {
namespace {

constexpr size_t kMostKnown = 4096;  // certificates remembered in parsed form

using Roles = std::vector<Role>;

const std::map<std::string, Roles, std::less<>>& MethodRoles() {
  static const Roles kWorkers = {Role::kWorker};
  static const Roles kReaders = {Role::kViewer, Role::kClient, Role::kAdmin};
  static const Roles kWriters = {Role::kClient, Role::kAdmin};
  static const Roles kAdmins = {Role::kAdmin};
  static const Roles kPeers = {Role::kWorker, Role::kViewer, Role::kClient, Role::kAdmin};
  static const std::map<std::string, Roles, std::less<>> kTable = {
      {"/grpc.health.v1.Health/Check", kPeers},
      {"/grpc.health.v1.Health/Watch", kPeers},
      {"/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", kAdmins},
      {"/tilewright.v1.WorkerService/OpenSession", kWorkers},
      {"/tilewright.v1.WorkerService/Lease", kWorkers},
      {"/tilewright.v1.WorkerService/Renew", kWorkers},
      {"/tilewright.v1.WorkerService/Report", kWorkers},
      {"/tilewright.v1.WorkerService/CloseSession", kWorkers},
      {"/tilewright.v1.WorkerService/FetchModule", kWorkers},
      {"/tilewright.v1.TuningService/SubmitJob", kWriters},
      {"/tilewright.v1.TuningService/WatchJob", kReaders},
      {"/tilewright.v1.TuningService/ListJobs", kReaders},
      {"/tilewright.v1.TuningService/CancelJob", kWriters},
      {"/tilewright.v1.TuningService/PauseJob", kWriters},
      {"/tilewright.v1.TuningService/ResumeJob", kWriters},
      {"/tilewright.v1.TuningService/ListWorkers", kReaders},
      {"/tilewright.v1.TuningService/SetWorkerHealth", kAdmins},
      {"/tilewright.v1.TuningService/FetchBlob", kReaders},
      {"/tilewright.v1.TuningService/LookUpRecords", kReaders},
      {"/tilewright.v1.TuningService/FindRecords", kReaders},
      {"/tilewright.v1.TuningService/RevokeRecords", kAdmins},
      {"/tilewright.v1.TuningService/ListRevocations", kReaders},
  };
  return kTable;
}

class Gate final : public grpc::AuthMetadataProcessor {
 public:
  explicit Gate(Access& access) : access_(access) {}

  bool IsBlocking() const override { return false; }  // a look into a map, on gRPC's own thread

  grpc::Status Process(const InputMetadata& metadata, grpc::AuthContext* peer, OutputMetadata*,
                       OutputMetadata*) override {
    const auto path = metadata.find(":path");
    if (path == metadata.end()) return ToGrpc(absl::UnauthenticatedError("a call of no method"));
    return ToGrpc(access_.Check({path->second.data(), path->second.size()}, *peer));
  }

 private:
  Access& access_;
};

}  // namespace

std::string Caller::only_owner() const {
  return identity_ && identity_->role == Role::kClient ? identity_->name : "";
}

std::string Caller::OwnerOr(const std::string& claimed) const {
  return identity_ ? identity_->name : claimed;
}

absl::Status Caller::CheckWorker(const std::string& worker, const std::string& key) const {
  if (!identity_) return absl::OkStatus();
  const bool own_name =
      worker == identity_->name || absl::StartsWith(worker, absl::StrCat(identity_->name, "-"));
  if (!own_name) {
    return absl::PermissionDeniedError(
        absl::StrCat("a worker called \"", Shown(worker), "\" with the certificate of ",
                     identity_->name, "; --name must be that, or begin with it and a -"));
  }
  for (const std::string& allowed : identity_->keys) {
    if (allowed == key) return absl::OkStatus();
  }
  return absl::PermissionDeniedError(
      absl::StrCat("the certificate of ", identity_->name, " is for the device keys ",
                   absl::StrJoin(identity_->keys, ", "), ", not for \"", Shown(key),
                   "\"; issue one with --key ", Shown(key)));
}

absl::Status CheckRole(std::string_view method, const Identity& identity) {
  const auto row = MethodRoles().find(method);
  if (row == MethodRoles().end()) {
    return absl::PermissionDeniedError(absl::StrCat("nobody may call ", Shown(method)));
  }
  for (const Role role : row->second) {
    if (role == identity.role) return absl::OkStatus();
  }
  return absl::PermissionDeniedError(absl::StrCat(
      "the certificate of ", identity.name, " has the role ", NameOf(identity.role), "; ",
      Shown(method), " needs ", absl::StrJoin(row->second, " or ", [](std::string* out, Role role) {
        out->append(NameOf(role));
      })));
}

absl::StatusOr<CertificateFacts> Access::FactsOf(const grpc::AuthContext& peer) {
  const std::vector<grpc::string_ref> pem =
      peer.FindPropertyValues(GRPC_X509_PEM_CERT_PROPERTY_NAME);
  if (pem.size() != 1) return absl::UnauthenticatedError("a caller without a certificate");
  const std::string_view text(pem[0].data(), pem[0].size());
  std::lock_guard lock(mutex_);
  if (const auto it = known_.find(text); it != known_.end()) return it->second;
  absl::StatusOr<CertificateFacts> facts = ReadCertificate(std::string(text));
  if (!facts.ok()) return absl::UnauthenticatedError(facts.status().message());
  if (known_.size() >= kMostKnown) known_.clear();
  known_.emplace(text, *facts);
  return facts;
}

absl::Status Access::Check(std::string_view method, const grpc::AuthContext& peer) {
  TW_ASSIGN_OR_RETURN(const CertificateFacts facts, FactsOf(peer));
  absl::Status status = CheckFacts(method, facts);
  if (!status.ok()) {
    log_.Warn("call refused", {{"method", std::string(method)},
                               {"role", NameOf(facts.identity.role)},
                               {"name", facts.identity.name},
                               {"serial", facts.serial},
                               {"reason", std::string(status.message())}});
  }
  return status;
}

absl::Status Access::CheckFacts(std::string_view method, const CertificateFacts& facts) {
  const auto now = static_cast<int64_t>(clock_.UnixTime());
  if (absl::Status valid = CheckTime(facts, now); !valid.ok()) {
    return absl::UnauthenticatedError(valid.message());
  }
  if (IsRevoked(facts.serial)) {
    return absl::UnauthenticatedError(
        absl::StrCat("the certificate of ", NameOf(facts.identity.role), " ", facts.identity.name,
                     " is revoked; ask the farm's administrator for another"));
  }
  return CheckRole(method, facts.identity);
}

Caller Access::CallerOf(const grpc::ServerContextBase& context) {
  if (!knows_callers()) return Caller();
  const absl::StatusOr<CertificateFacts> facts = FactsOf(*context.auth_context());
  return facts.ok() ? Caller(facts->identity) : Caller(Identity{Role::kClient, "?", {}});
}

std::shared_ptr<grpc::AuthMetadataProcessor> MakeGate(Access& access) {
  return std::make_shared<Gate>(access);
}

}  // namespace tilewright
