// Who defines each name of an ONNX graph: found once, before anything is converted, so that wrong
// references get the message that fits them.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "absl/status/statusor.h"
#include "compiler/onnx/onnx.pb.h"

namespace tilewright {

class ModelNames {
 public:
  // InvalidArgument when two initializers, inputs or node outputs bear one name. (An initializer
  // may repeat an input: it is that input's default.) `graph` outlives the result.
  static absl::StatusOr<ModelNames> Collect(const onnx::GraphProto& graph);

  // The nodes that the graph's outputs need, each after those that it reads from, whatever order
  // they stand in. InvalidArgument names a cycle.
  absl::StatusOr<std::vector<int>> Order() const;
  // Names that the needed nodes and the outputs read, among them those of the graphs around.
  static std::vector<std::string> ReadsOf(const onnx::NodeProto& node);

  // Why node `reader` cannot read `name` though nothing before it defines it: a cycle, an output
  // that its operator does not have, or nothing by that name.
  absl::Status ExplainMissing(const std::string& name, int reader) const;
  // The same for an output of the graph.
  absl::Status ExplainMissingOutput(const std::string& name) const;

 private:
  explicit ModelNames(const onnx::GraphProto& graph) : graph_(&graph) {}
  absl::Status Visit(int root, std::vector<char>& state, std::vector<int>& order) const;
  // Whether node `from` needs the result of node `to`, directly or not.
  bool DependsOn(int from, int to) const;

  const onnx::GraphProto* graph_;
  std::unordered_map<std::string, int> producer_;  // name -> index of the node
};

// The operators of ONNX itself.
inline bool IsStandardDomain(const std::string& domain) {
  return domain.empty() || domain == "ai.onnx";
}

// `node "conv1" (Conv)`, with what identifies the node when it has no name.
std::string Describe(const onnx::NodeProto& node);

}  // namespace tilewright
