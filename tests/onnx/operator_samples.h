// Small models of the operators that ONNX's node tests (Debian's) have none of, for the test of the
// element types that operators claim.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "tests/onnx/node_data.h"

namespace tilewright {

using Ints = std::vector<int64_t>;
using Reals = std::vector<float>;
using SampleAttribute =
    std::variant<int, float, std::string, Ints, Reals, std::vector<std::string>, Tensor>;

// An input; drawn where it has no values, absent where it has no type.
struct SampleOperand {
  std::optional<DType> dtype;
  Shape shape;
  std::vector<double> values;
};
inline const SampleOperand kNothing = {};
inline SampleOperand X(Shape shape, std::vector<double> values = {}) {
  return {DType::kF32, std::move(shape), std::move(values)};
}
inline SampleOperand I64(Shape shape, std::vector<double> values) {
  return {DType::kI64, std::move(shape), std::move(values)};
}
inline SampleOperand I32(Shape shape, std::vector<double> values) {
  return {DType::kI32, std::move(shape), std::move(values)};
}
inline SampleOperand U8(Shape shape, std::vector<double> values = {}) {
  return {DType::kU8, std::move(shape), std::move(values)};
}

// One node, whose data are float32 unless the operator takes integers alone.
struct OperatorSample {
  std::string op_type;
  int64_t opset;
  std::vector<SampleOperand> inputs;
  std::vector<std::pair<std::string, SampleAttribute>> attributes = {};
  int outputs = 1;
};
// Of ONNX, of ai.onnx.ml, and of ONNX Runtime.
std::vector<OperatorSample> StandardSamples();
std::vector<OperatorSample> LearningSamples();
std::vector<OperatorSample> RuntimeSamples();

// The sample as a node test without expected outputs; `seed` draws what is drawn, in [-1, 1).
NodeTest AsNodeTest(const OperatorSample& sample, uint64_t seed);

// Operators on lists, with bodies, or without data of the type that they make: a model whose input
// "x" [2, 3] has the type.
struct TypedSample {
  std::vector<std::string> operators;
  std::function<onnx::ModelProto(onnx::TensorProto::DataType)> in_type;
};
std::vector<TypedSample> TypedSamples();

}  // namespace tilewright
