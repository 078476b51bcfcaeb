// How clients and workers reach a server.
#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "grpcpp/channel.h"
#include "grpcpp/security/server_credentials.h"
#include "grpcpp/support/status.h"
#include "security/credentials.h"

namespace tilewright {

// Where a server listens and what this end shows it; null credentials: plaintext.
struct Endpoint {
  std::string address;  // "HOST:PORT" or "unix:PATH"
  std::shared_ptr<const Credentials> credentials;
};

// Keepalive every 30 s (a server allows one each 20 s); reconnects after 1 s, at most 10 s. No call
// is sent yet.
std::shared_ptr<grpc::Channel> MakeChannel(const Endpoint& server);

// The server's end: every peer shows a certificate of the same authority. Null: plaintext.
std::shared_ptr<grpc::ServerCredentials> MakeServerCredentials(const Credentials* credentials);

// True for addresses that other machines cannot reach: unix sockets and loopback.
bool IsLocal(const std::string& address);

// A call's status; when the server was not reached, with what is wrong (security/tls_probe.h).
absl::Status ExplainFailure(const grpc::Status& status, const Endpoint& server);

// For the process: gRPC writes no lines of its own to stderr, because its errors reach the user as
// statuses, and its locks are not watched for deadlocks.
void SilenceGrpc();

// Of a message in either direction.
inline constexpr int kMaxMessageSize = 16 << 20;

// Lower bound the server puts on a peer's keepalive; the client's period must be above it
// (gRFC A8: too many pings end the connection).
inline constexpr int kServerMinPingMs = 20'000;
inline constexpr int kClientPingMs = 30'000;

}  // namespace tilewright
