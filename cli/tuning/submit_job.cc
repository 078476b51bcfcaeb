#include "cli/tuning/submit_job.h"

#include <algorithm>
#include <chrono>
#include <iostream>
#include <map>
#include <set>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "cli/tuning/job_network.h"

namespace tilewright {
namespace {

constexpr auto kAskAgain = std::chrono::seconds(1);

// What is missing where a key has workers, but none that builds or none that runs for one target;
// empty: nothing.
std::string MissingRole(const v1::ListWorkersReply& reply, const std::string& key) {
  std::set<std::string> build, run;  // targets
  for (const v1::WorkerSummary& worker : reply.workers()) {
    if (worker.device().key() != key) continue;
    if (worker.role() == v1::WORKER_ROLE_BOTH) return "";
    (worker.role() == v1::WORKER_ROLE_BUILD ? build : run).insert(worker.device().target());
  }
  if (build.empty() && run.empty()) return "";
  if (run.empty()) {
    return absl::StrCat("the workers of \"", key, "\" only build: none runs what they build; ",
                        "start one with --role run");
  }
  if (build.empty()) {
    return absl::StrCat("the workers of \"", key, "\" only run: none builds for them; ",
                        "start one with --role build");
  }
  const bool meet = std::any_of(build.begin(), build.end(),
                                [&](const std::string& target) { return run.contains(target); });
  if (meet) return "";
  return absl::StrCat("the workers of \"", key, "\" that only build do so for ",
                      absl::StrJoin(build, " and "), ", those that only run are ",
                      absl::StrJoin(run, " and "), "; --target of `tilewright worker` says which");
}

std::string NoWorkerText(const v1::ListWorkersReply& reply, const std::string& key) {
  std::string missing = MissingRole(reply, key);
  if (!missing.empty()) return missing;
  std::set<std::string> keys;
  for (const v1::WorkerSummary& worker : reply.workers()) keys.insert(worker.device().key());
  return absl::StrCat("no worker offers the key \"", key,
                      "\"; offered: ", keys.empty() ? "none" : absl::StrJoin(keys, ", "));
}

// Of equals the first by name. A key should have one target; that somebody offers it with another
// one must not keep everyone from using it.
std::string MostOffered(const std::string& key, const std::map<std::string, uint64_t>& slots) {
  const auto most = std::max_element(
      slots.begin(), slots.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  for (const auto& [target, count] : slots) {
    if (target == most->first) continue;
    std::cerr << "warning: \"" << key << "\" is offered for " << target << " too; tuning for "
              << most->first << " (--target chooses)\n";
  }
  return most->first;
}

// Without a worker: says so on stderr and waits for one, or Unavailable with `no_wait`.
absl::StatusOr<std::string> TargetOfKey(FarmClient& client, const std::string& key, bool no_wait) {
  for (bool said = false;; std::this_thread::sleep_for(kAskAgain)) {
    TW_ASSIGN_OR_RETURN(const v1::ListWorkersReply reply, client.ListWorkers());
    std::map<std::string, uint64_t> slots;  // by target
    for (const v1::WorkerSummary& worker : reply.workers()) {
      // Builders have no slots: a key of builders alone waits for the machines it is for.
      if (worker.device().slots() == 0) continue;
      if (worker.device().key() == key) slots[worker.device().target()] += worker.device().slots();
    }
    if (!slots.empty()) return MostOffered(key, slots);
    if (no_wait) return absl::UnavailableError(NoWorkerText(reply, key));
    if (!std::exchange(said, true)) std::cerr << NoWorkerText(reply, key) << "; waiting for one\n";
  }
}

// Says on stderr that the job waits for a worker; with `no_wait` cancels it: Unavailable.
absl::Status SayNoWorker(FarmClient& client, const std::string& key, const std::string& job,
                         bool no_wait) {
  TW_ASSIGN_OR_RETURN(const v1::ListWorkersReply reply, client.ListWorkers());
  const std::string text = NoWorkerText(reply, key);
  if (!no_wait) {
    std::cerr << text << "; " << job << " waits for one\n";
    return absl::OkStatus();
  }
  TW_RETURN_IF_ERROR(client.Cancel(job).status());
  return absl::UnavailableError(text);
}

}  // namespace

absl::StatusOr<SubmittedJob> SubmitJob(FarmClient& client, JobOptions options) {
  if (!options.target_given) {
    TW_ASSIGN_OR_RETURN(options.model.target, TargetOfKey(client, options.key, options.no_wait));
  }
  TW_ASSIGN_OR_RETURN(v1::JobSpec spec, MakeJob(options));
  AddNetwork(options.model, &spec);
  TW_ASSIGN_OR_RETURN(const v1::SubmitJobReply reply,
                      client.Submit(spec, {.priority = options.priority}));
  if (!reply.has_worker()) {
    TW_RETURN_IF_ERROR(SayNoWorker(client, spec.key(), reply.job(), options.no_wait));
  }
  return SubmittedJob{std::move(spec), reply.job()};
}

}  // namespace tilewright
