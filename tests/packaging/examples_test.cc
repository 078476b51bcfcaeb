// Every command of examples/*/README.md does what the page says: lines of a code block that start
// with "$ " are run in order in a copy of the folder; where lines follow, they are what it prints.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/packaging/staging.h"

namespace tilewright {
namespace {

namespace fs = std::filesystem;

const fs::path kExamples = fs::path(TILEWRIGHT_SOURCE_DIR) / "examples";

struct Step {
  std::string command, printed;
};

// A command goes on in the next line after a backslash.
std::vector<Step> StepsOf(const fs::path& page) {
  std::vector<Step> steps;
  std::ifstream in(page);
  bool code = false;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("```")) {
      code = !code;
      continue;
    }
    if (!code) continue;
    if (line.starts_with("$ ")) {
      steps.push_back({line.substr(2), ""});
    } else if (!steps.empty() && steps.back().command.ends_with('\\')) {
      absl::StrAppend(&steps.back().command, "\n", line);
    } else if (!steps.empty()) {
      absl::StrAppend(&steps.back().printed, line, "\n");
    }
  }
  return steps;
}

std::vector<std::string> Names() {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(kExamples)) {
    if (entry.is_directory()) names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

class Example : public testing::TestWithParam<std::string> {};

TEST_P(Example, EveryCommandDoesWhatThePageSays) {
  const fs::path folder = kExamples / GetParam();
  const std::vector<Step> steps = StepsOf(folder / "README.md");
  ASSERT_FALSE(steps.empty());
  const Staging staging;
  fs::copy(folder, staging / "work", fs::copy_options::recursive);
  for (const Step& step : steps) {
    const ShellResult ran = staging.Run(step.command, "work");
    ASSERT_EQ(ran.exit_code, 0) << step.command << "\n" << ran.text;
    if (step.printed.empty()) continue;
    EXPECT_EQ(ran.text, step.printed) << step.command;
  }
}

INSTANTIATE_TEST_SUITE_P(Pages, Example, testing::ValuesIn(Names()),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace tilewright
