#include "cli/tuning/job_progress.h"

#include <iostream>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cli/endpoints/farm_client.h"
#include "cli/table.h"
#include "compiler/core/workload.h"
#include "compiler/operators/workload_rules.h"
#include "proto/network.h"

namespace tilewright {
namespace {

using Json = nlohmann::ordered_json;

// A log gets a line each so many trials, a terminal each one.
constexpr uint64_t kTrialsPerLine = 16;

std::string Milliseconds(double seconds) {
  return seconds > 0 ? absl::StrFormat("%.4f", seconds * 1e3) : "-";
}

double GflopsOf(const v1::TaskResult& task) {
  const absl::StatusOr<Workload> workload = ParseWorkload(task.task().workload());
  return workload.ok() && task.best_seconds() > 0 ? Flops(*workload) / task.best_seconds() * 1e-9
                                                  : 0;
}

void PrintTable(const std::string& job, const v1::JobEvent& last) {
  Table table({"task", "layers", "trials", "failed", "best ms", "GFLOPS", "end", "workload"});
  uint64_t trials = 0;
  for (int i = 0; i < last.tasks_size(); ++i) {
    const v1::TaskResult& task = last.tasks(i);
    trials += task.trials();
    table.Add({absl::StrCat(i), absl::StrCat(task.count()), absl::StrCat(task.trials()),
               absl::StrCat(task.failures()), Milliseconds(task.best_seconds()),
               absl::StrFormat("%.1f", GflopsOf(task)), task.end(),
               ShortKey(task.task().workload())});
  }
  table.Print(std::cout);
  std::cout << job << ": " << NameOf(last.state()) << " after " << trials << " trials";
  if (last.model_seconds() > 0) {
    std::cout << "; predicted latency of these layers " << Milliseconds(last.model_seconds())
              << " ms";
  }
  std::cout << "\n";
  const v1::NetworkResult network = ReadNetworkResult(last.network());
  if (!network.left_out().empty()) {
    std::cout << "not decided in the whole network: " << network.left_out() << "\n";
  } else if (network.rounds() > 0) {
    std::cout << "the network: " << Milliseconds(network.default_seconds()) << " ms by default, "
              << Milliseconds(network.tuned_seconds()) << " ms tuned (medians of "
              << network.rounds() << " runs in turn on " << network.worker() << ")\n";
  }
}

// Null for a job whose end says nothing of it: it runs here, or has not come so far.
Json NetworkJson(const v1::JobEvent& last) {
  const v1::NetworkResult network = ReadNetworkResult(last.network());
  if (!network.left_out().empty()) return {{"left_out", network.left_out()}};
  if (network.rounds() == 0) return Json();
  return {{"default_seconds", network.default_seconds()},
          {"tuned_seconds", network.tuned_seconds()},
          {"rounds", network.rounds()},
          {"worker", network.worker()}};
}

Json ToJson(const std::string& job, const v1::JobEvent& last) {
  Json tasks = Json::array();
  for (const v1::TaskResult& task : last.tasks()) {
    tasks.push_back({{"workload", task.task().workload()},
                     {"template", task.task().template_name()},
                     {"target", task.task().target()},
                     {"layers", task.count()},
                     {"trials", task.trials()},
                     {"failures", task.failures()},
                     {"best_seconds", task.best_seconds()},
                     {"gflops", GflopsOf(task)},
                     {"best_config", Json::parse(task.best_config(), nullptr, false)},
                     {"end", task.end()}});
    if (task.best_config().empty()) tasks.back()["best_config"] = nullptr;
  }
  return {{"job", job},
          {"state", NameOf(last.state())},
          {"model_seconds", last.model_seconds()},
          {"message", last.message()},
          {"network", NetworkJson(last)},
          {"tasks", std::move(tasks)}};
}

}  // namespace

void JobProgress::Show(const v1::JobEvent& event) {
  if (!event.has_trial()) {
    if (event.state() == v1::RUNNING && !event.message().empty()) {
      progress_.Clear();
      std::cerr << event.message() << "\n";
    }
    return;
  }
  const v1::TrialEvent& trial = event.trial();
  if (progress_.on_terminal()) {
    progress_.Show(static_cast<int64_t>(trial.total_number()), static_cast<int64_t>(trials_),
                   trial.line());
  } else if (trial.total_number() % kTrialsPerLine == 0 || trial.total_number() == trials_) {
    std::cerr << trial.line() << "\n";
  }
}

absl::Status PrintJobEnd(const std::string& job, const v1::JobEvent& last, bool json) {
  if (json) {
    std::cout << ToJson(job, last).dump(2) << "\n";
  } else {
    PrintTable(job, last);
  }
  return JobEndStatus(last);
}

absl::Status PrintTuningEnd(const std::string& job, const v1::JobEvent& last,
                            const TuningReport& report, bool json) {
  if (json) {
    Json all = ToJson(job, last);
    all.update(ToJson(report));
    std::cout << all.dump(2) << "\n";
    return JobEndStatus(last);
  }
  uint64_t trials = 0;
  for (const v1::TaskResult& task : last.tasks()) trials += task.trials();
  std::cout << ToText(report) << job << ": " << NameOf(last.state()) << " after " << trials
            << " trials\n";
  return JobEndStatus(last);
}

absl::Status JobEndStatus(const v1::JobEvent& last) {
  if (last.state() == v1::DONE) return absl::OkStatus();
  if (last.state() == v1::CANCELLED) {
    return absl::CancelledError("cancelled; what was measured is kept, the same command continues");
  }
  return absl::InternalError(absl::StrCat("the job failed: ", last.message()));
}

}  // namespace tilewright
