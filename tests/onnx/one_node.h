// Models of one node written in a test.
#pragma once

#include <string>
#include <vector>

#include "compiler/onnx/tensor_proto.h"
#include "tests/onnx/model_builder.h"
#include "tests/onnx/tensors.h"

namespace tilewright {

// ONNX's number of a type.
inline onnx::TensorProto::DataType ToOnnxType(DType dtype) {
  for (int type = 1; type <= onnx::TensorProto::BFLOAT16; ++type) {
    const auto known = FromOnnxType(type);
    if (known.ok() && *known == dtype) return static_cast<onnx::TensorProto::DataType>(type);
  }
  return onnx::TensorProto::UNDEFINED;
}

// Splits "com.microsoft.Gelu" into the node's domain, which the model then imports, and its type.
inline void SetDomain(ModelBuilder& m, onnx::NodeProto& node) {
  const size_t dot = node.op_type().rfind('.');
  if (dot == std::string::npos) return;
  node.set_domain(node.op_type().substr(0, dot));
  node.set_op_type(node.op_type().substr(dot + 1));
  onnx::OperatorSetIdProto& domain = *m.model().add_opset_import();
  domain.set_domain(node.domain());
  domain.set_version(1);
}

struct NodeCase {
  std::string op;
  int64_t opset;
  std::vector<std::string> names, outputs = {"y"};
};

// One node whose inputs are all inputs of the model; an absent one has an empty name.
inline ModelBuilder OneNode(const NodeCase& c, const Tensors& inputs) {
  const auto& [op, opset, names, outputs] = c;
  ModelBuilder m(opset);
  for (const auto& [name, tensor] : inputs) {
    m.Input(name, tensor.shape(), ToOnnxType(tensor.dtype()));
  }
  SetDomain(m, m.Node(op, names, outputs));
  for (const std::string& output : outputs) m.Output(output);
  return m;
}

inline onnx::NodeProto& NodeOf(ModelBuilder& m) { return *m.graph().mutable_node(0); }

}  // namespace tilewright
