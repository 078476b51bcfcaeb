// The layers that quantisation is about: convolutions and matrix products with constant weights.
#pragma once

#include <string>
#include <vector>

#include "compiler/onnx/onnx.pb.h"

namespace tilewright {

struct LinearLayer {
  int node = 0;  // in the graph
  std::string name, op;
  std::string input, output;
  std::string weight;    // a float32 constant
  std::string bias;      // a float32 constant with an element an output channel; "" = none such
  int channel_axis = 0;  // of the weight, that counts output channels
  int64_t channels = 0;
};

// In the graph's order. Left out: what is not in the main graph, matrix products of more than two
// dimensions of weights, Gemm that scales or transposes its data.
std::vector<LinearLayer> LinearLayers(const onnx::GraphProto& graph);

// The value of an initialiser or of a Constant node; null when the name is no constant.
const onnx::TensorProto* FindConstant(const onnx::GraphProto& graph, const std::string& name);

}  // namespace tilewright
