// tilewright workers: the devices of a farm and the queue of each key, as query_rpc_tracker does.
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/status_macros.h"
#include "cli/arguments.h"
#include "cli/endpoints/farm_client.h"
#include "cli/endpoints/server_option.h"
#include "cli/table.h"
#include "cli/verb.h"

namespace tilewright {
namespace {

using Json = nlohmann::ordered_json;

constexpr char kExample[] =
    "  $ tilewright workers --server farm:9190\n"
    "  Server address farm:9190\n\n"
    "  Worker List\n"
    "  worker      key   role  slots  held  seen s  trials  faults  health  device    target\n"
    "  rack3-4711  xeon  both      1     4     0.3     812       0  good    Xeon ...  cpu ...\n\n"
    "  Queue Status\n"
    "  key   total  free  pending\n"
    "  xeon      1     0       28\n";

struct Options {
  ServerOption server;
  std::string drain, retire, take_back, reason;
  bool json = false;
};

void PrintTables(const std::string& server, const v1::ListWorkersReply& reply) {
  std::cout << "Server address " << server << "\n\nWorker List\n";
  Table workers({"worker", "key", "role", "slots", "held", "seen s", "trials", "faults", "health",
                 "device", "target", "reason"});
  for (const v1::WorkerSummary& w : reply.workers()) {
    workers.Add({w.worker(), w.device().key(), NameOf(w.role()), absl::StrCat(w.device().slots()),
                 absl::StrCat(w.held()), absl::StrFormat("%.1f", w.seconds_since_seen()),
                 absl::StrCat(w.trials()), absl::StrCat(w.faults()), NameOf(w.health()),
                 w.device().name(), w.device().target(), w.health_reason()});
  }
  workers.Print(std::cout);
  std::cout << "\nQueue Status\n";
  Table keys({"key", "total", "free", "pending"});
  for (const v1::KeySummary& key : reply.keys()) {
    keys.Add({key.key(), absl::StrCat(key.total()), absl::StrCat(key.free()),
              absl::StrCat(key.pending())});
  }
  keys.Print(std::cout);
}

void PrintJson(const v1::ListWorkersReply& reply) {
  Json workers = Json::array(), keys = Json::object();
  for (const v1::WorkerSummary& w : reply.workers()) {
    workers.push_back({{"worker", w.worker()},
                       {"key", w.device().key()},
                       {"role", NameOf(w.role())},
                       {"slots", w.device().slots()},
                       {"held", w.held()},
                       {"seconds_since_seen", w.seconds_since_seen()},
                       {"device", w.device().name()},
                       {"target", w.device().target()},
                       {"trials", w.trials()},
                       {"faults", w.faults()},
                       {"health", NameOf(w.health())},
                       {"health_reason", w.health_reason()}});
  }
  for (const v1::KeySummary& key : reply.keys()) {
    keys[key.key()] = {{"total", key.total()}, {"free", key.free()}, {"pending", key.pending()}};
  }
  std::cout << Json{{"workers", workers}, {"keys", keys}}.dump(2) << "\n";
}

absl::Status SetHealth(const Options& options, FarmClient& client) {
  const std::pair<const std::string*, v1::WorkerHealth> wishes[] = {
      {&options.drain, v1::MAINTENANCE},
      {&options.retire, v1::RETIRED},
      {&options.take_back, v1::GOOD}};
  for (const auto& [worker, health] : wishes) {
    if (worker->empty()) continue;
    TW_RETURN_IF_ERROR(client.SetWorkerHealth(*worker, health, options.reason));
  }
  return absl::OkStatus();
}

absl::Status ListWorkers(const Options& options) {
  TW_ASSIGN_OR_RETURN(const Endpoint server, EndpointOf(options.server));
  FarmClient client(server);
  TW_RETURN_IF_ERROR(SetHealth(options, client));
  TW_ASSIGN_OR_RETURN(const v1::ListWorkersReply reply, client.ListWorkers());
  options.json ? PrintJson(reply) : PrintTables(server.address, reply);
  return absl::OkStatus();
}

}  // namespace

void verb_workers(CLI::App& parent) {
  const auto options = std::make_shared<Options>();
  CLI::App* verb =
      AddVerb(parent, {"workers", "lists a farm's devices and the queue of each key", kExample},
              [options] { return ListWorkers(*options); });
  AddServerOption(verb, &options->server);
  const auto one = [verb](const char* name, std::string& value, const char* help) {
    return verb->add_option(name, value, help)->check(OneLine());
  };
  CLI::Option* drain =
      one("--drain", options->drain, "give this worker no more work, until taken back");
  CLI::Option* retire =
      one("--retire", options->retire, "give this worker no more work, for good")->excludes(drain);
  one("--take-back", options->take_back, "give this worker work again; ends a quarantine too")
      ->excludes(drain)
      ->excludes(retire);
  one("--reason", options->reason, "why, for those who list the workers");
  verb->add_flag("--json", options->json, "print JSON");
}

}  // namespace tilewright
