#include "cli/tuning/tuning_report.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/status_macros.h"
#include "cli/model/template_index.h"
#include "cli/table.h"
#include "compiler/operators/operator_def.h"
#include "compiler/operators/workload_rules.h"
#include "proto/convert.h"

namespace tilewright {
namespace {

using Json = nlohmann::ordered_json;

int64_t BytesOfWeights(const Workload& workload) {
  const bool weighted = OperatorOf(workload).weighted && workload.inputs.size() > 1;
  return weighted ? NumBytes(workload.inputs[1]) : 0;
}

double LimitOf(const Workload& workload, const MachineLimits& limits) {
  if (limits.flops <= 0) return 0;
  const double arithmetic = Flops(workload) / limits.flops;
  if (limits.bytes <= 0) return arithmetic;
  return std::max(arithmetic, static_cast<double>(BytesOfWeights(workload)) / limits.bytes);
}

// One layer alone: its default, and what look-ups give.
Gain AloneGain(const FoundConfig& found, const Task& task, bool exact, std::string* schedule) {
  Gain gain{found.default_seconds, found.default_seconds};
  std::set<std::string> told;
  const std::optional<BestConfig> best = ConfigOf(found, task, exact, &told);
  if (!best) return gain;
  *schedule = best->template_name;
  if (!found.keeps_default && found.alone_seconds > 0) gain.tuned = found.alone_seconds;
  return gain;
}

// A kind of layer: the first of its tasks.
struct Layer {
  const v1::JobTask& message;
  Task task;
};

absl::StatusOr<std::vector<Layer>> LayersOf(const v1::JobSpec& spec) {
  std::vector<Layer> layers;
  std::set<std::string> seen;
  for (const v1::JobTask& message : spec.tasks()) {
    if (!seen.insert(message.task().workload()).second) continue;
    TW_ASSIGN_OR_RETURN(Task task, FromMessage(message.task()));
    layers.push_back({message, std::move(task)});
  }
  return layers;
}

// Of each layer, in their order. All are for one target.
absl::StatusOr<std::vector<FoundConfig>> LookUpLayers(const ReportRequest& request,
                                                      const std::vector<Layer>& layers) {
  if (layers.empty()) return std::vector<FoundConfig>();
  ModelLookup wanted{.target = layers.front().task.target,
                     .device_key = request.spec.key(),
                     .threads = static_cast<int>(std::max(1u, request.spec.threads())),
                     .exact = request.exact};
  for (const Layer& layer : layers) wanted.workloads.push_back(layer.task.workload);
  return request.look_up(wanted);
}

LayerReport ReportOf(const Layer& layer, const FoundConfig& found, const ReportRequest& request) {
  LayerReport report{.workload = layer.message.task().workload(),
                     .layers = std::max(1u, layer.message.count())};
  report.gain = AloneGain(found, layer.task, request.exact, &report.schedule);
  report.gain.untuned *= report.layers;
  report.gain.tuned *= report.layers;
  report.limit_seconds = LimitOf(layer.task.workload, request.limits) * report.layers;
  if (!request.in_network) return report;
  const auto decided = request.in_network->layers.find(report.workload);
  if (decided != request.in_network->layers.end()) report.gain = decided->second;
  return report;
}

void CountTrials(const v1::JobEvent& last, std::vector<LayerReport>* layers) {
  for (const v1::TaskResult& task : last.tasks()) {
    for (LayerReport& layer : *layers) {
      if (layer.workload != task.task().workload()) continue;
      layer.trials += task.trials();
      layer.failures += task.failures();
    }
  }
}

Gain SumOf(const std::vector<LayerReport>& layers) {
  Gain sum;
  for (const LayerReport& layer : layers) {
    sum.untuned += layer.gain.untuned;
    sum.tuned += layer.gain.tuned;
  }
  return sum;
}

std::string Number(int digits, double value) {
  return value > 0 ? absl::StrFormat("%.*f", digits, value) : "-";
}

double Ratio(double a, double b) { return a > 0 && b > 0 ? a / b : 0; }

std::vector<std::string> Cells(const LayerReport& layer, const TuningReport& report) {
  const Gain& gain = layer.gain;
  return {absl::StrCat(layer.layers),
          absl::StrCat(layer.trials),
          absl::StrCat(layer.failures),
          Number(4, gain.untuned * 1e3),
          Number(4, gain.tuned * 1e3),
          Number(2, Ratio(gain.untuned, gain.tuned)),
          Number(1, 100 * Ratio(gain.tuned, report.whole.tuned)),
          Number(0, 100 * Ratio(layer.limit_seconds, gain.tuned)),
          layer.schedule.empty() ? "default" : layer.schedule,
          ShortKey(layer.workload)};
}

Json GainJson(const Gain& gain) {
  const auto known = [](double value) { return value > 0 ? Json(value) : Json(); };
  return {{"default_seconds", known(gain.untuned)},
          {"tuned_seconds", known(gain.tuned)},
          {"gain", known(Ratio(gain.untuned, gain.tuned))}};
}

}  // namespace

absl::StatusOr<TuningReport> MakeTuningReport(const ReportRequest& request) {
  TuningReport report{.limits = request.limits};
  TW_ASSIGN_OR_RETURN(const std::vector<Layer> layers, LayersOf(request.spec));
  TW_ASSIGN_OR_RETURN(const std::vector<FoundConfig> found, LookUpLayers(request, layers));
  for (size_t i = 0; i < layers.size(); ++i) {
    report.layers.push_back(ReportOf(layers[i], found[i], request));
  }
  CountTrials(request.last, &report.layers);
  std::stable_sort(
      report.layers.begin(), report.layers.end(),
      [](const LayerReport& a, const LayerReport& b) { return a.gain.tuned > b.gain.tuned; });
  report.whole = SumOf(report.layers);
  if (!request.in_network) return report;
  report.whole = request.in_network->whole;
  report.rounds = request.in_network->rounds;
  return report;
}

int64_t WeightBytes(const v1::JobSpec& spec) {
  std::map<std::string, int64_t> bytes;  // by workload: it is listed for each of its templates
  for (const v1::JobTask& task : spec.tasks()) {
    const absl::StatusOr<Workload> workload = ParseWorkload(task.task().workload());
    if (workload.ok()) bytes[task.task().workload()] = BytesOfWeights(*workload) * task.count();
  }
  int64_t sum = 0;
  for (const auto& [workload, of_it] : bytes) sum += of_it;
  return sum;
}

std::string ToText(const TuningReport& report) {
  Table table({"layers", "trials", "failed", "default ms", "tuned ms", "gain", "% of time",
               "% of limit", "schedule", "workload"});
  for (const LayerReport& layer : report.layers) table.Add(Cells(layer, report));
  std::ostringstream text;
  table.Print(text);
  const Gain& whole = report.whole;
  if (whole.tuned <= 0) return text.str() + "no layer has a time yet\n";
  text << (report.rounds > 0 ? "the network: " : "these layers, each measured alone: ")
       << Number(4, whole.untuned * 1e3) << " ms by default, " << Number(4, whole.tuned * 1e3)
       << " ms tuned: " << Number(2, Ratio(whole.untuned, whole.tuned)) << " times as fast";
  if (report.rounds > 0) text << " (medians of " << report.rounds << " runs in turn)";
  text << "\n";
  if (report.limits.flops <= 0) return text.str();
  text << absl::StrFormat("limit: %.1f GFLOP/s of direct summation, weights read at %.1f GB/s\n",
                          report.limits.flops * 1e-9, report.limits.bytes * 1e-9);
  return text.str();
}

Json ToJson(const TuningReport& report) {
  Json layers = Json::array();
  for (const LayerReport& layer : report.layers) {
    Json row = {{"workload", layer.workload},
                {"layers", layer.layers},
                {"trials", layer.trials},
                {"failures", layer.failures}};
    row.update(GainJson(layer.gain));
    row["share_of_time"] = Ratio(layer.gain.tuned, report.whole.tuned);
    const double share = Ratio(layer.limit_seconds, layer.gain.tuned);
    row["share_of_limit"] = share > 0 ? Json(share) : Json();
    row["schedule"] = layer.schedule.empty() ? Json() : Json(layer.schedule);
    layers.push_back(std::move(row));
  }
  Json model = GainJson(report.whole);
  model["rounds_of_whole_network"] = report.rounds;
  return {{"layers", std::move(layers)}, {"model", std::move(model)}};
}

}  // namespace tilewright
