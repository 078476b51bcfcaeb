// Records against today's templates.
#pragma once

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "compiler/core/config.h"
#include "compiler/core/task.h"
#include "compiler/driver/compile_model.h"
#include "records/autotvm_log.h"
#include "records/record_store.h"

namespace tilewright {

// A config in its template's space (records/autotvm_log.h PlaceFunction); nullopt for an unknown
// template.
absl::StatusOr<std::optional<PlacedConfig>> PlaceInTemplate(const Task& task, const Config& config);

// Why a record's config cannot be compiled for the task, "" if it can (LookupOptions::why_unfit).
// `exact`: only templates that are.
std::string WhyUnfit(const Task& task, const Config& config, bool exact);

// Looks workloads up in the store (records/lookup.h), which must outlive the function. Records
// that are unfit are passed over, and stderr says so; one that is no faster than the measured
// default leaves the default (records/beats_default.h). `exact`: only templates that are.
// `threads`: records of as many.
ConfigLookup LookupIn(const RecordStore& store, bool exact, int threads);

}  // namespace tilewright
