// Where a model's time goes: the calls of its plan, timed.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "runtime/include/tilewright.h"

namespace tilewright {

struct TimedCall {
  std::string label, kernel, schedule;
  double milliseconds = 0, flops = 0;
};

// Runs the model `runs` times; mean times, in the plan's order. Internal when a run fails.
absl::StatusOr<std::vector<TimedCall>> ProfileCalls(tw_model* model, int runs);

// A row a layer, of all its calls, then a summary: the share of time in plain schedules, those that
// no template made.
std::string ToText(const std::vector<TimedCall>& calls);

}  // namespace tilewright
