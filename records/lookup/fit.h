// Records against today's templates.
#pragma once

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "compiler/core/config.h"
#include "compiler/core/task.h"
#include "records/formats/autotvm_log.h"

namespace tilewright {

// A config in its template's space (records/formats/autotvm_log.h PlaceFunction); nullopt for an
// unknown template.
absl::StatusOr<std::optional<PlacedConfig>> PlaceInTemplate(const Task& task, const Config& config);

// Why a record's config cannot be compiled for the task, "" if it can (LookupOptions::why_unfit).
// `exact`: only templates that are.
std::string WhyUnfit(const Task& task, const Config& config, bool exact);

}  // namespace tilewright
