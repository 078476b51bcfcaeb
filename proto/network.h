// Reads the messages of whole networks (network.proto) that come from other machines. Everything is
// bounded: InvalidArgument says what was found and what is allowed. Thread-safe.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "proto/network.pb.h"

namespace tilewright {

inline constexpr size_t kMaxNetworkModelBytes = 4 << 20;
// Of a whole message: the model with every layer's configs; the times of every run.
inline constexpr size_t kMaxNetworkBytes = 8 << 20;
inline constexpr int kMaxNetworkMixes = 8;
inline constexpr uint32_t kMaxNetworkRounds = 64;

// Why a network is left out, as a line of UTF-8 for people, at most 1000 bytes.
std::string LeftOutText(const std::string& why);

// What a client sends with a job. An empty model needs a reason.
absl::StatusOr<v1::Network> ReadNetwork(const std::string& bytes);
// What a server sends to a worker. Every mix names an option of each layer.
absl::StatusOr<v1::NetworkRound> ReadNetworkRound(const std::string& bytes);
// What a worker answers to `round`: of each mix the same number of rounds, which is one that was
// asked for, each time a nanosecond to ten minutes; a layer may have taken no time at all.
absl::StatusOr<v1::NetworkTimes> ReadNetworkTimes(const std::string& bytes,
                                                  const v1::NetworkRound& round);
// What a server tells at the end; nothing of it when it does not decode.
v1::NetworkResult ReadNetworkResult(const std::string& bytes);

}  // namespace tilewright
