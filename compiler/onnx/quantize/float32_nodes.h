// Which nodes of a model in 16-bit floats still compute in float32: normalisations of rows and the
// sums that lead from one to the next, a transformer's residual stream. Each of its layers would
// round that stream again, and no later one corrects it.
#pragma once

#include <vector>

#include "compiler/onnx/onnx.pb.h"

namespace tilewright {

// Of each node of the graph, which is in an order of execution: normalisations along the last axis,
// written as one node or out of ReduceMean; the elementwise arithmetic that reads them; and that
// which only such nodes read. None whose output a graph within a node reads.
std::vector<bool> Float32Nodes(const onnx::GraphProto& graph);

// Whether the input of such a node is a float as its output is: not axes, not a power's exponent.
bool IsFloatInput(const onnx::NodeProto& node, int input);

}  // namespace tilewright
