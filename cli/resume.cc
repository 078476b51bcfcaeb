// tilewright resume: lets a paused job of a farm go on.
#include <iostream>
#include <memory>

#include "base/status_macros.h"
#include "cli/farm_client.h"
#include "cli/server_option.h"
#include "cli/verb.h"

namespace tilewright {
namespace {

constexpr char kExample[] =
    "  $ tilewright resume resnet18-3f2a90c1d4e5f607 --server farm:9190\n"
    "  resnet18-3f2a90c1d4e5f607: running\n";

struct Options {
  std::string job;
  ServerOption server;
};

absl::Status Resume(const Options& options) {
  TW_ASSIGN_OR_RETURN(const Endpoint server, EndpointOf(options.server));
  TW_ASSIGN_OR_RETURN(const v1::JobState state, FarmClient(server).Resume(options.job));
  std::cout << options.job << ": " << NameOf(state) << "\n";
  return absl::OkStatus();
}

}  // namespace

void verb_resume(CLI::App& parent) {
  const auto options = std::make_shared<Options>();
  CLI::App* verb = AddVerb(parent, {"resume", "lets a paused job of a farm go on", kExample},
                           [options] { return Resume(*options); });
  verb->add_option("JOB", options->job, "as `submit` printed it")->required();
  AddServerOption(verb, &options->server);
}

}  // namespace tilewright
