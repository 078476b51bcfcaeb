// What the builder's process does with a whole network: the only place where a model that came from
// another machine is read.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "absl/status/statusor.h"

namespace tilewright {

// Compiles a package and writes it. The request has model (path of what WithoutWeights gave),
// inputs ({name: [dims]}), dims ({name: size}), passes (names of those left out), exact, target,
// configs ({workload: [template, config]}) and output (path). The answer has ok = true and calls:
// of each call of the plan the workload's key, "" for none. Errors: InvalidArgument and
// Unimplemented about the model; ResourceExhausted when the package cannot be written. Throws what
// nlohmann throws for a request of another shape.
absl::StatusOr<nlohmann::json> BuildNetwork(const nlohmann::json& request);

}  // namespace tilewright
