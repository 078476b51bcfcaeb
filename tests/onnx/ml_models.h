// Small models of ai.onnx.ml's operators, whose input is "x", written in a test.
#pragma once

#include <string>
#include <vector>

#include "tests/onnx/by_definition.h"

namespace tilewright {

// Its outputs are the model's.
inline onnx::NodeProto& MlNode(ModelBuilder& m, const std::string& op_type,
                               const std::vector<std::string>& outputs) {
  onnx::NodeProto& node = m.Node(op_type, {"x"}, outputs);
  node.set_domain("ai.onnx.ml");
  for (const std::string& output : outputs) m.Output(output);
  return node;
}

inline Tensor Rows(const Shape& shape, const std::vector<float>& values) {
  return Floats(shape, values);
}

inline void SetTensor(onnx::NodeProto& node, const std::string& name,
                      onnx::TensorProto::DataType type, const std::vector<double>& values) {
  onnx::AttributeProto& attribute = *node.add_attribute();
  attribute.set_name(name);
  attribute.set_type(onnx::AttributeProto::TENSOR);
  onnx::TensorProto& tensor = *attribute.mutable_t();
  tensor.set_data_type(type);
  tensor.add_dims(static_cast<int64_t>(values.size()));
  for (double value : values) {
    if (type == onnx::TensorProto::UINT8) tensor.add_int32_data(static_cast<int32_t>(value));
    if (type == onnx::TensorProto::FLOAT) tensor.add_float_data(static_cast<float>(value));
    if (type == onnx::TensorProto::DOUBLE) tensor.add_double_data(value);
  }
}

}  // namespace tilewright
