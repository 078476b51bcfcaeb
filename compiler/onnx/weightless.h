// Models without their weights: small enough to be sent to the machine that shall time them.
// Tensors of floats or bytes above some kilobytes keep their shape and type only; what shapes and
// indices may come from (integers, truths, small tensors) stays.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "compiler/core/tensor.h"
#include "compiler/graph/graph.h"
#include "compiler/onnx/import.h"

namespace tilewright {

// The file without its weights and its texts for people, as bytes of an ONNX model that no other
// importer takes: its weights lie nowhere. Small tensors that lie in files beside the model are
// taken in, and so are the values that `options` fix inputs to. Errors as ImportOnnxFile's.
absl::StatusOr<std::string> WithoutWeights(const std::string& path,
                                           const ImportOptions& options = {});

// Imports what WithoutWeights gave, with made-up weights, the same in every process: of the size
// that keeps sums about as large as one product, positive where they may be variances, never
// denormal, bytes that fit int8 whatever their zero point is. Not for results, but times do not
// depend on values. InvalidArgument also for weights of more than `most_bytes` together, said
// before any is made. `options.folder` is not used: nothing but `bytes` is read.
absl::StatusOr<Graph> ImportWithoutWeights(const std::string& bytes, ImportOptions options,
                                           int64_t most_bytes);

}  // namespace tilewright
