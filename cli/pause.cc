// tilewright pause: keeps a job of a farm from being given devices.
#include <iostream>
#include <memory>

#include "base/status_macros.h"
#include "cli/farm_client.h"
#include "cli/server_option.h"
#include "cli/verb.h"

namespace tilewright {
namespace {

constexpr char kExample[] =
    "  $ tilewright pause resnet18-3f2a90c1d4e5f607 --server farm:9190\n"
    "  resnet18-3f2a90c1d4e5f607: paused\n"
    "What runs is finished; the time it is paused does not count.\n";

struct Options {
  std::string job;
  ServerOption server;
};

absl::Status Pause(const Options& options) {
  TW_ASSIGN_OR_RETURN(const Endpoint server, EndpointOf(options.server));
  TW_ASSIGN_OR_RETURN(const v1::JobState state, FarmClient(server).Pause(options.job));
  std::cout << options.job << ": " << NameOf(state) << "\n";
  return absl::OkStatus();
}

}  // namespace

void verb_pause(CLI::App& parent) {
  const auto options = std::make_shared<Options>();
  CLI::App* verb =
      AddVerb(parent, {"pause", "keeps a job of a farm from being given devices", kExample},
              [options] { return Pause(*options); });
  verb->add_option("JOB", options->job, "as `submit` printed it")->required();
  AddServerOption(verb, &options->server);
}

}  // namespace tilewright
