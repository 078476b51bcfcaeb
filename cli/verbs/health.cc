// tilewright health: whether a farm's server serves. For probes of orchestrators: theirs of gRPC
// show no certificate.
#include <iostream>
#include <memory>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "cli/endpoints/server_option.h"
#include "cli/verb.h"
#include "proto/call_method.h"
#include "proto/channel.h"

namespace tilewright {
namespace {

constexpr char kExample[] =
    "  $ tilewright health --server farm:9190\n"
    "  serving\n"
    "The exit code is 4 where no server answers, or one that cannot store records.\n";

// gRPC's health protocol: an empty HealthCheckRequest asks for the server as a whole; SERVING is
// field 1 with the value 1.
constexpr char kCheckMethod[] = "/grpc.health.v1.Health/Check";
constexpr char kServing[] = "\x08\x01";

struct Options {
  ServerOption server;
  double seconds = 5;
};

absl::Status Health(const Options& options) {
  TW_ASSIGN_OR_RETURN(const Endpoint server, EndpointOf(options.server));
  SilenceGrpc();
  const MethodReply reply = CallMethod(MakeChannel(server), kCheckMethod, "", options.seconds);
  if (!reply.status.ok()) return ExplainFailure(reply.status, server);
  if (reply.message != kServing) {
    return absl::UnavailableError(
        absl::StrCat("the server at ", server.address,
                     " does not serve: it cannot store records (see its log)"));
  }
  std::cout << "serving\n";
  return absl::OkStatus();
}

}  // namespace

void verb_health(CLI::App& parent) {
  const auto options = std::make_shared<Options>();
  CLI::App* verb = AddVerb(parent, {"health", "says whether a farm's server serves", kExample},
                           [options] { return Health(*options); });
  AddServerOption(verb, &options->server);
  verb->add_option("--timeout", options->seconds, "seconds to wait for an answer")
      ->check(CLI::Range(0.1, 600.0))
      ->capture_default_str();
}

}  // namespace tilewright
