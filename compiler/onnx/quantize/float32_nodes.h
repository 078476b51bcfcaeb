// Which nodes of a model in 16-bit floats still compute in float32. Normalisations of rows and the
// sums that lead from one to the next are a transformer's residual stream: each of its layers would
// round it again, and no later one corrects it. Activations that are written as several nodes would
// have rounded literals, and be other functions.
#pragma once

#include <vector>

#include "compiler/onnx/onnx.pb.h"

namespace tilewright {

// Of each node of the graph: normalisations along the last axis, written as one node or out of
// ReduceMean; Erf and Tanh; the elementwise arithmetic that reads them; and that which only such
// nodes read, but for a layer's bias. None whose output a graph within a node reads.
std::vector<bool> Float32Nodes(const onnx::GraphProto& graph);

// Whether the input of such a node is a float as its output is: not axes, not a power's exponent.
bool IsFloatInput(const onnx::NodeProto& node, int input);

}  // namespace tilewright
