// Where a farm's server is and what this end shows it: the options of every verb that dials one.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "absl/status/statusor.h"
#include "proto/channel.h"

namespace tilewright {

struct TlsOptions {
  std::string folder;  // of credentials (security/credentials.h); empty: the default one
  bool insecure = false;
};

struct ServerOption {
  std::string address;
  TlsOptions tls;
};

// --tls and --insecure. `options` must live as long as the verb.
void AddTlsOptions(CLI::App* verb, TlsOptions* options);

// --server (required, or $TILEWRIGHT_SERVER), --tls and --insecure.
void AddServerOption(CLI::App* verb, ServerOption* option);

// Loads the credentials. Without --tls: unix sockets are dialled in plaintext; others with the
// default folder (DefaultTlsFolder), and without one only this machine's own addresses.
// PermissionDenied for another machine without credentials or --insecure; statuses as of
// LoadCredentials, all of them with the exit code for something needed.
absl::StatusOr<Endpoint> EndpointOf(const std::string& address, const TlsOptions& tls);
inline absl::StatusOr<Endpoint> EndpointOf(const ServerOption& server) {
  return EndpointOf(server.address, server.tls);
}

// Wrong usage for what is neither HOST:PORT (port 0: a free one) nor unix:PATH, and for paths that
// are longer than a socket's may be.
absl::Status CheckListenAddress(const std::string& address);

// Null for an empty folder; statuses as above.
absl::StatusOr<std::shared_ptr<const Credentials>> LoadTls(const std::string& folder);

}  // namespace tilewright
