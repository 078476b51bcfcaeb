#include "cli/endpoints/job_verb.h"

#include <iostream>
#include <memory>
#include <utility>

#include "base/status_macros.h"
#include "cli/arguments.h"
#include "cli/endpoints/server_option.h"

namespace tilewright {
namespace {

struct Options {
  std::string job;
  ServerOption server;
};

}  // namespace

void AddJobVerb(CLI::App& parent, VerbInfo info,
                absl::StatusOr<v1::JobState> (FarmClient::*change)(const std::string& job)) {
  const auto options = std::make_shared<Options>();
  const auto act = [options, change]() -> absl::Status {
    TW_ASSIGN_OR_RETURN(const Endpoint server, EndpointOf(options->server));
    FarmClient client(server);
    TW_ASSIGN_OR_RETURN(const v1::JobState state, (client.*change)(options->job));
    std::cout << options->job << ": " << NameOf(state) << "\n";
    return absl::OkStatus();
  };
  CLI::App* verb = AddVerb(parent, std::move(info), act);
  verb->add_option("JOB", options->job, "as `submit` printed it")->required()->check(OneLine());
  AddServerOption(verb, &options->server);
}

}  // namespace tilewright
