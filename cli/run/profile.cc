#include "cli/run/profile.h"

#include <sstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/status_macros.h"
#include "cli/run/model_inputs.h"
#include "cli/table.h"

namespace tilewright {

absl::StatusOr<std::vector<TimedCall>> ProfileCalls(tw_model* model, int runs) {
  const size_t count = tw_profile(model, nullptr, nullptr, 0);
  std::vector<TimedCall> calls(count);
  for (size_t i = 0; i < count; ++i) {
    tw_call_info info;
    TW_RETURN_IF_ERROR(StatusOf(tw_get_call(model, i, &info)));
    calls[i] = {
        .label = info.label, .kernel = info.kernel, .schedule = info.schedule, .flops = info.flops};
  }
  std::vector<double> seconds(count);
  for (int run = 0; run < runs; ++run) {
    tw_profile(model, seconds.data(), nullptr, count);
    TW_RETURN_IF_ERROR(StatusOf(tw_run(model)));
    for (size_t i = 0; i < count; ++i) calls[i].milliseconds += seconds[i] * 1e3 / runs;
  }
  return calls;
}

namespace {

// A layer's calls, which follow each other, as one.
std::vector<TimedCall> Layers(const std::vector<TimedCall>& calls) {
  std::vector<TimedCall> layers;
  std::vector<int> counts;
  for (const TimedCall& call : calls) {
    if (layers.empty() || layers.back().label != call.label) {
      layers.push_back(call);
      counts.push_back(1);
      continue;
    }
    layers.back().milliseconds += call.milliseconds;
    layers.back().flops += call.flops;
    ++counts.back();
  }
  for (size_t i = 0; i < layers.size(); ++i) {
    if (counts[i] > 1) absl::StrAppend(&layers[i].kernel, " and ", counts[i] - 1, " more");
  }
  return layers;
}

}  // namespace

std::string ToText(const std::vector<TimedCall>& calls) {
  double total = 0, plain = 0;
  for (const TimedCall& call : calls) {
    total += call.milliseconds;
    plain += call.schedule == "plain" ? call.milliseconds : 0;
  }
  const auto share = [total](double part) {
    return absl::StrFormat("%.1f", total > 0 ? 100 * part / total : 0);
  };
  Table table({"layer", "kernel", "schedule", "ms", "%", "GFLOP/s"});
  for (const TimedCall& call : Layers(calls)) {
    const bool known = call.flops > 0 && call.milliseconds > 0;
    table.Add({call.label, call.kernel, call.schedule, absl::StrFormat("%.4f", call.milliseconds),
               share(call.milliseconds),
               known ? absl::StrFormat("%.1f", call.flops / call.milliseconds * 1e-6) : "-"});
  }
  table.Add({"all", "", "", absl::StrFormat("%.4f", total), "100.0", "-"});
  std::ostringstream text;
  table.Print(text);
  return absl::StrCat(text.str(), share(plain), " % of the time in plain schedules, ",
                      share(total - plain), " % in templates\n");
}

}  // namespace tilewright
