// Two hundred random models of operators of every family, compiled with all passes and with none,
// give what the reference interpreter gives.
#include <gtest/gtest.h>

#include "compiler/onnx/import.h"
#include "tests/onnx/evaluate.h"
#include "tests/onnx/random_model.h"
#include "tests/onnx/run_both.h"

namespace tilewright {
namespace {

// As large as a layer by Winograd's transforms may differ.
constexpr double kTolerance = 1e-3;
constexpr uint64_t kSeedsOfATest = 10;

PipelineOptions NoPasses() {
  PipelineOptions options;
  for (const PassInfo& pass : Passes()) options.disabled.insert(pass.name);
  return options;
}

void ExpectAllSame(const std::vector<Tensor>& compiled, const std::vector<Tensor>& expected) {
  ASSERT_EQ(compiled.size(), expected.size());
  for (size_t i = 0; i < expected.size(); ++i) {
    SCOPED_TRACE("output " + std::to_string(i));
    ExpectSame(compiled[i], expected[i], kTolerance);
  }
}

void CompareRuns(uint64_t seed) {
  const RandomModel random(seed);
  const absl::StatusOr<Graph> graph = ImportOnnx(random.model().Bytes(), {});
  ASSERT_TRUE(graph.ok()) << graph.status();
  const auto expected = EvaluateGraph(*graph, random.inputs());
  ASSERT_TRUE(expected.ok()) << expected.status();
  {
    SCOPED_TRACE("all passes");
    ExpectAllSame(RunCompiled(*graph, random.inputs()), *expected);
  }
  SCOPED_TRACE("no pass");
  ExpectAllSame(RunCompiled(*graph, random.inputs(), NoPasses()), *expected);
}

class RandomModels : public ::testing::TestWithParam<uint64_t> {};

TEST_P(RandomModels, GiveWhatTheInterpreterGivesWithAndWithoutPasses) {
  for (uint64_t i = 0; i < kSeedsOfATest; ++i) {
    const uint64_t seed = GetParam() * kSeedsOfATest + i;
    std::cout << "seed " << seed << std::endl;
    SCOPED_TRACE("seed " + std::to_string(seed));
    CompareRuns(seed);
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomModels, ::testing::Range<uint64_t>(0, 20));

}  // namespace
}  // namespace tilewright
