// Random ONNX models of operators of every family, for property tests.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/rng.h"
#include "compiler/core/tensor.h"
#include "tests/onnx/model_builder.h"

namespace tilewright {

// A model of one to three inputs, some ten steps on values picked at random (so that values are
// shared, by one step twice too) and several outputs; dimensions are small and mostly odd. The
// same seed gives the same model.
//
// So that two right executions give nearly the same outputs, values are kept within +-16 and what
// jumps (Floor, ArgMax, comparisons) reads only values that are exact: the inputs and what
// chooses or moves them without arithmetic.
class RandomModel {
 public:
  explicit RandomModel(uint64_t seed);

  const ModelBuilder& model() const { return model_; }
  const std::map<std::string, Tensor>& inputs() const { return inputs_; }

 private:
  struct Value {
    std::string name;
    Shape shape;
    double bound = 1;    // of the magnitude, roughly
    bool exact = false;  // every execution gives the same bits
  };
  // False when no value suits; nothing was added then.
  using Step = bool (RandomModel::*)();
  static const std::vector<Step>& Steps();

  // random_model.cc: what all steps build with.
  int64_t Between(int64_t lo, int64_t hi);  // both included
  bool Chance(int percent) { return Between(0, 99) < percent; }
  template <typename T>
  const T& OneOf(const std::vector<T>& list) {
    return list[rng_.Below(list.size())];
  }
  Shape RandomShape(size_t rank);
  void AddInput(size_t rank);
  // Nothing when no value has a rank in [lo, hi] and (if `exact`) is exact. Recent ones are
  // likelier.
  std::optional<Value> Pick(size_t lo, size_t hi, bool exact = false);
  // Another value of its shape, or a weight that broadcasts to it.
  Value Partner(const Value& x);
  std::string Weight(const Shape& shape, double lo, double hi);  // the name of a new initializer
  std::string Ints(const std::vector<int64_t>& values);
  onnx::NodeProto& Node(const std::string& op, const std::vector<std::string>& inputs,
                        size_t outputs = 1);
  // Makes a node's output a value; one above the bound of 16 goes through Tanh first.
  void Keep(const onnx::NodeProto& node, Value value, int output = 0);
  void Output(const Value& value);

  // random_model_math.cc
  bool Unary();
  bool Jumping();
  bool Binary();
  bool WithItself();
  bool Chosen();
  bool Reduction();
  bool Softmax();
  bool Normalization();
  bool MatMul();
  bool Gemm();
  bool Convolution();
  bool Transposed();
  bool Pool();
  bool GlobalPool();

  // random_model_moves.cc
  bool Reshape();
  bool Transpose();
  bool Slice();
  bool Pad();
  bool Concat();
  bool Split();
  bool Gather();
  bool CumSum();
  bool Expand();
  bool Resize();
  bool DepthToSpace();
  bool Trilu();
  bool ArgExtreme();
  bool TopK();
  bool ThereAndBack();

  Rng rng_;
  ModelBuilder model_;
  std::map<std::string, Tensor> inputs_;
  std::vector<Value> values_;
  int names_ = 0;
};

}  // namespace tilewright
