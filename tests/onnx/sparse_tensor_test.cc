// Sparse initializers and constants.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "compiler/onnx/import.h"
#include "tests/onnx/run_both.h"

namespace tilewright {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// 5 and 7 at places 1 and 5 of [2, 3].
void WriteSparse(onnx::SparseTensorProto& sparse, const std::string& name, bool linear) {
  for (int64_t dim : {2, 3}) sparse.add_dims(dim);
  onnx::TensorProto& values = *sparse.mutable_values();
  values.set_name(name);
  values.set_data_type(onnx::TensorProto::FLOAT);
  values.add_dims(2);
  for (float value : {5.0F, 7.0F}) values.add_float_data(value);
  onnx::TensorProto& indices = *sparse.mutable_indices();
  indices.set_data_type(onnx::TensorProto::INT64);
  indices.add_dims(2);
  if (!linear) indices.add_dims(2);
  for (int64_t index : linear ? std::vector<int64_t>{1, 5} : std::vector<int64_t>{0, 1, 1, 2}) {
    indices.add_int64_data(index);
  }
}

TEST(SparseTensor, InitializersAndConstantsAreDenseOnes) {
  for (bool linear : {true, false}) {
    ModelBuilder m;
    m.Input("x", {1});
    WriteSparse(*m.graph().add_sparse_initializer(), "w", linear);
    onnx::AttributeProto& value = *m.Node("Constant", {}, {"c"}).add_attribute();
    value.set_name("sparse_value");
    WriteSparse(*value.mutable_sparse_tensor(), "", !linear);
    m.Node("Add", {"w", "c"}, {"twice"});
    m.Node("Add", {"twice", "x"}, {"y"});
    m.Output("y");
    const Tensor x({DType::kF32, {1}}, std::vector<float>{2});
    EXPECT_THAT(Values(RunBoth(m, {{"x", x}}).at(0)), ElementsAre(2, 12, 2, 2, 2, 16));
  }
}

TEST(SparseTensor, ThoseThatDoNotFitOrAreHugeAreRefused) {
  const auto refusal = [](const std::function<void(onnx::SparseTensorProto&)>& damage) {
    ModelBuilder m;
    m.Input("x", {1});
    onnx::SparseTensorProto& sparse = *m.graph().add_sparse_initializer();
    WriteSparse(sparse, "w", true);
    damage(sparse);
    m.Node("Add", {"w", "x"}, {"y"});
    m.Output("y");
    return std::string(ImportOnnx(m.Bytes(), {}).status().message());
  };
  EXPECT_THAT(refusal([](auto& s) { s.mutable_indices()->set_int64_data(1, 6); }),
              HasSubstr("initializer \"w\": the index of value 1 is outside"));
  EXPECT_THAT(refusal([](auto& s) { s.mutable_indices()->mutable_dims()->Set(0, 1); }),
              HasSubstr("data has 2 elements"));
  EXPECT_THAT(refusal([](auto& s) {
                s.set_dims(0, 1 << 20);
                s.set_dims(1, 1 << 20);
              }),
              HasSubstr("at most 1073741824 are supported"));
}

}  // namespace
}  // namespace tilewright
