// Which dimensions of a package's bindings may be padded. Used by CompileBindings.
#pragma once

#include <vector>

#include "absl/status/status.h"
#include "compiler/driver/compile_model.h"
#include "runtime/package.h"

namespace tilewright {

// Sets `padding` and `unpadded` of each binding's plan. InvalidArgument when two bindings have the
// same shapes, or inputs or outputs differ in more than those.
absl::Status AddPadding(const GraphOfBinding& graph_of, std::vector<ExecutionPlan>& plans);

}  // namespace tilewright
