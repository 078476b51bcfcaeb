#include "tests/onnx/run_both.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <set>

#include "compiler/driver/compile_model.h"
#include "compiler/onnx/import.h"
#include "compiler/targets/target_backend.h"
#include "runtime/model.h"
#include "tests/onnx/evaluate.h"

namespace tilewright {
namespace {

std::vector<Tensor> RunPackage(const std::string& package, const Graph& graph,
                               const std::map<std::string, Tensor>& inputs) {
  const std::string path =
      testing::TempDir() + "/tilewright_both_" + std::to_string(getpid()) + ".tar";
  std::ofstream(path, std::ios::binary) << package;
  const std::unique_ptr<runtime::Model> opened =
      runtime::OpenModel(path, runtime::ModelOptions{.threads = 2});
  runtime::Model& model = *opened;
  std::filesystem::remove(path);
  for (const auto& input : model.inputs()) {
    std::memcpy(input.data, inputs.at(input.tensor->name).data(), input.bytes);
  }
  model.Run();
  std::vector<Tensor> outputs;
  for (const auto& output : model.outputs()) {
    outputs.emplace_back(graph.values[graph.outputs[outputs.size()]].type);
    std::memcpy(outputs.back().data(), output.data, output.bytes);
  }
  return outputs;
}

}  // namespace

void ExpectSame(const Tensor& compiled, const Tensor& expected, double tolerance) {
  ASSERT_EQ(compiled.type(), expected.type());
  for (int64_t i = 0; i < compiled.size(); ++i) {
    const double a = compiled.AsDouble(i), b = expected.AsDouble(i);
    if (a == b || (std::isnan(a) && std::isnan(b))) continue;
    EXPECT_LE(std::abs(a - b), tolerance * (1 + std::abs(b))) << "element " << i;
  }
}

std::vector<Tensor> RunCompiled(const Graph& graph, const std::map<std::string, Tensor>& inputs,
                                const PipelineOptions& passes) {
  CompileModelOptions options;
  options.target = ResolveTarget({}).value();
  options.passes = passes;
  const auto compiled = CompileModel(graph, options);
  EXPECT_TRUE(compiled.ok()) << compiled.status();
  if (!compiled.ok()) return {};
  std::string package;
  WritePackage(*compiled, [&](std::string_view part) { package += part; });
  return RunPackage(package, graph, inputs);
}

size_t CountKernels(const Graph& graph) {
  CompileModelOptions options;
  options.target = ResolveTarget({}).value();
  const auto compiled = CompileModel(graph, options);
  EXPECT_TRUE(compiled.ok()) << compiled.status();
  if (!compiled.ok()) return 0;
  std::set<std::string> kernels;
  for (const PlanCall& call : compiled->plans[0].calls) kernels.insert(call.kernel);
  return kernels.size();
}

std::vector<Tensor> RunBoth(const ModelBuilder& model, const std::map<std::string, Tensor>& inputs,
                            double tolerance) {
  const absl::StatusOr<Graph> graph = ImportOnnx(model.Bytes(), {});
  EXPECT_TRUE(graph.ok()) << graph.status();
  if (!graph.ok()) return {};
  const auto interpreted = EvaluateGraph(*graph, inputs);
  EXPECT_TRUE(interpreted.ok()) << interpreted.status();
  if (!interpreted.ok()) return {};
  const std::vector<Tensor> outputs = RunCompiled(*graph, inputs);
  for (size_t i = 0; i < outputs.size(); ++i) ExpectSame(outputs[i], interpreted->at(i), tolerance);
  return outputs;
}

std::vector<double> Values(const Tensor& tensor) {
  std::vector<double> values;
  for (int64_t i = 0; i < tensor.size(); ++i) values.push_back(tensor.AsDouble(i));
  return values;
}

}  // namespace tilewright
