#include "proto/channel.h"

#include <grpc/support/log.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/security/credentials.h"
#include "grpcpp/support/channel_arguments.h"
#include "proto/convert.h"
#include "security/tls_probe.h"

namespace tilewright {
namespace {

// Of "host:port"; "[::1]:80" gives "::1".
std::string HostOf(const std::string& address) {
  const std::string host = address.substr(0, address.rfind(':'));
  const bool bracketed = host.size() > 1 && host.front() == '[' && host.back() == ']';
  return bracketed ? host.substr(1, host.size() - 2) : host;
}

std::shared_ptr<grpc::ChannelCredentials> ClientCredentials(const Credentials* credentials) {
  if (!credentials) return grpc::InsecureChannelCredentials();
  return grpc::SslCredentials({.pem_root_certs = credentials->authority,
                               .pem_private_key = credentials->own.key,
                               .pem_cert_chain = credentials->own.certificate});
}

}  // namespace

void SilenceGrpc() {
  gpr_set_log_function([](gpr_log_func_args*) {});
  // Debian's Abseil notes the order of all locks, a twentieth of a busy server's time.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
}

bool IsLocal(const std::string& address) {
  if (absl::StartsWith(address, "unix:")) return true;
  const std::string host = HostOf(address);
  const bool numeric = host.find_first_not_of("0123456789.") == host.npos;  // no name is
  return host == "localhost" || host == "::1" || (numeric && absl::StartsWith(host, "127."));
}

std::shared_ptr<grpc::Channel> MakeChannel(const Endpoint& server) {
  static_assert(kClientPingMs > kServerMinPingMs);
  SilenceGrpc();
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, kClientPingMs);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 10'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 1'000);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 10'000);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 5'000);  // time to connect, TLS included
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);  // callers retry: they know what is idempotent
  arguments.SetMaxReceiveMessageSize(kMaxMessageSize);
  return grpc::CreateCustomChannel(server.address, ClientCredentials(server.credentials.get()),
                                   arguments);
}

std::shared_ptr<grpc::ServerCredentials> MakeServerCredentials(const Credentials* credentials) {
  if (!credentials) return grpc::InsecureServerCredentials();
  grpc::SslServerCredentialsOptions options(
      GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  options.pem_root_certs = credentials->authority;
  options.pem_key_cert_pairs.push_back({credentials->own.key, credentials->own.certificate});
  return grpc::SslServerCredentials(options);
}

absl::Status ExplainFailure(const grpc::Status& status, const Endpoint& server) {
  const bool not_reached =
      status.error_code() == grpc::UNAVAILABLE || status.error_code() == grpc::DEADLINE_EXCEEDED;
  if (!not_reached) return FromGrpc(status);
  if (absl::Status seen = ProbeServer(server.address, server.credentials.get()); !seen.ok()) {
    return seen;
  }
  if (status.error_code() == grpc::DEADLINE_EXCEEDED) {
    return absl::UnavailableError(absl::StrCat("the server at ", server.address,
                                               " does not answer in time: does it hang, or is it ",
                                               "overloaded?"));
  }
  return absl::UnavailableError(
      absl::StrCat("no server answers at ", server.address, ": ", status.error_message()));
}

}  // namespace tilewright
