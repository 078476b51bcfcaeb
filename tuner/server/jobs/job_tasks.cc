#include "tuner/server/jobs/job_tasks.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/utf8.h"
#include "compiler/operators/workload_rules.h"
#include "compiler/templates/template.h"
#include "proto/convert.h"
#include "proto/network.h"
#include "tuner/loop/in_network.h"
#include "tuner/server/dispatch/trial.h"

namespace tilewright {
namespace {

constexpr int kMaxTasks = 1000;
constexpr uint64_t kMaxTrials = 100'000'000;
constexpr double kMaxSeconds = 366 * 86'400.0;
constexpr uint32_t kMaxCount = 1'000'000;
constexpr size_t kMaxOptions = 64;
constexpr uint32_t kMaxThreads = 1024;
constexpr int kMaxFirst = 64;  // configs of a task
constexpr size_t kMaxConfig = 4096;
// Measurements behind a best record: the fewest with a middle one.
constexpr size_t kConfirmations = 3;

uint64_t Fnv1a(const std::string& text) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (const unsigned char c : text) hash = (hash ^ c) * 0x100000001b3u;
  return hash;
}

// Independent of the order in which a map is serialised.
std::string Canonical(const v1::JobSpec& spec) {
  std::string text =
      absl::StrCat(spec.name(), "\n", spec.key(), "\n", spec.tuner(), "\n", spec.trials(), "\n",
                   spec.time_seconds(), "\n", spec.early_stopping(), "\n", spec.seed(), "\n");
  const std::map<std::string, std::string> options(spec.tuner_options().begin(),
                                                   spec.tuner_options().end());
  for (const auto& [name, value] : options) absl::StrAppend(&text, name, "=", value, "\n");
  if (ThreadsOf(spec) > 1) absl::StrAppend(&text, "threads=", spec.threads(), "\n");
  for (const v1::JobTask& task : spec.tasks()) {
    absl::StrAppend(&text, task.task().template_name(), "|", task.task().target(), "|",
                    task.task().workload(), "|", task.count(), "\n");
    for (const std::string& config : task.first()) absl::StrAppend(&text, config, "\n");
  }
  if (!spec.network().empty()) absl::StrAppend(&text, "network=", spec.network(), "\n");
  if (spec.has_measure()) {
    absl::StrAppend(&text, "measure=", spec.measure().SerializeAsString(), "\n");
  }
  return text;
}

// A name that can be said in a shell and a file's name.
std::string PlainName(const std::string& name) {
  std::string plain;
  for (const char c : name.substr(0, 60)) {
    const bool good = absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '.';
    plain += good ? c : '-';
  }
  plain.erase(0, plain.find_first_not_of(".-"));
  return plain.empty() ? "job" : plain;
}

absl::Status CheckNumbers(const v1::JobSpec& spec) {
  if (spec.trials() > kMaxTrials || spec.early_stopping() > kMaxTrials) {
    return absl::InvalidArgumentError(
        absl::StrCat("a budget of ", spec.trials(), " trials (stopping after ",
                     spec.early_stopping(), "), allowed up to ", kMaxTrials));
  }
  const double seconds = spec.time_seconds();
  if (!(seconds >= 0 && seconds <= kMaxSeconds)) {
    return absl::InvalidArgumentError(
        absl::StrCat("a time budget of ", seconds, " s, allowed 0 (none) to ", kMaxSeconds));
  }
  if (spec.threads() > kMaxThreads) {
    return absl::InvalidArgumentError(
        absl::StrCat(spec.threads(), " threads, allowed up to ", kMaxThreads));
  }
  if (spec.tuner_options().size() > kMaxOptions) {
    return absl::InvalidArgumentError("more than 64 options of the tuner");
  }
  for (const v1::JobTask& task : spec.tasks()) {
    if (task.count() > kMaxCount) {
      return absl::InvalidArgumentError(
          absl::StrCat("a task of ", task.count(), " layers, allowed up to ", kMaxCount));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckFirst(const v1::JobTask& task) {
  if (task.first_size() > kMaxFirst) {
    return absl::InvalidArgumentError(
        absl::StrCat(task.first_size(), " configs to measure first, at most ", kMaxFirst));
  }
  for (const std::string& config : task.first()) {
    if (config.size() > kMaxConfig) {
      return absl::InvalidArgumentError(
          absl::StrCat("a config of ", config.size(), " bytes, at most ", kMaxConfig));
    }
    TW_RETURN_IF_ERROR(ParseEntitiesJson(config).status());
  }
  return absl::OkStatus();
}

struct Scheduled {
  Task task;
  const Template* schedule = nullptr;
};

absl::StatusOr<Scheduled> ScheduledOf(const v1::Task& message) {
  Scheduled scheduled;
  TW_ASSIGN_OR_RETURN(scheduled.task, FromMessage(message));
  const Task& task = scheduled.task;
  TW_ASSIGN_OR_RETURN(scheduled.schedule, FindTemplate(task.template_name));
  if (scheduled.schedule->Matches(task.workload, task.target)) return scheduled;
  return absl::InvalidArgumentError(absl::StrCat("template ", task.template_name, " does not fit ",
                                                 task.workload.Key().substr(0, 300)));
}

absl::StatusOr<std::unique_ptr<Searcher>> SearcherOf(const v1::JobSpec& spec, const Task& task,
                                                     const ConfigSpace& space, uint64_t number) {
  return MakeSearcher(spec.tuner(),
                      {.space = space,
                       .seed = spec.seed() + number,
                       .options = {spec.tuner_options().begin(), spec.tuner_options().end()},
                       .flops = Flops(task.workload)});
}

// Trials of this task on this key by other jobs.
absl::StatusOr<std::vector<Trial>> HistoryOf(const JobTask& entry, const v1::JobSpec& spec,
                                             const JobRow& row, const RecordStore& store) {
  std::vector<Trial> history;
  if (row.history_end == 0) return history;  // nothing was there
  const RecordFilter filter{.workload_key = entry.task.workload.Key(),
                            .template_name = entry.task.template_name,
                            .target = ToString(entry.task.target),
                            .device_key = spec.key(),
                            .threads = static_cast<int>(ThreadsOf(spec)),
                            .max_id = row.history_end};
  TW_RETURN_IF_ERROR(store.ForEach(filter, [&](const Record& record) {
    const bool usable = record.record_class == "ok" || record.record_class == "late";
    // The farm's own word of older servers; a fact about the config would have another kind.
    const auto* failure = std::get_if<Failure>(&record.outcome);
    const bool farms = failure && failure->kind == FailureKind::kUnknown;
    const absl::StatusOr<uint64_t> index = entry.space.IndexOf(record.config);
    if (index.ok() && usable && !farms && record.job != row.id) {
      history.push_back({record.config, *index, record.outcome});
    }
    return true;
  }));
  return history;
}

// The default, then what the job asks for.
std::vector<uint64_t> SeedsOf(const v1::JobTask& message, const JobTask& entry,
                              const Template& schedule) {
  std::vector<uint64_t> seeds;
  const absl::StatusOr<uint64_t> start =
      entry.space.IndexOf(schedule.Default(entry.task.workload, entry.task.target));
  if (start.ok()) seeds.push_back(*start);
  for (const std::string& text : message.first()) {
    const absl::StatusOr<Config> config = ParseEntitiesJson(text);
    if (!config.ok() || !entry.space.Canonical(*config).ok()) continue;
    seeds.push_back(entry.space.IndexOf(*config).value());
  }
  return seeds;
}

// The last phase has its part of the time, where there will be one.
double SecondsOfTrials(const v1::JobSpec& spec) {
  const absl::StatusOr<v1::Network> network = ReadNetwork(spec.network());
  const bool ends_whole = network.ok() && !network->model().empty();
  return spec.time_seconds() - (ends_whole ? SecondsForNetworks(spec.time_seconds()) : 0);
}

}  // namespace

uint32_t ThreadsOf(const v1::JobSpec& spec) { return std::max(1u, spec.threads()); }

MeasureOptions MeasureOptionsOf(const v1::JobSpec& spec) {
  MeasureOptions options;
  if (spec.has_measure()) options = FromMessage(spec.measure()).value();
  options.seed = spec.seed();
  options.threads = ThreadsOf(spec);
  options.incumbent_seconds = 0;
  return options;
}

std::string JobId(const v1::JobSpec& spec, const std::string& owner) {
  return absl::StrCat(PlainName(spec.name()), "-",
                      absl::Hex(Fnv1a(Canonical(spec) + owner), absl::kZeroPad16));
}

absl::Status CheckSpec(const v1::JobSpec& spec) {
  if (spec.tasks().empty() || spec.tasks_size() > kMaxTasks) {
    return absl::InvalidArgumentError(
        absl::StrCat("a job of ", spec.tasks_size(), " tasks, allowed 1 to ", kMaxTasks));
  }
  if (spec.key().empty() || spec.key().size() > kMaxName || spec.name().size() > kMaxName) {
    return absl::InvalidArgumentError("a job needs a device key; names have at most 200 bytes");
  }
  if (!IsOneLine(spec.key())) {  // no worker may serve it
    return absl::InvalidArgumentError("control characters in the job's device key");
  }
  TW_RETURN_IF_ERROR(CheckNumbers(spec));
  if (spec.has_measure()) TW_RETURN_IF_ERROR(FromMessage(spec.measure()).status());
  if (!spec.network().empty()) TW_RETURN_IF_ERROR(ReadNetwork(spec.network()).status());
  for (const v1::JobTask& task : spec.tasks()) {
    TW_RETURN_IF_ERROR(ScheduledOf(task.task()).status());
    TW_RETURN_IF_ERROR(CheckFirst(task));
  }
  TW_ASSIGN_OR_RETURN(const Scheduled first, ScheduledOf(spec.tasks(0).task()));
  const ConfigSpace space = first.schedule->Space(first.task.workload, first.task.target);
  return SearcherOf(spec, first.task, space, 0).status();
}

double JobTask::BestSeconds() const {
  double best = 0;
  for (const Trial& trial : history) {
    const std::optional<double> seconds = MedianSeconds(trial.outcome);
    if (seconds && (best == 0 || *seconds < best)) best = *seconds;
  }
  return best;
}

absl::StatusOr<JobTasks> MakeJobTasks(const v1::JobSpec& spec, const JobRow& row,
                                      const RecordStore& store, bool with_searchers) {
  JobTasks tasks;
  for (const v1::JobTask& message : spec.tasks()) {
    TW_ASSIGN_OR_RETURN(Scheduled scheduled, ScheduledOf(message.task()));
    auto entry = std::make_unique<JobTask>();
    entry->task = std::move(scheduled.task);
    entry->count = std::max(1u, message.count());
    const Task& task = entry->task;
    entry->space = scheduled.schedule->Space(task.workload, task.target);
    if (with_searchers) {
      TW_ASSIGN_OR_RETURN(entry->searcher, SearcherOf(spec, task, entry->space, tasks.size()));
    }
    entry->seeds = SeedsOf(message, *entry, *scheduled.schedule);
    TW_ASSIGN_OR_RETURN(entry->history, HistoryOf(*entry, spec, row, store));
    tasks.push_back(std::move(entry));
  }
  return tasks;
}

TuneJob MakeTuneJob(const v1::JobSpec& spec, JobTasks& tasks) {
  TuneJob job;
  for (const auto& entry : tasks) {
    job.items.push_back({.task = entry->task,
                         .space = &entry->space,
                         .searcher = entry->searcher.get(),
                         .flops = Flops(entry->task.workload),
                         .weight = static_cast<double>(entry->count),
                         .history = std::exchange(entry->history, {}),
                         .seeds = entry->seeds});
  }
  job.budget = {.trials = spec.trials(),
                .early_stopping = spec.early_stopping(),
                .seconds = SecondsOfTrials(spec),
                .confirmations = kConfirmations};
  return job;
}

}  // namespace tilewright
