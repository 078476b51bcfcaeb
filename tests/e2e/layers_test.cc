// Networks of the zoo layer by layer: every value of the optimised graph, computed by schedules and
// by the plain definitions.
#include <gtest/gtest.h>

#include "compiler/onnx/import.h"
#include "compiler/onnx/zoo/zoo.h"
#include "compiler/targets/target_backend.h"
#include "compiler/templates/template.h"
#include "tests/driver/loaded_package.h"
#include "tests/graph/graph_builder.h"

namespace tilewright {
namespace {

struct Network {
  const char* name;
  int64_t image;  // 0 = the network's own input
};

// The optimised graph with every value that a node computes as an output.
Graph WithAllLayersAsOutputs(const Network& network, const Target& target) {
  const auto bytes = MakeZooModel(network.name, {.image = network.image});
  EXPECT_TRUE(bytes.ok()) << bytes.status();
  Graph graph = ImportOnnx(*bytes, {}).value();
  const PassContext context{.target = target, .evaluate = MakeConstantEvaluator()};
  const absl::Status status = RunPasses(graph, context, {});
  EXPECT_TRUE(status.ok()) << status;
  for (const Node& node : graph.nodes) {
    if (graph.IsOutput(node.output)) continue;
    graph.outputs.push_back(node.output);
    graph.output_names.push_back(graph.values[node.output].name);
  }
  return graph;
}

// Some config of the space, another for each workload.
absl::StatusOr<std::optional<BestConfig>> AnyConfig(const Workload& workload,
                                                    const Target& target) {
  const TemplateEntry entry = MatchingTemplates(workload, target).front();
  const ConfigSpace space = entry.impl->Space(workload, target);
  Rng rng(workload.Key().size());
  return BestConfig{entry.name, space.At(*space.Sample(rng)), 1e-5};
}

class LayerByLayer : public testing::TestWithParam<Network> {};

TEST_P(LayerByLayer, SchedulesAgreeWithTheDefinitions) {
  CompileModelOptions options{.target = ResolveTarget({}).value()};
  for (const PassInfo& pass : Passes()) options.passes.disabled.insert(pass.name);
  const Graph graph = WithAllLayersAsOutputs(GetParam(), options.target);
  CompileModelOptions reference = options, tuned = options;
  reference.reference = true;
  tuned.lookup = AnyConfig;
  const auto run = [&](const CompileModelOptions& how) {
    const absl::StatusOr<CompiledModel> compiled = CompileModel(graph, how);
    EXPECT_TRUE(compiled.ok()) << compiled.status();
    return LoadedPackage(*compiled).Run();
  };
  const std::vector<Tensor> expected = run(reference), untuned = run(options), other = run(tuned);
  ASSERT_EQ(untuned.size(), graph.outputs.size());
  for (size_t i = 0; i < expected.size(); ++i) {
    SCOPED_TRACE(graph.output_names[i]);
    EXPECT_LE(graph_testing::LargestError({expected[i]}, {untuned[i]}), 1e-4);
    EXPECT_LE(graph_testing::LargestError({expected[i]}, {other[i]}), 1e-4);
  }
}

INSTANTIATE_TEST_SUITE_P(Networks, LayerByLayer,
                         testing::Values(Network{"mlp", 0}, Network{"resnet18", 64},
                                         Network{"squeezenet1_1", 64}, Network{"mobilenet_v1", 64},
                                         Network{"mobilenet_v2", 64}),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace tilewright
