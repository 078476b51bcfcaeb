// Converts the nodes of a model one by one; control flow and local functions are converted in
// place, each body in a scope of its own. Used by import.cc.
#pragma once

#include <deque>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "compiler/graph/graph.h"
#include "compiler/onnx/import.h"
#include "compiler/onnx/model_names.h"
#include "compiler/onnx/op_builder.h"

namespace tilewright {

// The same status with the place before its message.
absl::Status Within(const std::string& where, const absl::Status& status);

class Importer {
 public:
  // The model, whose weights are freed as they are taken, and the options outlive the importer.
  Importer(onnx::ModelProto& model, const ImportOptions& options, int64_t opset);

  // InvalidArgument or Unimplemented lists every node and input that is wrong, not only the first.
  absl::StatusOr<Graph> Run();

 private:
  // The names of one graph and what they stand for.
  struct Scope {
    onnx::GraphProto* graph;
    ModelNames names;
    bool owns_weights = false;      // so that they are freed when they are taken
    const Scope* around = nullptr;  // whose names it may read
    std::unordered_map<std::string, ValueId> values;
    std::unordered_set<std::string> failed;  // outputs of nodes that were refused
  };
  using Values = std::vector<ValueId>;

  static absl::StatusOr<Scope> MakeScope(onnx::GraphProto& graph, const Scope* around);
  // The value of a name here or in a scope around; null when there is none.
  static const ValueId* Find(const Scope& scope, const std::string& name);
  static bool Failed(const Scope& scope, const std::string& name);

  absl::Status CheckOptions() const;
  // Initializers that something needs; others are never looked at.
  absl::Status AddInitializers(Scope& scope, const std::vector<int>& order);
  // Sequences and optionals are taken apart into tensors (sequence_inputs.h).
  absl::Status AddInputs(Scope& scope);
  // Those whose size depends on data are followed by "<name>.count" for each; a sequence "x" is the
  // outputs "x.0", "x.1", ...
  absl::Status AddOutputs(const Scope& scope);
  absl::StatusOr<std::vector<std::pair<std::string, ValueId>>> OutputTensors(
      const Scope& scope) const;
  // An output that no node makes gets a copy.
  absl::StatusOr<ValueId> Produced(ValueId value, const std::string& name);

  // Converts what the graph's outputs need. Problems are collected; false when there were some.
  absl::StatusOr<bool> ConvertNodes(Scope& scope);
  absl::StatusOr<Values> Resolve(const Scope& scope, int index, bool* skip) const;
  absl::Status Convert(Scope& scope, int index);
  absl::StatusOr<Values> ConvertNode(Scope& scope, int index, Values inputs);
  absl::StatusOr<Values> ConvertWithBodies(const Scope& scope, onnx::NodeProto& node, OpBuilder& b);
  // The outputs of a body whose inputs stand for `inputs`, converted in place.
  absl::StatusOr<Values> ConvertBody(onnx::GraphProto& body, const Scope* around,
                                     const Values& inputs);
  absl::StatusOr<Values> ConvertFunction(const onnx::NodeProto& node, const Values& inputs);
  const onnx::FunctionProto* FindFunction(const onnx::NodeProto& node) const;
  // What converts a node; null for control flow and functions of the model.
  absl::StatusOr<const OpRow*> RowOf(const onnx::NodeProto& node) const;
  absl::Status CountNode();
  absl::Status Problems() const;

  // control_flow.cc
  absl::StatusOr<Values> ConvertIf(const Scope& scope, onnx::NodeProto& node, OpBuilder& b);
  absl::StatusOr<Values> ConvertLoop(const Scope& scope, onnx::NodeProto& node, OpBuilder& b);
  absl::StatusOr<Values> ConvertSequenceMap(const Scope& scope, onnx::NodeProto& node,
                                            OpBuilder& b);
  // flex_attention.cc
  absl::StatusOr<Values> ConvertFlexAttention(const Scope& scope, onnx::NodeProto& node,
                                              OpBuilder& b);
  // scan.cc
  struct ScanForm;
  absl::StatusOr<Values> ConvertScan(const Scope& scope, onnx::NodeProto& node, OpBuilder& b);
  absl::StatusOr<Values> ScanBatch(const Scope& scope, ScanForm form, OpBuilder& b);
  absl::StatusOr<Values> ScanOnce(const Scope& scope, ScanForm form, OpBuilder& b,
                                  const Values& given);
  static absl::Status MeasureScan(const OpBuilder& b, const Values& inputs, ScanForm& form);

  onnx::ModelProto& model_;
  const ImportOptions& options_;
  const int64_t opset_;
  Imported imported_;
  Graph& graph_ = imported_.graph;
  OpList plugins_;
  std::vector<absl::Status> problems_;
  std::deque<onnx::GraphProto> bodies_;  // of functions, with their attributes filled in
  int depth_ = 0, nodes_ = 0;
};

}  // namespace tilewright
