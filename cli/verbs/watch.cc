// tilewright watch: shows a job's progress until its end.
#include <memory>

#include "base/status_macros.h"
#include "cli/arguments.h"
#include "cli/endpoints/farm_client.h"
#include "cli/endpoints/server_option.h"
#include "cli/tuning/job_progress.h"
#include "cli/verb.h"

namespace tilewright {
namespace {

constexpr char kExample[] =
    "  $ tilewright watch resnet18-3f2a90c1d4e5f607 --server farm:9190\n"
    "  [Task  3/12]  Current/Best:  101.22/ 126.70 GFLOPS | Progress: (96/768) | 11.90 s\n"
    "Ctrl-C ends the watching, not the job.\n";

struct Options {
  std::string job;
  ServerOption server;
  bool json = false;
};

absl::Status Watch(const Options& options) {
  TW_ASSIGN_OR_RETURN(const Endpoint server, EndpointOf(options.server));
  FarmClient client(server);
  JobProgress progress(0);
  TW_ASSIGN_OR_RETURN(
      const v1::JobEvent last,
      client.Watch(options.job, [&](const v1::JobEvent& event) { progress.Show(event); }));
  return PrintJobEnd(options.job, last, options.json);
}

}  // namespace

void verb_watch(CLI::App& parent) {
  const auto options = std::make_shared<Options>();
  CLI::App* verb = AddVerb(parent, {"watch", "shows a job's progress until its end", kExample},
                           [options] { return Watch(*options); });
  verb->add_option("JOB", options->job, "as `submit` printed it")->required()->check(OneLine());
  AddServerOption(verb, &options->server);
  verb->add_flag("--json", options->json, "print the result as JSON");
}

}  // namespace tilewright
