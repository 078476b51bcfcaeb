// Several shapes of a model's inputs, as --dim and --input-shape ask for them.
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "cli/model/model_options.h"
#include "compiler/driver/compile_model.h"
#include "compiler/onnx/import.h"

namespace tilewright {

// One for each binding. `--dim batch=1,4,16` asks for three; lists of several dimensions for every
// combination; an --input-shape that is repeated for one input for as many as it is repeated, the
// n-th of each input together. Wrong usage for malformed options and for more than 64 bindings.
absl::StatusOr<std::vector<ImportOptions>> BindingsOf(const ModelOptions& options);

// How CompileBindings gets the graphs. Both arguments must outlive it.
GraphOfBinding GraphsOf(const ModelOptions& options, const std::vector<ImportOptions>& bindings);

}  // namespace tilewright
