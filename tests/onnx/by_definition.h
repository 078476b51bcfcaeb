// What tests of operators against their definitions share: the reference interpreter's
// outputs and how they compare, and why a model is refused.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "compiler/onnx/import.h"
#include "tests/onnx/evaluate.h"
#include "tests/onnx/run_both.h"
#include "tests/onnx/tensors.h"

namespace tilewright {

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
