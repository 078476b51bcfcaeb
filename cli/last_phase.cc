#include "cli/last_phase.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "base/status_macros.h"
#include "cli/template_index.h"
#include "compiler/templates/template.h"
#include "proto/convert.h"
#include "records/finalists.h"
#include "tuner/loop/in_network.h"
#include "worker/device.h"
#include "worker/private_folder.h"

namespace tilewright {
namespace {

// Configs of a layer that are tried beside the default.
constexpr size_t kFinalists = 3;

// A kind of layer and what it may use: the default first.
struct LayerChoice {
  Workload workload;
  std::vector<BestConfig> options;
  double build_seconds = 0;  // of one of them, when it was measured alone
};

void AddOption(BestConfig option, std::vector<BestConfig>* options) {
  const bool known = std::any_of(options->begin(), options->end(), [&](const BestConfig& other) {
    return other.template_name == option.template_name && other.config == option.config;
  });
  if (!known && options->size() <= kFinalists) options->push_back(std::move(option));
}

// In the spelling of today's space, so that equal configs are equal.
absl::StatusOr<BestConfig> Canonical(const BestConfig& option, const Task& task) {
  TW_ASSIGN_OR_RETURN(const Template* found, FindTemplate(option.template_name));
  TW_ASSIGN_OR_RETURN(Config config,
                      found->Space(task.workload, task.target).Canonical(option.config));
  return BestConfig{option.template_name, std::move(config), option.seconds};
}

absl::StatusOr<LayerChoice> ChoiceOf(const Task& task, const LastPhase& phase) {
  const bool exact = phase.model.exact;
  LayerChoice choice{.workload = task.workload};
  const std::optional<TemplateEntry> untuned = UntunedTemplate(task.workload, task.target, exact);
  if (!untuned) return choice;
  choice.options.push_back({untuned->name, untuned->impl->Default(task.workload, task.target)});
  TW_ASSIGN_OR_RETURN(const auto now,
                      LookupIn(phase.store, exact, phase.threads)(task.workload, task.target));
  std::vector<BestConfig> others;
  if (now) others.push_back(*now);
  const LookupOptions options{
      .threads = phase.threads,
      .why_unfit = [exact](const Task& t, const Config& c) { return WhyUnfit(t, c, exact); }};
  TW_ASSIGN_OR_RETURN(const std::vector<Record> finalists,
                      Finalists(phase.store, task, phase.spec.key(), kFinalists, options));
  for (const Record& r : finalists) others.push_back({r.task.template_name, r.config});
  if (!finalists.empty()) choice.build_seconds = finalists.front().build_seconds;
  for (const BestConfig& other : others) {
    TW_ASSIGN_OR_RETURN(BestConfig option, Canonical(other, task));
    AddOption(std::move(option), &choice.options);
  }
  return choice;
}

absl::StatusOr<std::vector<LayerChoice>> ChoicesOf(const LastPhase& phase) {
  std::map<std::string, LayerChoice> by_key;
  for (const v1::JobTask& message : phase.spec.tasks()) {
    if (by_key.contains(message.task().workload())) continue;
    TW_ASSIGN_OR_RETURN(const Task task, FromMessage(message.task()));
    TW_ASSIGN_OR_RETURN(LayerChoice choice, ChoiceOf(task, phase));
    if (choice.options.size() > 1) by_key.emplace(message.task().workload(), std::move(choice));
  }
  std::vector<LayerChoice> choices;
  for (auto& [key, choice] : by_key) choices.push_back(std::move(choice));
  return choices;
}

// Compiles here, runs in the runner's process.
class LocalNetworks final : public NetworkTimer {
 public:
  LocalNetworks(const LastPhase& phase, const std::vector<LayerChoice>& choices, Graph graph,
                std::string folder, NetworkRunner& runner)
      : phase_(phase), graph_(std::move(graph)), folder_(std::move(folder)), runner_(runner) {
    for (const LayerChoice& choice : choices) {
      place_[choice.workload.Key()] = options_.size();
      options_.push_back(choice.options);
    }
  }

  absl::StatusOr<int> Load(const NetworkOptions& options) override {
    TW_ASSIGN_OR_RETURN(const CompileModelOptions how, HowToCompile(options));
    TW_ASSIGN_OR_RETURN(const CompiledModel compiled, CompileModel(graph_, how));
    const std::string path = absl::StrCat(folder_, "/", layer_of_call_.size(), ".tar");
    std::ofstream file(path, std::ios::binary);
    WritePackage(compiled, [&](std::string_view part) { file << part; });
    file.close();
    if (!file) return absl::UnavailableError(absl::StrCat("cannot write ", path));
    TW_ASSIGN_OR_RETURN(const int package, runner_.Load(path));
    std::filesystem::remove(path);  // the runner has it mapped
    layer_of_call_.push_back(LayersOf(compiled));
    return package;
  }

  absl::StatusOr<NetworkRun> Run(int network) override {
    TW_ASSIGN_OR_RETURN(const NetworkRunner::Run run, runner_.RunOnce(network));
    const std::vector<int>& layers = layer_of_call_[static_cast<size_t>(network)];
    if (run.calls.size() != layers.size()) return absl::InternalError("calls are missing");
    NetworkRun result{run.seconds, std::vector<double>(options_.size(), 0)};
    for (size_t i = 0; i < layers.size(); ++i) {
      if (layers[i] >= 0) result.layers[static_cast<size_t>(layers[i])] += run.calls[i];
    }
    return result;
  }

