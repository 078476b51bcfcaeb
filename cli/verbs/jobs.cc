// tilewright jobs: lists a farm's jobs.
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/status_macros.h"
#include "cli/endpoints/farm_client.h"
#include "cli/endpoints/server_option.h"
#include "cli/table.h"
#include "cli/verb.h"

namespace tilewright {
namespace {

using Json = nlohmann::ordered_json;

constexpr char kExample[] =
    "  $ tilewright jobs --server farm:9190\n"
    "  job                        owner  key   state    tasks  trials  failed  model ms\n"
    "  resnet18-3f2a90c1d4e5f607  ann    xeon  running     12     480       3   11.2031\n";

struct Options {
  ServerOption server;
  bool json = false;
};

void PrintTable(const v1::ListJobsReply& reply) {
  Table table({"job", "owner", "key", "state", "tasks", "trials", "failed", "model ms"});
  for (const v1::JobSummary& job : reply.jobs()) {
    table.Add({job.job(), job.owner(), job.key(), NameOf(job.state()), absl::StrCat(job.tasks()),
               absl::StrCat(job.finished_trials()), absl::StrCat(job.failed_trials()),
               job.model_seconds() > 0 ? absl::StrFormat("%.4f", job.model_seconds() * 1e3) : "-"});
  }
  table.Print(std::cout);
}

void PrintJson(const v1::ListJobsReply& reply) {
  Json list = Json::array();
  for (const v1::JobSummary& job : reply.jobs()) {
    list.push_back({{"job", job.job()},
                    {"name", job.name()},
                    {"owner", job.owner()},
                    {"priority", job.priority()},
                    {"created", job.created()},
                    {"budget", job.budget()},
                    {"key", job.key()},
                    {"state", NameOf(job.state())},
                    {"tasks", job.tasks()},
                    {"trials", job.finished_trials()},
                    {"failures", job.failed_trials()},
                    {"model_seconds", job.model_seconds()},
                    {"message", job.message()}});
  }
  std::cout << list.dump(2) << "\n";
}

absl::Status ListJobs(const Options& options) {
  TW_ASSIGN_OR_RETURN(const Endpoint server, EndpointOf(options.server));
  TW_ASSIGN_OR_RETURN(const v1::ListJobsReply reply, FarmClient(server).ListJobs());
  options.json ? PrintJson(reply) : PrintTable(reply);
  return absl::OkStatus();
}

}  // namespace

void verb_jobs(CLI::App& parent) {
  const auto options = std::make_shared<Options>();
  CLI::App* verb = AddVerb(parent, {"jobs", "lists a farm's jobs", kExample},
                           [options] { return ListJobs(*options); });
  AddServerOption(verb, &options->server);
  verb->add_flag("--json", options->json, "print JSON");
}

}  // namespace tilewright
