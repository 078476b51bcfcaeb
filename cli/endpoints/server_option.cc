#include "cli/endpoints/server_option.h"

#include <sys/un.h>

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "base/clock.h"
#include "base/status_macros.h"
#include "cli/exit_code.h"
#include "cli/paths.h"

namespace tilewright {
namespace {

absl::StatusOr<std::string> FolderFor(const std::string& address, const TlsOptions& tls) {
  if (tls.insecure && !tls.folder.empty()) {
    return UsageError("--tls and --insecure contradict each other");
  }
  if (tls.insecure || !tls.folder.empty() || absl::StartsWith(address, "unix:")) return tls.folder;
  std::string folder = DefaultTlsFolder();
  if (!folder.empty() || IsLocal(address)) return folder;
  return absl::PermissionDeniedError(absl::StrCat(
      "dialling ", address, " without TLS would trust whoever answers; pass --tls DIR (see ",
      "`tilewright certs`), or --insecure on a network where everyone is trusted"));
}

bool IsAddress(const std::string& address, uint32_t least_port) {
  if (absl::StartsWith(address, "unix:")) return address.size() > 5;
  const size_t colon = address.rfind(':');
  uint32_t port = 0;
  return colon != std::string::npos && colon > 0 &&
         absl::SimpleAtoi(address.substr(colon + 1), &port) && port >= least_port && port < 65536;
}

// gRPC would only say that there is no channel, or that the address is in use.
absl::Status CheckSocketPath(const std::string& address) {
  constexpr size_t kMost = sizeof(sockaddr_un::sun_path) - 1;
  absl::string_view path = address;
  if (!absl::ConsumePrefix(&path, "unix:") || path.size() <= kMost) return absl::OkStatus();
  return UsageError(absl::StrCat("a unix socket's path of ", path.size(), " bytes, at most ", kMost,
                                 " are possible: give one in a folder nearer to the root"));
}

// gRPC would take a name without a port for one of port 443.
absl::Status CheckFarmAddress(const std::string& address) {
  TW_RETURN_IF_ERROR(CheckSocketPath(address));
  if (IsAddress(address, /*least_port=*/1)) return absl::OkStatus();
  return UsageError(
      absl::StrCat("\"", address, "\" is no farm's address: give HOST:PORT or unix:PATH"));
}

}  // namespace

void AddTlsOptions(CLI::App* verb, TlsOptions* options) {
  verb->add_option("--tls", options->folder,
                   "folder with this end's certificate (default: $TILEWRIGHT_TLS, or tls in the "
                   "user's configuration folder)");
  verb->add_flag("--insecure", options->insecure,
                 "talk to another machine's server without TLS: everyone there is trusted");
}

void AddServerOption(CLI::App* verb, ServerOption* option) {
  verb->add_option("--server", option->address, "HOST:PORT or unix:PATH of the farm")
      ->required()
      ->envname("TILEWRIGHT_SERVER");
  AddTlsOptions(verb, &option->tls);
}

// gRPC would listen on the port's lowest 16 bits.
absl::Status CheckListenAddress(const std::string& address) {
  TW_RETURN_IF_ERROR(CheckSocketPath(address));
  if (IsAddress(address, /*least_port=*/0)) return absl::OkStatus();
  return UsageError(absl::StrCat("\"", address, "\" is no address to listen on: give HOST:PORT, a ",
                                 "port of at most 65535, or unix:PATH"));
}

absl::StatusOr<std::shared_ptr<const Credentials>> LoadTls(const std::string& folder) {
  if (folder.empty()) return nullptr;
  const auto now = static_cast<int64_t>(SystemClock().UnixTime());
  absl::StatusOr<Credentials> loaded = LoadCredentials(folder, now);
  if (!loaded.ok()) return WithExitCode(loaded.status(), ExitCode::kUnavailable);
  return std::make_shared<const Credentials>(*std::move(loaded));
}

absl::StatusOr<Endpoint> EndpointOf(const std::string& address, const TlsOptions& tls) {
  TW_RETURN_IF_ERROR(CheckFarmAddress(address));
  TW_ASSIGN_OR_RETURN(const std::string folder, FolderFor(address, tls));
  TW_ASSIGN_OR_RETURN(std::shared_ptr<const Credentials> credentials, LoadTls(folder));
  return Endpoint{address, std::move(credentials)};
}

}  // namespace tilewright
