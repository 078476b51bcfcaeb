#include "cli/tuning/last_phase.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "base/status_macros.h"
#include "cli/model/model_bindings.h"
#include "cli/model/template_index.h"
#include "cli/paths.h"
#include "records/lookup/network_choices.h"
#include "tuner/loop/in_network.h"
#include "worker/machine/this_machine.h"
#include "worker/pipeline/private_folder.h"

namespace tilewright {
namespace {

// Of the job's layers that the network has, each workload once.
absl::StatusOr<std::vector<LayerChoice>> ChoicesOf(const LastPhase& phase, const Graph& graph) {
  ChoiceQuestion question{
      .device_key = phase.spec.key(), .threads = phase.threads, .exact = phase.model.exact};
  TW_ASSIGN_OR_RETURN(question.target, TargetOf(phase.model));
  TW_ASSIGN_OR_RETURN(const PipelineOptions passes, PassesOf(phase.model));
  std::set<std::string> tuned, seen;
  for (const v1::JobTask& task : phase.spec.tasks()) tuned.insert(task.task().workload());
  TW_ASSIGN_OR_RETURN(const std::vector<ModelTask> tasks,
                      ExtractTasks(graph, question.target, passes, phase.model.exact));
  for (const ModelTask& task : tasks) {
    const std::string key = task.task.workload.Key();
    if (!tuned.contains(key) || !seen.insert(key).second) continue;
    question.layers.push_back({task.task.workload, static_cast<uint32_t>(task.count)});
  }
  return NetworkChoices(phase.store, question);
}

// One binding of the model, and what its layers may be compiled with.
struct BoundModel {
  Graph graph;
  std::vector<LayerChoice> choices;
};

// Compiles here, runs in the runner's process.
class LocalNetworks final : public SteppedNetworkTimer {
 public:
  LocalNetworks(const LastPhase& phase, const BoundModel& model, std::string folder,
                NetworkRunner& runner)
      : phase_(phase), graph_(model.graph), folder_(std::move(folder)), runner_(runner) {
    for (const LayerChoice& choice : model.choices) {
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
    layer_of_call_[package] = LayersOf(compiled);
    return package;
  }

  absl::StatusOr<NetworkRun> Run(int network) override {
    TW_ASSIGN_OR_RETURN(const NetworkRunner::Run run, runner_.RunOnce(network));
    const std::vector<int>& layers = layer_of_call_.at(network);
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
      const LayerOption& option =
          options_[place->second][static_cast<size_t>(chosen[place->second])];
      return BestConfig{option.template_name, option.config};
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
  const Graph& graph_;
  const std::string folder_;
  NetworkRunner& runner_;
  std::map<std::string, size_t> place_;  // of workloads in options_
  std::vector<std::vector<LayerOption>> options_;
  // By the runner's number of the package, which other bindings count on; -1 = of no layer with a
  // choice.
  std::map<int, std::vector<int>> layer_of_call_;
};

double MedianOf(const std::vector<NetworkRun>& runs, int layer) {
  Timing timing;
  for (const NetworkRun& run : runs) {
    timing.seconds.push_back(layer < 0 ? run.seconds : run.layers[static_cast<size_t>(layer)]);
  }
  return MedianSeconds(Outcome(timing)).value_or(0);
}

// By one layer; equal ones share the time.
std::vector<Record> RecordsOf(const LastPhase& phase, const std::vector<LayerChoice>& choices,
                              const NetworkDecision& decision, const Target& target) {
  const TimedNetwork where{.target = target,
                           .device_key = phase.spec.key(),
                           .device = phase.device,
                           .worker = DefaultWorkerName(),
                           .job = phase.job,
                           .threads = phase.threads,
                           .unix_time = SystemClock().UnixTime(),
                           .software = "tilewright " TILEWRIGHT_VERSION};
  std::vector<Record> records;
  for (size_t i = 0; i < choices.size(); ++i) {
    Timing timing;
    for (const NetworkRun& run : decision.decided) {
      timing.seconds.push_back(run.layers[i] / choices[i].count);
    }
    const auto option = static_cast<size_t>(decision.options[i]);
    records.push_back(DecisionRecord(choices[i], option, std::move(timing), where));
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

// One binding of the model, by the deadline.
absl::StatusOr<std::optional<InNetwork>> Decide(const LastPhase& phase,
                                                const ImportOptions& binding, double deadline,
                                                NetworkRunner& runner) {
  BoundModel model;
  TW_ASSIGN_OR_RETURN(model.graph, LoadModel(phase.model, binding));
  TW_ASSIGN_OR_RETURN(model.choices, ChoicesOf(phase, model.graph));
  const std::vector<LayerChoice>& choices = model.choices;
  if (choices.empty()) return std::optional<InNetwork>();
  TW_ASSIGN_OR_RETURN(const Target target, TargetOf(phase.model));
  TW_ASSIGN_OR_RETURN(const auto folder, PrivateFolder::Make(TempFolder()));
  LocalNetworks networks(phase, model, folder->path(), runner);
  NetworkQuestion question{.deadline = deadline, .stop = phase.stop};
  for (const LayerChoice& choice : choices) {
    question.option_counts.push_back(static_cast<int>(choice.options.size()));
    question.load_seconds += choice.build_seconds;
  }
  TW_ASSIGN_OR_RETURN(const NetworkDecision decision,
                      DecideInNetwork(question, networks, SystemClock()));
  TW_RETURN_IF_ERROR(phase.store.Append(RecordsOf(phase, choices, decision, target)));
  return std::optional<InNetwork>(Summary(choices, decision));
}

// What two bindings need together.
void Add(const InNetwork& one, InNetwork* sum) {
  const auto add = [](const Gain& gain, Gain* to) {
    to->untuned += gain.untuned;
    to->tuned += gain.tuned;
  };
  add(one.whole, &sum->whole);
  for (const auto& [workload, gain] : one.layers) add(gain, &sum->layers[workload]);
  sum->rounds = sum->rounds == 0 ? one.rounds : std::min(sum->rounds, one.rounds);
}

}  // namespace

absl::StatusOr<std::optional<InNetwork>> RunLastPhase(const LastPhase& phase,
                                                      NetworkRunner& runner) {
  TW_ASSIGN_OR_RETURN(const std::vector<ImportOptions> bindings, BindingsOf(phase.model));
  std::optional<InNetwork> sum;
  for (size_t i = 0; i < bindings.size(); ++i) {
    const double now = SystemClock().Now();
    const double share = (phase.deadline - now) / static_cast<double>(bindings.size() - i);
    TW_ASSIGN_OR_RETURN(const std::optional<InNetwork> one,
                        Decide(phase, bindings[i], now + share, runner));
    if (!one) continue;
    if (!sum) sum.emplace();
    Add(*one, &*sum);
  }
  return sum;
}

}  // namespace tilewright
