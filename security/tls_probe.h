// Why a connection does not come about. gRPC tells its user only that it did not; this makes one
// connection of its own and looks.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "security/credentials.h"

namespace tilewright {

// `address`: "HOST:PORT" or "unix:PATH"; `credentials` null: the caller speaks plaintext.
// Unavailable when nobody listens there; Unauthenticated, saying what to do, when the two ends do
// not agree on TLS or do not trust each other. Ok when it sees nothing wrong. Takes at most a few
// seconds.
absl::Status ProbeServer(const std::string& address, const Credentials* credentials);

}  // namespace tilewright