 private:
  absl::StatusOr<CompileModelOptions> HowToCompile(const NetworkOptions& chosen) {
    CompileModelOptions how{.exact = phase_.model.exact};
    TW_ASSIGN_OR_RETURN(how.target, TargetOf(phase_.model));
    TW_ASSIGN_OR_RETURN(how.passes, PassesOf(phase_.model));
    const ConfigLookup others = LookupIn(phase_.store, phase_.model.exact, phase_.threads);
    how.lookup = [this, chosen, others](
                     const Workload& workload,
                     const Target& target) -> absl::StatusOr<std::optional<BestConfig>> {
      const auto place = place_.find(workload.Key());
      if (place == place_.end()) return others(workload, target);
      return options_[place->second][static_cast<size_t>(chosen[place->second])];
    };
    return how;
  }

  std::vector<int> LayersOf(const CompiledModel& compiled) const {
    std::vector<int> layers;
    for (const std::string& workload : compiled.call_workloads) {
      const auto place = place_.find(workload);
      layers.push_back(place == place_.end() ? -1 : static_cast<int>(place->second));
    }
    return layers;
  }

  const LastPhase& phase_;
  const Graph graph_;
  const std::string folder_;
  NetworkRunner& runner_;
  std::map<std::string, size_t> place_;  // of workloads in options_
  std::vector<std::vector<BestConfig>> options_;
  std::vector<std::vector<int>> layer_of_call_;  // by network; -1 = of no layer with a choice
};

double MedianOf(const std::vector<NetworkRun>& runs, int layer) {
  Timing timing;
  for (const NetworkRun& run : runs) {
    timing.seconds.push_back(layer < 0 ? run.seconds : run.layers[static_cast<size_t>(layer)]);
  }
  return MedianSeconds(Outcome(timing)).value_or(0);
}

// One layer's decision, with its time in each round.
Record DecisionOf(const LastPhase& phase, const LayerChoice& choice, const BestConfig& option,
                  Timing timing, const Target& target) {
  const SystemClock clock;
  Record record{.task = {choice.workload, option.template_name, target}, .config = option.config};
  record.outcome = std::move(timing);
  record.device_key = phase.spec.key();
  record.device = phase.device;
  record.worker = DefaultWorkerName();
  record.job = phase.job;
  record.threads = phase.threads;
  record.unix_time = clock.UnixTime();
  record.software = "tilewright " TILEWRIGHT_VERSION;
  record.record_class = kInNetworkClass;
  const auto microseconds = static_cast<int64_t>(record.unix_time * 1e6);
  record.run_id =
      absl::StrCat("in-network ", phase.job, " ", microseconds, " ", choice.workload.Key());
  return record;
}

uint32_t CountOf(const v1::JobSpec& spec, const std::string& workload) {
  for (const v1::JobTask& task : spec.tasks()) {
    if (task.task().workload() == workload) return std::max(1u, task.count());
  }
  return 1;
}

// By one layer; equal ones share the time.
std::vector<Record> RecordsOf(const LastPhase& phase, const std::vector<LayerChoice>& choices,
                              const NetworkDecision& decision, const Target& target) {
  std::vector<Record> records;
  for (size_t i = 0; i < choices.size(); ++i) {
    Timing timing;
    const uint32_t count = CountOf(phase.spec, choices[i].workload.Key());
    for (const NetworkRun& run : decision.decided) timing.seconds.push_back(run.layers[i] / count);
    const auto option = static_cast<size_t>(decision.options[i]);
    records.push_back(
        DecisionOf(phase, choices[i], choices[i].options[option], std::move(timing), target));
  }
  return records;
}

InNetwork Summary(const std::vector<LayerChoice>& choices, const NetworkDecision& decision) {
  InNetwork found{.whole = {MedianOf(decision.defaults, -1), MedianOf(decision.decided, -1)},
                  .rounds = decision.decided.size()};
  for (size_t i = 0; i < choices.size(); ++i) {
    const int layer = static_cast<int>(i);
    found.layers[choices[i].workload.Key()] = {MedianOf(decision.defaults, layer),
                                               MedianOf(decision.decided, layer)};
  }
  return found;
}

}  // namespace

absl::StatusOr<std::optional<InNetwork>> RunLastPhase(const LastPhase& phase,
                                                      NetworkRunner& runner) {
  TW_ASSIGN_OR_RETURN(const std::vector<LayerChoice> choices, ChoicesOf(phase));
  if (choices.empty()) return std::optional<InNetwork>();
  TW_ASSIGN_OR_RETURN(const Target target, TargetOf(phase.model));
  TW_ASSIGN_OR_RETURN(Graph graph, LoadModel(phase.model));
  TW_ASSIGN_OR_RETURN(const auto folder,
                      PrivateFolder::Make(std::filesystem::temp_directory_path()));
  LocalNetworks networks(phase, choices, std::move(graph), folder->path(), runner);
  NetworkQuestion question{.deadline = phase.deadline, .stop = phase.stop};
  for (const LayerChoice& choice : choices) {
    question.option_counts.push_back(static_cast<int>(choice.options.size()));
    question.load_seconds += choice.build_seconds;
  }
  TW_ASSIGN_OR_RETURN(const NetworkDecision decision,
                      DecideInNetwork(question, networks, SystemClock()));
  TW_RETURN_IF_ERROR(phase.store.Append(RecordsOf(phase, choices, decision, target)));
  return std::optional<InNetwork>(Summary(choices, decision));
}

}  // namespace tilewright
