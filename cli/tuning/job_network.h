// The network of a farm's job: what its last phase runs.
#pragma once

#include "cli/model/model_options.h"
#include "proto/tilewright.pb.h"

namespace tilewright {

// Adds the model without its weights (compiler/onnx/weightless.h) to the job, or why it cannot be
// sent: it is for a GPU, does not come to 4 MiB, or cannot be read. REQUIRES: MakeJob made the spec
// of these options.
void AddNetwork(const ModelOptions& options, v1::JobSpec* spec);

}  // namespace tilewright
