// Writes a model whose convolutions and matrix products read eight-bit numbers, in the QDQ form:
// QuantizeLinear and DequantizeLinear around them, so that every other runtime reads it too.
#pragma once

#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "compiler/onnx/onnx.pb.h"
#include "compiler/onnx/quantize/value_histogram.h"

namespace tilewright {

struct QdqOptions {
  bool per_channel = true;  // a scale an output channel of the weights, else one a weight
};

// Activations become uint8 with a zero point, over their range of `ranges`, which has every layer's
// input; weights int8 without one; a bias int32 in the scale of the products (ONNX
// QuantizeLinear-13; B. Jacob et al., arXiv:1712.05877). Tensors keep their names, so that layers
// of both models can be compared. InvalidArgument: no layer to quantise, an opset that lacks the
// operators, a weight whose data cannot be read. REQUIRES: no external data (model_source.h).
absl::StatusOr<onnx::ModelProto> WithQuantizers(onnx::ModelProto model,
                                                const std::map<std::string, ValueRange>& ranges,
                                                const QdqOptions& options);

}  // namespace tilewright
