#include "worker/pipeline/module_seal.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "security/signature.h"

namespace tilewright {
namespace {

constexpr size_t kMaxCertificateBytes = 64 << 10, kMaxSignatureBytes = 1 << 10;

std::string Statement(const WorkerTrial& trial, const std::string& key, const std::string& sha256) {
  std::string text;
  for (const std::string& part :
       {std::string("tilewright module 1"), key, trial.task.workload.Key(),
        trial.task.template_name, ToString(trial.task.target), EntitiesToJson(trial.config),
        sha256}) {
    absl::StrAppend(&text, part.size(), ":", part, ";");
  }
  return text;
}

// A worker of this farm, for this key, at this time.
absl::Status CheckHolder(const std::string& certificate, const SealIdentity& runner, int64_t now) {
  TW_RETURN_IF_ERROR(CheckSignedBy(certificate, runner.credentials->authority));
  TW_ASSIGN_OR_RETURN(const CertificateFacts facts, ReadCertificate(certificate));
  TW_RETURN_IF_ERROR(CheckTime(facts, now));
  if (runner.revoked && runner.revoked->Contains(facts.serial)) {
    return absl::PermissionDeniedError(
        absl::StrCat("the certificate of ", NameOf(facts.identity.role), " ", facts.identity.name,
                     ", who signed it, is revoked"));
  }
  const auto& keys = facts.identity.keys;
  const bool may_build = facts.identity.role == Role::kWorker &&
                         std::find(keys.begin(), keys.end(), runner.key) != keys.end();
  if (may_build) return absl::OkStatus();
  return absl::PermissionDeniedError(
      absl::StrCat("it was signed by ", NameOf(facts.identity.role), " ", facts.identity.name,
                   ", who is no worker of \"", Shown(runner.key), "\""));
}

absl::Status CheckSeal(const v1::SignedModule& sealed, const WorkerTrial& trial,
                       const SealIdentity& runner, int64_t now) {
  TW_ASSIGN_OR_RETURN(const std::string sha256, Sha256Hex(sealed.module()));
  if (sha256 != trial.module_sha256) {
    return absl::InvalidArgumentError("its bytes have another hash than was announced");
  }
  if (!runner.credentials) return absl::OkStatus();
  if (sealed.certificate().size() > kMaxCertificateBytes ||
      sealed.signature().size() > kMaxSignatureBytes) {
    return absl::InvalidArgumentError("a certificate or signature of a size that none has");
  }
  TW_RETURN_IF_ERROR(CheckHolder(sealed.certificate(), runner, now));
  return CheckSignature(sealed.certificate(), Statement(trial, runner.key, sha256),
                        sealed.signature());
}

// The server's word on whom to trust counts as far as the authority has signed it.
absl::Status LearnRevocations(const v1::SignedModule& sealed, const SealIdentity& runner) {
  if (!runner.credentials || !runner.revoked || sealed.revocations().empty()) {
    return absl::OkStatus();
  }
  const absl::Status learned = runner.revoked->Learn(sealed.revocations());
  if (learned.ok()) return learned;
  return absl::UnavailableError(
      absl::StrCat("the revocation list that came with a module cannot be used: ",
                   std::string(learned.message()),
                   "; see crl.pem in the server's TLS folder, and this worker's --spool"));
}

absl::Status Refused(const absl::Status& why) {
  return absl::DataLossError(absl::StrCat("the module is refused: ", std::string(why.message())));
}

}  // namespace

absl::StatusOr<v1::SignedModule> SealModule(const TrialModule& module, const WorkerTrial& trial,
                                            const SealIdentity& builder) {
  v1::SignedModule sealed;
  sealed.set_module(EncodeModule(module));
  if (sealed.module().size() > kMaxModuleBytes) {
    return absl::ResourceExhaustedError(
        absl::StrCat("a module of ", sealed.module().size(), " bytes, allowed ", kMaxModuleBytes));
  }
  if (!builder.credentials) return sealed;
  TW_ASSIGN_OR_RETURN(const std::string sha256, Sha256Hex(sealed.module()));
  TW_ASSIGN_OR_RETURN(*sealed.mutable_signature(),
                      Sign(builder.credentials->own.key, Statement(trial, builder.key, sha256)));
  sealed.set_certificate(builder.credentials->own.certificate);
  return sealed;
}

absl::StatusOr<TrialModule> OpenModule(const v1::SignedModule& sealed, const WorkerTrial& trial,
                                       const SealIdentity& runner, int64_t now) {
  TW_RETURN_IF_ERROR(LearnRevocations(sealed, runner));
  if (absl::Status status = CheckSeal(sealed, trial, runner, now); !status.ok()) {
    return Refused(status);
  }
  absl::StatusOr<TrialModule> module = DecodeModule(sealed.module(), trial.task.workload);
  if (!module.ok()) return Refused(module.status());
  return module;
}

}  // namespace tilewright
