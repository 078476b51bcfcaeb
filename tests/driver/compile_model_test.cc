// Graphs compiled to packages, loaded by the runtime and compared with the interpreter.
#include "compiler/driver/compile_model.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "compiler/operators/workload_rules.h"
#include "compiler/targets/target_backend.h"
#include "compiler/templates/template.h"
#include "tests/driver/loaded_package.h"
#include "tests/graph/graph_builder.h"

namespace tilewright {
namespace {

using graph_testing::GraphBuilder;

// A residual block between a stem and a classifier; every template but batch_matmul.
Graph SmallNetwork() {
  GraphBuilder b;
  ValueId x = b.Relu(b.BatchNorm(
      b.Conv("stem", b.Input("data", {1, 3, 12, 12}), {.channels = 32, .kernel = 3, .pad = 1})));
  for (int i = 0; i < 2; ++i) {
    const ValueId y = b.Relu(b.BatchNorm(b.Conv("conv", x, {.channels = 32})));
    x = b.Relu(
        b.Add(b.Conv("depthwise", y, {.channels = 32, .kernel = 3, .pad = 1, .groups = 32}), x));
  }
  const ValueId pooled = b.Reshape(b.GlobalAveragePool(b.MaxPool(x, 2, 2)), {1, 32});
  return b.Finish({b.Bias(b.Dense("classifier", pooled, 10))});
}

TEST(CompileModel, AgreesWithTheDefinitions) {
  const Graph graph = SmallNetwork();
  LoadedPackage loaded(Compile(graph, HostOptions()));
  EXPECT_LT(graph_testing::LargestError(graph_testing::Evaluate(graph), loaded.Run()), 1e-4);
  // The same again: no state is left in the arena that matters.
  EXPECT_LT(graph_testing::LargestError(graph_testing::Evaluate(graph), loaded.Run()), 1e-4);
}

TEST(CompileModel, CompilesTheDefinitionsWithoutAnyPassAsReference) {
  const Graph graph = SmallNetwork();
  CompileModelOptions options = HostOptions();
  options.reference = true;
  const CompiledModel compiled = Compile(graph, options);
  LoadedPackage loaded(compiled);
  EXPECT_TRUE(compiled.untuned.empty());
  EXPECT_EQ(loaded.model().plan().calls.size(), graph.nodes.size() - 1);  // the reshape is free
  EXPECT_LT(graph_testing::LargestError(graph_testing::Evaluate(graph), loaded.Run()), 1e-5);
}

TEST(CompileModel, CompilesEqualLayersOnce) {
  LoadedPackage loaded(Compile(SmallNetwork(), HostOptions()));
  std::multiset<std::string> kernels;
  for (const auto& call : loaded.model().plan().calls) kernels.insert(call.kernel);
  // Stem, twice two layers, two pools, dense.
  EXPECT_EQ(kernels.size(), 8u);
  EXPECT_EQ(std::set<std::string>(kernels.begin(), kernels.end()).size(), 6u);
}

TEST(CompileModel, TakesTheBestRecordAndListsWhatHasNone) {
  CompileModelOptions options = HostOptions();
  const CompiledModel untuned = Compile(SmallNetwork(), options);
  ASSERT_EQ(untuned.untuned.size(), 4u);
  std::set<std::string> asked;
  options.lookup = [&](const Workload& workload,
                       const Target& target) -> absl::StatusOr<std::optional<BestConfig>> {
    asked.insert(workload.Key());
    if (workload.op == "dense") return std::nullopt;
    const TemplateEntry entry = MatchingTemplates(workload, target).front();
    const ConfigSpace space = entry.impl->Space(workload, target);
    Rng rng(3);
    return BestConfig{entry.name, space.At(*space.Sample(rng)), 1e-5, "run-" + workload.Key()};
  };
  const Graph graph = SmallNetwork();
  const CompiledModel tuned = Compile(graph, options);
  EXPECT_EQ(asked, std::set<std::string>(untuned.untuned.begin(), untuned.untuned.end()));
  ASSERT_EQ(tuned.untuned.size(), 1u);
  EXPECT_EQ(tuned.untuned[0].substr(0, 6), "dense(");
  EXPECT_EQ(tuned.manifest.records.size(), 3u);
  for (const std::string& run : tuned.manifest.records) EXPECT_TRUE(asked.contains(run.substr(4)));
  LoadedPackage loaded(tuned);
  EXPECT_LT(graph_testing::LargestError(graph_testing::Evaluate(graph), loaded.Run()), 1e-4);
}

TEST(CompileModel, TreatsARecordOutsideTheSpaceAsNone) {
  CompileModelOptions options = HostOptions();
  options.lookup = [](const Workload& workload,
                      const Target& target) -> absl::StatusOr<std::optional<BestConfig>> {
    return BestConfig{MatchingTemplates(workload, target).front().name, Config{}, 1e-5};
  };
  EXPECT_EQ(Compile(SmallNetwork(), options).untuned.size(), 4u);
}

TEST(CompileModel, GivesEveryOutputItsOwnBuffer) {
  GraphBuilder b;
  const ValueId x = b.Input("x", {2, 3});
  const ValueId constant = b.Constant("c", {4});
  const ValueId y = b.Relu(x);
  const Graph graph = b.Finish({y, x, constant, y, b.Reshape(y, {6}), b.Bias(y)});
  const std::vector<Tensor> expected = graph_testing::Evaluate(graph);
  for (bool reference : {false, true}) {
    CompileModelOptions options = HostOptions();
    options.reference = reference;
    LoadedPackage loaded(Compile(graph, options));
    EXPECT_EQ(graph_testing::LargestError(expected, loaded.Run()), 0) << reference;
    EXPECT_EQ(loaded.model().outputs()[3].tensor->name, "y3");
  }
}

// Their kernels transform weights at compile time (Winograd's algorithm, where it is chosen).
TEST(CompileModel, LayersOfOneShapeMayShareTheirWeights) {
  GraphBuilder b;
  const ValueId x = b.Input("x", {1, 64, 30, 30}), y = b.Input("y", {1, 64, 30, 30});
  const ValueId left = b.Conv("left", x, {.channels = 64, .kernel = 3, .pad = 1});
  const ValueId right = b.Conv("right", y, {.channels = 64, .kernel = 3, .pad = 1});
  b.graph().nodes[1].inputs[1] = b.graph().nodes[0].inputs[1];
  const Graph graph = b.Finish({b.Relu(left), b.Relu(right)});
  LoadedPackage loaded(Compile(graph, HostOptions()));
  EXPECT_LT(graph_testing::LargestError(graph_testing::Evaluate(graph), loaded.Run()), 1e-4);
}

TEST(CompileModel, MakesWhatIsReshapedToAnOutputInThatOutput) {
  GraphBuilder b;
  const ValueId y = b.Relu(b.Input("x", {2, 3}));
  const ValueId made = b.Relu(y);  // read by others before and after it is an output
  const Graph graph = b.Finish({b.Add(y, b.Reshape(b.Reshape(made, {6}), {2, 3})),
                                b.Reshape(made, {6}), b.Reshape(made, {1, 6})});
  CompileModelOptions options = HostOptions();
  options.reference = true;  // one call a node
  LoadedPackage loaded(Compile(graph, options));
  EXPECT_EQ(loaded.model().plan().calls.size(), 4u);  // two maps, a sum, one copy
  EXPECT_EQ(graph_testing::LargestError(graph_testing::Evaluate(graph), loaded.Run()), 0);
}

TEST(CompileModel, DumpsEveryStage) {
  CompileModelOptions options = HostOptions();
  options.dump_dir = TempPath("dump");
  Compile(SmallNetwork(), options);
  const std::filesystem::path dir(options.dump_dir);
  for (const char* name : {"00_import.txt", "01_eliminate_dead_nodes.txt",
                           "15_cancel_layout_changes.txt", "kernels/kernels.s"}) {
    EXPECT_TRUE(std::filesystem::exists(dir / name)) << name;
  }
  std::filesystem::remove_all(dir);
}

TEST(CompileModel, NamesAFileThatCannotBeWritten) {
  const std::string file = TempPath("file");
  std::ofstream(file) << "not a folder";
  CompileModelOptions options = HostOptions();
  options.dump_dir = file;
  const absl::Status status = CompileModel(SmallNetwork(), options).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kPermissionDenied);
  EXPECT_NE(status.message().find("00_import.txt"), absl::string_view::npos);
  std::filesystem::remove(file);
}

TEST(ExtractTasks, ListsEachWorkloadWithItsCountAndSpace) {
  const Target target = ResolveTarget({}).value();
  const absl::StatusOr<std::vector<ModelTask>> tasks = ExtractTasks(SmallNetwork(), target, {});
  ASSERT_TRUE(tasks.ok()) << tasks.status();
  ASSERT_EQ(tasks->size(), 4u);
  const std::vector<int> counts = {1, 2, 2, 1};
  for (size_t i = 0; i < tasks->size(); ++i) {
    const ModelTask& task = (*tasks)[i];
    EXPECT_EQ(task.count, counts[i]) << KeyOf(task.task);
    EXPECT_GT(task.space_size, 0u);
    EXPECT_EQ(task.flops, Flops(task.task.workload));
    EXPECT_EQ(task.task.target, target);
  }
}

}  // namespace
}  // namespace tilewright
