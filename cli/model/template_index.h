// What a model is compiled with, of what look-ups found.
#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "compiler/driver/compile_model.h"
#include "records/lookup/fit.h"
#include "records/lookup/model_lookup.h"

namespace tilewright {

// --threads and --key of a verb that looks a model's records up. `wanted` must live as long as it.
void AddLookupOptions(CLI::App* verb, ModelLookup* wanted);

// stderr says which records were passed over, and of each kind in `told` once that another device's
// are used. A record that is no faster than the measured default leaves the default; nullopt: there
// is none.
std::optional<BestConfig> ConfigOf(const FoundConfig& found, const Task& task, bool exact,
                                   std::set<std::string>* told);

// What compiling uses of what was found for the workloads; ConfigOf says what stderr hears.
ConfigLookup LookupAmong(const ModelLookup& wanted, const std::vector<FoundConfig>& found);

// Looks workloads up one by one (records/lookup/model_lookup.h) in the store, which must outlive
// the function. `exact`: only templates that are. `threads`: records of as many.
ConfigLookup LookupIn(const RecordStore& store, bool exact, int threads);

}  // namespace tilewright
