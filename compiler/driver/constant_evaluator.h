// Evaluates constants for the fold passes of compiler/graph.
#pragma once

#include "compiler/graph/pipeline.h"

namespace tilewright {

// Small definitions are interpreted, large ones compiled for this machine (whatever the model's
// target is) and run. Thread-safe. The evaluator gives InvalidArgument when the inputs do not
// match the definition.
ConstantEvaluator MakeConstantEvaluator();

}  // namespace tilewright
