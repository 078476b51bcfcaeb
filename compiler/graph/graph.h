// The model as a graph of definitions. Every node is one Compute (compiler/loop/compute.h); the
// tunable ones also carry the Workload that templates match. One output per node: operators with
// several become several nodes. A value; not thread-safe while written.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "compiler/core/tensor.h"
#include "compiler/core/workload.h"
#include "compiler/loop/compute.h"

namespace tilewright {

using ValueId = int;
inline constexpr ValueId kNoValue = -1;

struct Value {
  std::string name;   // unique
  TensorType type;    // physical
  Tensor constant;    // non-empty for weights and folded values
  int producer = -1;  // index into Graph::nodes; -1 for inputs and constants
};

struct Node {
  std::string name;  // of the ONNX node, for messages; unique
  std::string op;    // "conv2d", "relu", "max_pool2d", ... for people; no meaning but printing
  std::vector<ValueId> inputs;  // in the order of compute.inputs (same types)
  ValueId output = kNoValue;
  Compute compute;                   // over the physical types; buffers are private to the node
  std::optional<Workload> workload;  // set for tunable nodes; compute == Define(*workload)
  std::string to_layout;             // "NCHW16c", "NCHW": set for nodes that only change the layout
};

struct Graph {
  std::string name;
  std::vector<Value> values;
  std::vector<Node> nodes;  // topological order; dead nodes are erased, not marked
  std::vector<ValueId> inputs;
  std::vector<ValueId> outputs;
  std::vector<std::string> output_names;  // by position in outputs (a value may be output twice)
  // What an output's numbers stand for, by its name: each element of an int64 one for the name at
  // its place (strings), each column of a floating-point one for a name (maps).
  std::map<std::string, std::vector<std::string>> output_classes;
  std::set<std::string> value_names;  // of all values; kept by AddValue

  ValueId AddValue(std::string name, TensorType type);  // makes the name unique
  ValueId AddConstant(std::string name, Tensor tensor);
  // Appends; the output value is created with the compute's output type and bears the node's name
  // (both made unique).
  ValueId AddNode(std::string name, std::string op, std::vector<ValueId> inputs, Compute compute);
  // The same of a tunable node, which computes Define(workload).
  ValueId AddTunable(std::string name, std::string op, std::vector<ValueId> inputs,
                     const Workload& workload);

  // Node indices that read a value, each once, ascending.
  std::vector<int> ConsumersOf(ValueId value) const;
  bool IsOutput(ValueId value) const;
};

// One line per value and node; for --dump and golden tests.
std::string Print(const Graph& graph);

// FailedPrecondition names the first violation: dangling or duplicate values, order, types that
// differ from the compute's buffers, a workload that differs from its compute's types.
absl::Status Verify(const Graph& graph);

// Fresh private buffers for a compute over `types`: "in0", "in1", ...; used by importers.
std::vector<Buffer> InputBuffers(const Graph& graph, const std::vector<ValueId>& inputs);

}  // namespace tilewright
