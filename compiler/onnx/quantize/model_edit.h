// Changes to an ONNX model: nodes before others, constants, names that are nobody else's.
#pragma once

#include <map>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "compiler/core/tensor.h"
#include "compiler/onnx/onnx.pb.h"

namespace tilewright {

// Of the operators without a domain; 0 when the model does not say.
int64_t OpsetOf(const onnx::ModelProto& model);

// Adds the names that the graphs within a node read, their own tensors' among them.
void AddInnerReads(const onnx::NodeProto& node, std::unordered_set<std::string>* reads);

// Owns the model while it is changed. Node numbers are those it came with. Not thread-safe.
class ModelEdit {
 public:
  explicit ModelEdit(onnx::ModelProto model);

  const onnx::GraphProto& graph() const { return model_.graph(); }
  // REQUIRES: no node is added, removed or moved through it.
  onnx::GraphProto& mutable_graph() { return *model_.mutable_graph(); }

  // Each returns the name it got: the one wanted, with a number behind it where that is taken.
  std::string AddTensor(const std::string& wanted, onnx::TensorProto::DataType type,
                        const Shape& shape, std::string bytes);
  std::string AddFloats(const std::string& wanted, const Shape& shape,
                        const std::vector<float>& values);
  // A node that stands before another and whose output is named so.
  std::string AddNode(int before, const std::string& op, const std::vector<std::string>& inputs,
                      const std::string& wanted);

  // The same with the output's name given: a tensor's that Rename has left without a producer.
  void AddCast(int before, const std::string& from, const std::string& to,
               onnx::TensorProto::DataType type);
  // Gives a tensor a fresh name, which it returns, wherever nodes write or read it; the graph's
  // inputs and outputs keep the old one.
  std::string Rename(const std::string& tensor);

  // An attribute of an added node, by its output.
  void SetInt(const std::string& output, const std::string& attribute, int64_t value);
  void ReplaceInput(int node, int input, const std::string& name);

  // The model with the added nodes in their places and without the initialisers that nothing reads
  // any more.
  onnx::ModelProto Finish() &&;

 private:
  std::string Fresh(const std::string& wanted);
  void AddNamedNode(int before, const std::string& op, const std::vector<std::string>& inputs,
                    const std::string& output);

  onnx::ModelProto model_;
  std::unordered_set<std::string> names_;
  std::map<int, std::vector<onnx::NodeProto>> before_;
  std::unordered_map<std::string, std::pair<int, size_t>> added_;  // output -> where in before_
};

}  // namespace tilewright
