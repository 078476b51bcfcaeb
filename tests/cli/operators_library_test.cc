// Operators from a shared library, whose code may do anything.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "absl/strings/str_cat.h"
#include "tests/cli/command_line.h"
#include "tests/paths.h"

namespace tilewright {
namespace {

using testing::AnyOf;
using testing::HasSubstr;

constexpr char kModel[] = TILEWRIGHT_SOURCE_DIR "/examples/operators/left_half.onnx";

CommandResult Compile(const CommandLine& tw, const std::string& behaviour) {
  return tw.Run(absl::StrCat("compile ", kModel, " --records none -o m.tar --operators ",
                             OPERATORS_FOLDER "/operators_", behaviour, ".so"));
}

TEST(OperatorsLibrary, ItsTextIsThatOfAFile) {
  const CommandLine tw;
  const CommandResult compiled = Compile(tw, "GOOD");
  ASSERT_EQ(compiled.exit_code, 0) << compiled.err;
  EXPECT_EQ(tw.Run("run m.tar --fill random").exit_code, 0);
  EXPECT_EQ(
      tw.Run(absl::StrCat("check ", kModel, " --operators " OPERATORS_FOLDER "/operators_GOOD.so"))
          .exit_code,
      0);
}

TEST(OperatorsLibrary, WhatItDoesWrongIsSaidAndNothingElseHappens) {
  const CommandLine tw;
  const auto refusal = [&](const std::string& behaviour) {
    const CommandResult compiled = Compile(tw, behaviour);
    EXPECT_EQ(compiled.exit_code, 3) << behaviour << ": " << compiled.err;
    EXPECT_THAT(compiled.err, HasSubstr(behaviour + ".so"));
    return compiled.err;
  };
  EXPECT_THAT(refusal("CRASHES"), HasSubstr("its code ended by signal 11"));
  EXPECT_THAT(refusal("HANGS"), HasSubstr("its code ended by signal 24"));  // SIGXCPU
  EXPECT_THAT(refusal("REFUSES"), HasSubstr("does not know version 1"));
  EXPECT_THAT(refusal("TALKS"), HasSubstr("TALKS.so:1:"));
  // SIGSYS where the machine has seccomp; without it the call just fails.
  for (const char* behaviour : {"WRITES", "CONNECTS"}) {
    const CommandResult compiled = Compile(tw, behaviour);
    EXPECT_THAT(compiled.err, AnyOf(HasSubstr("ended by signal 31"), HasSubstr("lacks")));
    EXPECT_FALSE(std::filesystem::exists(tw / "written"));
  }
  EXPECT_FALSE(std::filesystem::exists(tw / "m.tar"));
}

}  // namespace
}  // namespace tilewright
