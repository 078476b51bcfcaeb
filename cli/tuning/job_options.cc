#include "cli/tuning/job_options.h"

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <set>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "cli/arguments.h"
#include "cli/exit_code.h"
#include "cli/table.h"
#include "cli/tuning/cost_model.h"
#include "cli/tuning/duration.h"
#include "compiler/templates/template.h"
#include "proto/convert.h"
#include "proto/network.h"
#include "tuner/search/searcher.h"

namespace tilewright {
namespace {

// A budget for those who give none: untuned to good in minutes for the usual networks.
constexpr uint64_t kDefaultTrialsPerTask = 64;
// Of a task that a cost model ranks: as many as the strategies draw at random before they learn.
constexpr size_t kFirstConfigs = 8;
// That a server takes.
constexpr int kMostTrials = 100'000'000;
constexpr size_t kMostNameBytes = 200;

absl::Status CheckTuner(const std::string& name) {
  std::vector<std::string> known;
  for (const SearcherEntry& entry : Searchers()) known.push_back(entry.name);
  if (std::find(known.begin(), known.end(), name) != known.end()) return absl::OkStatus();
  return UsageError(
      absl::StrCat("unknown tuner \"", name, "\"; known: ", absl::StrJoin(known, ", ")));
}

absl::Status SetTunerOptions(const std::vector<std::string>& texts, v1::JobSpec* job) {
  for (const std::string& text : texts) {
    const size_t equals = text.find('=');
    if (equals == text.npos || equals == 0) {
      return UsageError(absl::StrCat("--tuner-option ", text, " is not NAME=VALUE"));
    }
    (*job->mutable_tuner_options())[text.substr(0, equals)] = text.substr(equals + 1);
  }
  return absl::OkStatus();
}

absl::Status AddRange(absl::string_view text, size_t count, std::set<size_t>* chosen) {
  const std::pair<absl::string_view, absl::string_view> ends =
      absl::StrSplit(text, absl::MaxSplits('-', 1));
  uint64_t first = 0, last = 0;
  const bool numbers = absl::SimpleAtoi(ends.first, &first) &&
                       (ends.second.empty() ? (last = first, ends.first == text)
                                            : absl::SimpleAtoi(ends.second, &last));
  if (!numbers || first > last) {
    return UsageError(absl::StrCat("--tasks: \"", text, "\" is neither a number nor a range"));
  }
  if (last >= count) {
    return UsageError(absl::StrCat("--tasks: there is no task ", last, "; the model has ", count,
                                   " (see --tasks list)"));
  }
  for (size_t i = first; i <= last; ++i) chosen->insert(i);
  return absl::OkStatus();
}

}  // namespace

void AddJobOptions(CLI::App* verb, JobOptions* options) {
  AddModelOptions(verb, &options->model);
  verb->get_option("--target")->each([options](const std::string&) {
    options->target_given = true;
  });
  verb->add_option("--tuner", options->tuner, "search strategy (see `tilewright tuners`)")
      ->capture_default_str();
  verb->add_option("--tuner-option", options->tuner_options, "NAME=VALUE; may be repeated")
      ->check(OneLine());
  verb->add_option("--trials", options->trials,
                   "kernels to measure over all tasks (default: 64 a task, or as the time allows)")
      ->check(CLI::Range(1, kMostTrials));
  verb->add_option("--time", options->time, "stop after 90s, 10m, 1.5h");
  verb->add_option("--early-stopping", options->early_stopping,
                   "end a task after so many trials without a better one")
      ->check(CLI::Range(1, kMostTrials));
  verb->add_option("--tasks", options->tasks, "list, all, or numbers: 0,2,3-5")
      ->capture_default_str();
  verb->add_option("--seed", options->seed, "of the search and of the kernels' inputs")
      ->capture_default_str();
  verb->add_option("--threads", options->threads,
                   "that the network will run with: kernels are timed with as many, a core each")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  verb->add_option("--cost-model", options->cost_model,
                   "starts each task with what this model ranks highest (`tilewright train`)");
  verb->add_option("--priority", options->priority,
                   "on a farm: weight among your own jobs; users share evenly")
      ->check(CLI::Range(1, 16))
      ->capture_default_str();
  verb->add_flag("--no-wait", options->no_wait, "on a farm: fail when no worker offers the key");
  AddMeasureFlags(verb, &options->measure);
}

absl::StatusOr<std::vector<size_t>> ParseTaskList(const std::string& text, size_t count) {
  std::set<size_t> chosen;
  if (text == "all") {
    for (size_t i = 0; i < count; ++i) chosen.insert(i);
  } else {
    for (absl::string_view part : absl::StrSplit(text, ',')) {
      TW_RETURN_IF_ERROR(AddRange(part, count, &chosen));
    }
  }
  return std::vector<size_t>(chosen.begin(), chosen.end());
}

// Each task begins with the configs that the model ranks highest.
absl::Status SetFirst(const std::string& file, v1::JobSpec* job) {
  if (file.empty()) return absl::OkStatus();
  TW_ASSIGN_OR_RETURN(const LearnedRanking ranking, ReadCostModel(file));
  int known = 0;
  for (v1::JobTask& message : *job->mutable_tasks()) {
    TW_ASSIGN_OR_RETURN(const Task task, FromMessage(message.task()));
    TW_ASSIGN_OR_RETURN(const Template* schedule, FindTemplate(task.template_name));
    const ConfigSpace space = schedule->Space(task.workload, task.target);
    const auto first = ranking.Best(task, space, kFirstConfigs, job->seed());
    known += !first.empty();
    for (const uint64_t index : first) message.add_first(EntitiesToJson(space.At(index)));
  }
  if (known == 0) {
    std::cerr << "warning: " << file << " knows none of the model's templates\n";
  }
  return absl::OkStatus();
}

absl::StatusOr<v1::JobSpec> MakeJob(const JobOptions& options) {
  v1::JobSpec job;
  // Messages hold UTF-8 alone; a file may be called anything.
  const std::string name = LeftOutText(std::filesystem::path(options.model.model).stem().string());
  job.set_name(std::string(Utf8Prefix(name, kMostNameBytes)));
  job.set_key(options.key);
  job.set_tuner(options.tuner);
  job.set_early_stopping(options.early_stopping);
  job.set_seed(options.seed);
  if (options.threads > 1) job.set_threads(options.threads);
  SetMeasure(options.measure, &job);
  TW_RETURN_IF_ERROR(CheckTuner(options.tuner));
  TW_RETURN_IF_ERROR(SetTunerOptions(options.tuner_options, &job));
  if (!options.time.empty()) {
    TW_ASSIGN_OR_RETURN(const double seconds, ParseDuration(options.time));
    if (seconds == 0) return UsageError("--time 0 leaves no time for a trial; leave it out");
    job.set_time_seconds(seconds);
  }
  TW_ASSIGN_OR_RETURN(const TasksOfModel loaded, LoadTasks(options.model));
  TW_ASSIGN_OR_RETURN(const auto chosen, ParseTaskList(options.tasks, loaded.tasks.size()));
  for (const size_t i : chosen) {
    v1::JobTask& task = *job.add_tasks();
    *task.mutable_task() = ToMessage(loaded.tasks[i].task);
    task.set_count(static_cast<uint32_t>(loaded.tasks[i].count));
  }
  if (job.tasks().empty()) {
    return BadInput(absl::InvalidArgumentError("the model has nothing to tune"));
  }
  TW_RETURN_IF_ERROR(SetFirst(options.cost_model, &job));
  job.set_trials(options.trials);
  if (options.trials == 0 && options.time.empty()) {
    job.set_trials(kDefaultTrialsPerTask * job.tasks_size());
  }
  return job;
}

absl::Status ListTasks(const JobOptions& options) {
  TW_ASSIGN_OR_RETURN(const TasksOfModel loaded, LoadTasks(options.model));
  Table table({"task", "layers", "space", "template", "workload"});
  for (size_t i = 0; i < loaded.tasks.size(); ++i) {
    const ModelTask& task = loaded.tasks[i];
    table.Add({absl::StrCat(i), absl::StrCat(task.count), absl::StrCat(task.space_size),
               task.task.template_name, ShortKey(task.task.workload.Key())});
  }
  table.Print(std::cout);
  return absl::OkStatus();
}

}  // namespace tilewright
