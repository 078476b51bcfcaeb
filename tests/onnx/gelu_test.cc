// Activations that exporters write as several nodes become steps of the layer before them.
#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "base/rng.h"
#include "compiler/driver/constant_evaluator.h"
#include "compiler/graph/pipeline.h"
#include "compiler/onnx/import.h"
#include "compiler/targets/target_backend.h"
#include "tests/onnx/run_both.h"

namespace tilewright {
namespace {

// x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x^3))) behind a layer, as GPT-2 is exported.
TEST(Gelu, ByTanhWrittenOutIsTheLayersEpilogue) {
  Rng rng(3);
  ModelBuilder m;
  m.Input("x", {1, 5, 24});
  for (float& value : *m.Floats("w", {24, 20}).mutable_float_data()) {
    value = static_cast<float>(rng.Uniform(-1, 1));
  }
  m.Floats("b", {20}, 0.3f);
  for (const auto& [name, value] : {std::pair{"three", 3.0f},
                                    {"cubic", 0.044715f},
                                    {"root", 0.7978846f},
                                    {"one", 1.0f},
                                    {"half", 0.5f}}) {
    m.Floats(name, {}, value);
  }
  m.Node("MatMul", {"x", "w"}, {"product"});
  m.Node("Add", {"product", "b"}, {"biased"});
  m.Node("Pow", {"biased", "three"}, {"cube"});
  m.Node("Mul", {"cube", "cubic"}, {"scaled"});
  m.Node("Add", {"biased", "scaled"}, {"sum"});
  m.Node("Mul", {"sum", "root"}, {"inner"});
  m.Node("Tanh", {"inner"}, {"tanh"});
  m.Node("Add", {"tanh", "one"}, {"shifted"});
  m.Node("Mul", {"biased", "half"}, {"halved"});
  m.Node("Mul", {"halved", "shifted"}, {"y"});
  m.Output("y");
  Graph graph = ImportOnnx(m.Bytes(), {}).value();
  const PassContext context{.target = ResolveTarget({}).value(),
                            .evaluate = MakeConstantEvaluator()};
  ASSERT_TRUE(RunPasses(graph, context, {}).ok());
  const std::vector<ExtractedWorkload> workloads = ExtractWorkloads(graph);
  ASSERT_EQ(workloads.size(), 1u);
  EXPECT_EQ(EpilogueText(workloads[0].workload.epilogue), "+bias+gelu_tanh");
  Tensor x({DType::kF32, {1, 5, 24}});
  for (int64_t i = 0; i < x.size(); ++i) x.Set(i, rng.Uniform(-1, 1));
  EXPECT_EQ(RunBoth(m, {{"x", x}}, 1e-5).size(), 1u);
}

}  // namespace
}  // namespace tilewright
