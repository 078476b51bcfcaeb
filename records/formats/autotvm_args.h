// A workload as the argument list of an AutoTVM log line:
//
//   [["TENSOR", [1, 64, 56, 56], "float32"], ["TENSOR", [64, 64, 3, 3], "float32"],
//    [1, 1], [1, 1, 1, 1], [1, 1], 1, "NCHW16c", "OIHW16i16o", "NCHW16c", "float32",
//    "conv2d+bias+relu"]
//
// data and weight (logical shapes), then for convolutions strides, padding, dilation and groups,
// then the layouts of data, weight and output, the output's type, operator and epilogue, and where
// it is not the default the type of the sums: "dense+bias;acc=int64".
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>

#include "absl/status/statusor.h"
#include "compiler/core/workload.h"

namespace tilewright {

// InvalidArgument as CheckWorkload.
absl::StatusOr<nlohmann::json> ArgsOfWorkload(const Workload& workload);

// Inverse; nullopt for lists that are not ours (another system's template), InvalidArgument for a
// list of ours that is no valid workload.
absl::StatusOr<std::optional<Workload>> WorkloadOfArgs(const nlohmann::json& args);

}  // namespace tilewright
