// Every strategy tunes real layers: compiled, verified and timed by a worker.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/cli/command_line.h"
#include "tuner/search/searcher.h"

namespace tilewright {
namespace {

class Strategies : public testing::TestWithParam<std::string> {};

TEST_P(Strategies, TuneAConvolutionAndADenseLayer) {
  const CommandLine tw;
  ASSERT_EQ(tw.Run("zoo resnet18 --image 32 -o m.onnx").exit_code, 0);
  const auto tasks = nlohmann::json::parse(tw.Run("tasks m.onnx --json").out);
  const CommandResult tuned = tw.Run("tune m.onnx --tasks 2," + std::to_string(tasks.size() - 1) +
                                     " --records r.db --trials 32 --seed 1 --tuner " + GetParam());
  ASSERT_EQ(tuned.exit_code, 0) << tuned.err;
  for (const std::string op : {"conv2d", "dense"}) {
    const auto rows =
        nlohmann::json::parse(tw.Run("history --records r.db --limit 100 --json --op " + op).out);
    EXPECT_GE(rows.size(), 8u) << op;
    const auto best = nlohmann::json::parse(tw.Run("best --records r.db --json --op " + op).out);
    EXPECT_EQ(best.size(), 1u) << op;
  }
}

std::vector<std::string> Names() {
  std::vector<std::string> names;
  for (const SearcherEntry& entry : Searchers()) names.push_back(entry.name);
  return names;
}

INSTANTIATE_TEST_SUITE_P(OfTheCatalogue, Strategies, testing::ValuesIn(Names()),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace tilewright
