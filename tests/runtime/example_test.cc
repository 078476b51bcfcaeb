// The C example as a user runs it: its own process, the shared library.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <array>
#include <cstdio>

#include "tests/paths.h"
#include "tests/runtime/tiny_package.h"

namespace tilewright {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

struct Outcome {
  std::string text;
  int exit_code;
};

Outcome Classify(const std::string& arguments) {
  FILE* pipe = popen((TILEWRIGHT_BIN_DIR "/classify " + arguments + " 2>&1").c_str(), "r");
  std::string text;
  for (std::array<char, 256> line; fgets(line.data(), line.size(), pipe);) text += line.data();
  return {text, WEXITSTATUS(pclose(pipe))};
}

TEST(Example, PrintsTheBestClasses) {
  const TemporaryFile package(TinyPackage());
  const Outcome outcome = Classify(package.path());
  EXPECT_EQ(outcome.exit_code, 0) << outcome.text;
  EXPECT_THAT(outcome.text, StartsWith("class 999 score 1001\nclass 998 score 999.996\n"));
}

TEST(Example, ReadsItsInputFromAFile) {
  std::vector<float> image(kTinySize, 0.0f);
  image[5] = 1e6f;
  const TemporaryFile package(TinyPackage());
  const TemporaryFile input(
      std::string(reinterpret_cast<const char*>(image.data()), image.size() * 4));
  const Outcome outcome = Classify(package.path() + " " + input.path());
  EXPECT_THAT(outcome.text, StartsWith("class 5 score 2e+06\n"));
}

TEST(Example, TellsWhatIsWrong) {
  EXPECT_EQ(Classify("").exit_code, 2);
  const Outcome missing = Classify("/nonexistent.tar");
  EXPECT_EQ(missing.exit_code, 1);
  EXPECT_THAT(missing.text, HasSubstr("No such file"));
}

}  // namespace
}  // namespace tilewright
