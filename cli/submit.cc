// tilewright submit: gives a job to a farm and returns.
#include <iostream>
#include <memory>

#include "base/status_macros.h"
#include "cli/farm_client.h"
#include "cli/farm_target.h"
#include "cli/job_network.h"
#include "cli/job_options.h"
#include "cli/server_option.h"
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
  bool no_wait = false;
  bool target_given = false;
};

absl::Status Submit(Options options) {
  if (options.job.tasks == "list") return ListTasks(options.job);
  TW_ASSIGN_OR_RETURN(const Endpoint server, EndpointOf(options.server));
  FarmClient client(server);
  if (!options.target_given) {
    TW_ASSIGN_OR_RETURN(options.job.model.target,
                        TargetOfKey(client, options.job.key, options.no_wait));
  }
  TW_ASSIGN_OR_RETURN(v1::JobSpec spec, MakeJob(options.job));
  AddNetwork(options.job.model, &spec);
  TW_ASSIGN_OR_RETURN(const v1::SubmitJobReply reply,
                      client.Submit(spec, {.priority = options.job.priority}));
  if (!reply.has_worker()) {
    TW_RETURN_IF_ERROR(SayNoWorker(client, spec.key(), reply.job(), options.no_wait));
  }
  std::cout << reply.job() << "\n";
  return absl::OkStatus();
}

}  // namespace

void verb_submit(CLI::App& parent) {
  const auto options = std::make_shared<Options>();
  CLI::App* verb = AddVerb(parent, {"submit", "gives a tuning job to a farm", kExample},
                           [options] { return Submit(*options); });
  AddJobOptions(verb, &options->job);
  verb->add_option("--key", options->job.key, "device key")->required();
  AddServerOption(verb, &options->server);
  verb->add_flag("--no-wait", options->no_wait, "fail when no worker offers the key");
  verb->get_option("--target")->each([options](const std::string&) {
    options->target_given = true;
  });
}

}  // namespace tilewright
