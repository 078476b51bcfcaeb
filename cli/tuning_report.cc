#include "cli/tuning_report.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/status_macros.h"
#include "cli/table.h"
#include "cli/template_index.h"
#include "compiler/operators/operator_def.h"
#include "compiler/operators/workload_rules.h"
#include "proto/convert.h"
#include "records/beats_default.h"

namespace tilewright {
namespace {

using Json = nlohmann::ordered_json;

double SecondsOf(const std::optional<Timing>& timing) {
  return timing ? MedianSeconds(Outcome(*timing)).value_or(0) : 0;
}

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
absl::StatusOr<Gain> AloneGain(const ReportRequest& request, const Task& task,
                               std::string* schedule) {
  const int threads = static_cast<int>(std::max(1u, request.spec.threads()));
  const MeasuredOn where{request.spec.key(), threads};
  TW_ASSIGN_OR_RETURN(const auto untuned, DefaultTiming(request.store, task.workload, task.target,
                                                        where, request.exact));
  TW_ASSIGN_OR_RETURN(const auto best,
                      LookupIn(request.store, request.exact, threads)(task.workload, task.target));
  Gain gain{SecondsOf(untuned), SecondsOf(untuned)};
  if (!best) return gain;
  *schedule = best->template_name;
  TW_ASSIGN_OR_RETURN(const auto tuned,
                      ConfigTiming(request.store, {task.workload, best->template_name, task.target},
                                   best->config, where));
  if (tuned) gain.tuned = SecondsOf(tuned);
  return gain;
}

absl::StatusOr<LayerReport> MakeLayer(const ReportRequest& request, const v1::JobTask& message) {
  TW_ASSIGN_OR_RETURN(const Task task, FromMessage(message.task()));
  LayerReport layer{.workload = message.task().workload(), .layers = std::max(1u, message.count())};
  TW_ASSIGN_OR_RETURN(layer.gain, AloneGain(request, task, &layer.schedule));
  layer.gain.untuned *= layer.layers;
  layer.gain.tuned *= layer.layers;
  layer.limit_seconds = LimitOf(task.workload, request.limits) * layer.layers;
  if (!request.in_network) return layer;
  const auto found = request.in_network->layers.find(layer.workload);
  if (found != request.in_network->layers.end()) layer.gain = found->second;
  return layer;
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
          layer.workload};
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
  for (const v1::JobTask& task : request.spec.tasks()) {
    const bool known = std::any_of(
        report.layers.begin(), report.layers.end(),
        [&](const LayerReport& layer) { return layer.workload == task.task().workload(); });
    if (known) continue;
    TW_ASSIGN_OR_RETURN(report.layers.emplace_back(), MakeLayer(request, task));
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
