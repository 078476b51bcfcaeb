// tilewright cancel: ends a job of a farm.
#include <iostream>
#include <memory>

#include "base/status_macros.h"
#include "cli/farm_client.h"
#include "cli/server_option.h"
#include "cli/verb.h"

namespace tilewright {
namespace {

constexpr char kExample[] =
    "  $ tilewright cancel resnet18-3f2a90c1d4e5f607 --server farm:9190\n"
    "  resnet18-3f2a90c1d4e5f607: cancelled\n"
    "What was measured is kept; submitting the same job again continues it.\n";

struct Options {
  std::string job;
  ServerOption server;
};

absl::Status Cancel(const Options& options) {
  TW_ASSIGN_OR_RETURN(const Endpoint server, EndpointOf(options.server));
  TW_ASSIGN_OR_RETURN(const v1::CancelJobReply reply, FarmClient(server).Cancel(options.job));
  std::cout << options.job << ": " << NameOf(reply.state()) << "\n";
  return absl::OkStatus();
}

}  // namespace

void verb_cancel(CLI::App& parent) {
  const auto options = std::make_shared<Options>();
  CLI::App* verb = AddVerb(parent, {"cancel", "ends a job of a farm", kExample},
                           [options] { return Cancel(*options); });
  verb->add_option("JOB", options->job, "as `submit` printed it")->required();
  AddServerOption(verb, &options->server);
}

}  // namespace tilewright
