// How clients and workers reach a server.
#pragma once

#include <memory>
#include <string>

#include "grpcpp/channel.h"

namespace tilewright {

// address: "HOST:PORT" or "unix:PATH". Keepalive every 30 s (a server allows one each 20 s);
// reconnects after 1 s, at most 10 s. No call is sent yet.
std::shared_ptr<grpc::Channel> MakeChannel(const std::string& address);

// gRPC writes no lines of its own to stderr: its errors reach the user as statuses.
void SilenceGrpc();

// Of a message in either direction.
inline constexpr int kMaxMessageSize = 16 << 20;

// Lower bound the server puts on a peer's keepalive; the client's period must be above it
// (gRFC A8: too many pings end the connection).
inline constexpr int kServerMinPingMs = 20'000;
inline constexpr int kClientPingMs = 30'000;

}  // namespace tilewright
