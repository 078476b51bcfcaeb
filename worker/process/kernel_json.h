// A compiled task but for its library's bytes as JSON: what a builder answers. Used by the worker
// and its builder.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "absl/status/statusor.h"
#include "compiler/core/kernel.h"

namespace tilewright {

nlohmann::json ToJson(const CompiledTask& task);
// Without `so`. InvalidArgument when it is not what ToJson gives.
absl::StatusOr<CompiledTask> CompiledTaskFromJson(const nlohmann::json& json);

}  // namespace tilewright
