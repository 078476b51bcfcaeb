// tilewright health: whether a farm's server serves. For probes of orchestrators: theirs of gRPC
// show no certificate.
#include <chrono>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "cli/between.h"
#include "cli/server_option.h"
#include "cli/verb.h"
#include "grpcpp/generic/generic_stub.h"
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

absl::StatusOr<std::string> AskHealth(const Endpoint& server, double seconds) {
  SilenceGrpc();
  grpc::GenericStub stub(MakeChannel(server));
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() +
                       std::chrono::milliseconds(static_cast<int64_t>(seconds * 1e3)));
  grpc::CompletionQueue queue;
  const grpc::Slice nothing;
  const auto call =
      stub.PrepareUnaryCall(&context, kCheckMethod, grpc::ByteBuffer(&nothing, 1), &queue);
  call->StartCall();
  grpc::ByteBuffer reply;
  grpc::Status status;
  call->Finish(&reply, &status, nullptr);
  void* tag = nullptr;
  bool ok = false;
  queue.Next(&tag, &ok);
  if (!status.ok()) return ExplainFailure(status, server);
  std::vector<grpc::Slice> slices;
  std::string bytes;
  if (reply.Dump(&slices).ok()) {
    for (const grpc::Slice& slice : slices) bytes.append(slice.begin(), slice.end());
  }
  return bytes;
}

absl::Status Health(const Options& options) {
  TW_ASSIGN_OR_RETURN(const Endpoint server, EndpointOf(options.server));
  TW_ASSIGN_OR_RETURN(const std::string answer, AskHealth(server, options.seconds));
  if (answer != kServing) {
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
      ->check(Between(0.1, 600))
      ->capture_default_str();
}

}  // namespace tilewright
