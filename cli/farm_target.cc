#include "cli/farm_target.h"

#include <chrono>
#include <iostream>
#include <set>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "cli/exit_code.h"

namespace tilewright {
namespace {

constexpr auto kAskAgain = std::chrono::seconds(1);

std::string NoWorkerText(const v1::ListWorkersReply& reply, const std::string& key) {
  std::set<std::string> keys;
  for (const v1::WorkerSummary& worker : reply.workers()) keys.insert(worker.device().key());
  return absl::StrCat("no worker offers the key \"", key,
                      "\"; offered: ", keys.empty() ? "none" : absl::StrJoin(keys, ", "));
}

}  // namespace

absl::StatusOr<std::string> TargetOfKey(FarmClient& client, const std::string& key, bool no_wait) {
  for (bool said = false;; std::this_thread::sleep_for(kAskAgain)) {
    TW_ASSIGN_OR_RETURN(const v1::ListWorkersReply reply, client.ListWorkers());
    std::set<std::string> targets;
    for (const v1::WorkerSummary& worker : reply.workers()) {
      if (worker.device().key() == key) targets.insert(worker.device().target());
    }
    if (targets.size() == 1) return *targets.begin();
    if (targets.size() > 1) {
      return UsageError(absl::StrCat("the workers of \"", key,
                                     "\" have several targets; choose "
                                     "one by --target: ",
                                     absl::StrJoin(targets, "; ")));
    }
    if (no_wait) return absl::UnavailableError(NoWorkerText(reply, key));
    if (!std::exchange(said, true)) std::cerr << NoWorkerText(reply, key) << "; waiting for one\n";
  }
}

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

}  // namespace tilewright
