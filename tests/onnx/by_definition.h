// What tests of operators against their definitions share: random data, the reference
// interpreter's outputs and how they compare, and why a model is refused.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "base/rng.h"
#include "compiler/onnx/import.h"
#include "tests/onnx/evaluate.h"
#include "tests/onnx/run_both.h"

namespace tilewright {

using Tensors = std::map<std::string, Tensor>;

// So many different values, from -1 on in steps of a thousandth: of few there are ties.
inline Tensor Random(Rng& rng, const Shape& shape, DType dtype = DType::kF32,
                     uint64_t values = 2001) {
  Tensor tensor({dtype, shape});
  for (int64_t i = 0; i < tensor.size(); ++i) {
    tensor.Set(i, static_cast<double>(rng.Below(values)) / 1000 - 1);
  }
  return tensor;
}

// None, and a test failure, where the model is not imported or evaluated.
inline std::vector<Tensor> Evaluate(const ModelBuilder& m, const Tensors& inputs) {
  const auto graph = ImportOnnx(m.Bytes(), {});
  EXPECT_TRUE(graph.ok()) << graph.status();
  if (!graph.ok()) return {};
  const auto outputs = EvaluateGraph(*graph, inputs);
  EXPECT_TRUE(outputs.ok()) << outputs.status();
  return outputs.ok() ? *outputs : std::vector<Tensor>();
}

// Why a model is not imported.
inline std::string Refusal(const ModelBuilder& m) {
  const auto graph = ImportOnnx(m.Bytes(), {});
  EXPECT_FALSE(graph.ok());
  return std::string(graph.status().message());
}

inline void ExpectNear(const Tensor& found, const std::vector<double>& expected, double tolerance) {
  const std::vector<double> values = Values(found);
  ASSERT_EQ(values.size(), expected.size());
  for (size_t i = 0; i < values.size(); ++i) {
    ASSERT_NEAR(values[i], expected[i], tolerance) << "element " << i;
  }
}

}  // namespace tilewright
