// Results in the T4 format of the auto-tuning community, which Kernel Tuner writes: a list of
// configurations, each with what was measured of it.
#pragma once

#include <nlohmann/json.hpp>

#include "absl/status/statusor.h"

namespace tilewright {

// The same as Kernel Tuner's own tables have it: "params" (the values that occur, in the order in
// which they do), "cfg" and "time" (milliseconds of the first objective; null where the result is
// not "correct"). InvalidArgument: an objective that is no time. Throws Json::exception for another
// structure. Bounded: 4 million results, 64 parameters.
absl::StatusOr<nlohmann::ordered_json> TableOfT4(const nlohmann::ordered_json& root);

}  // namespace tilewright
