// tilewright submit: gives a job to a farm and returns.
#include <iostream>
#include <memory>

#include "base/status_macros.h"
#include "cli/arguments.h"
#include "cli/endpoints/farm_client.h"
#include "cli/endpoints/server_option.h"
#include "cli/tuning/job_options.h"
#include "cli/tuning/submit_job.h"
#include "cli/verb.h"

namespace tilewright {
namespace {

constexpr char kExample[] =
    "  $ tilewright submit resnet18.onnx --server farm:9190 --key xeon --trials 1000\n"
    "  resnet18-3f2a90c1d4e5f607\n"
    "  $ tilewright watch resnet18-3f2a90c1d4e5f607 --server farm:9190\n";

struct Options {
  JobOptions job;
  ServerOption server;
};

absl::Status Submit(const Options& options) {
  if (options.job.tasks == "list") return ListTasks(options.job);
  TW_ASSIGN_OR_RETURN(const Endpoint server, EndpointOf(options.server));
  FarmClient client(server);
  TW_ASSIGN_OR_RETURN(const SubmittedJob submitted, SubmitJob(client, options.job));
  std::cout << submitted.job << "\n";
  return absl::OkStatus();
}

}  // namespace

void verb_submit(CLI::App& parent) {
  const auto options = std::make_shared<Options>();
  CLI::App* verb = AddVerb(parent, {"submit", "gives a tuning job to a farm", kExample},
                           [options] { return Submit(*options); });
  AddJobOptions(verb, &options->job);
  verb->add_option("--key", options->job.key, "device key")->required()->check(OneLine());
  AddServerOption(verb, &options->server);
}

}  // namespace tilewright
