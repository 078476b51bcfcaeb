// How a module is bound to its trial and its builder on the way through the server, which may not
// change it: the runner asks for the bytes by their SHA-256 and, with TLS, for the signature of a
// worker of the farm that may serve the key. Without TLS (unix sockets, loopback, --insecure)
// everybody there is trusted anyhow, and the hash alone is checked. Thread-safe.
//
// What is signed: the words "tilewright module 1", the device key, the trial's workload, template,
// target and config, and the module's SHA-256, each with its length before it.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "proto/tilewright.pb.h"
#include "security/credentials.h"
#include "security/known_revocations.h"
#include "worker/pipeline/module.h"
#include "worker/pipeline/trial.h"

namespace tilewright {

// Who builds or runs: the device key, and what it shows others; null: no TLS. A runner with TLS has
// `revoked` too, and learns from the lists that come with modules.
struct SealIdentity {
  std::string key;
  const Credentials* credentials = nullptr;
  KnownRevocations* revoked = nullptr;
};

// By the builder. ResourceExhausted for a module above kMaxModuleBytes.
absl::StatusOr<v1::SignedModule> SealModule(const TrialModule& module, const WorkerTrial& trial,
                                            const SealIdentity& builder);

// By the runner, before anything of it is loaded: DataLoss, saying why, for a module that is not
// what the trial's builder should have sent; Unavailable when it came with a revocation list that
// is not the authority's, so that nobody knows whom to trust. `now`: unix seconds.
absl::StatusOr<TrialModule> OpenModule(const v1::SignedModule& sealed, const WorkerTrial& trial,
                                       const SealIdentity& runner, int64_t now);

}  // namespace tilewright
