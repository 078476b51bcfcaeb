// Completion scripts and the manual page, each in the program that reads it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_split.h"
#include "tests/cli/command_line.h"

namespace tilewright {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsSupersetOf;
using testing::Not;
using testing::StartsWith;

class Completion : public testing::Test {
 protected:
  // What a shell prints for a program; `form`'s script lies in the folder as "script".
  std::vector<std::string> Shell(const std::string& form, const std::string& program) {
    const CommandResult printed = command_.Run("completion " + form);
    EXPECT_EQ(printed.exit_code, 0) << printed.err;
    WriteAll(command_ / "script", printed.out);
    WriteAll(command_ / "program", program);
    WriteAll(command_ / "model.onnx", "");
    const std::string line =
        "cd '" + command_ / "" + "' && HOME=$PWD " + form + " ./program >out.txt 2>err.txt";
    EXPECT_EQ(std::system(line.c_str()), 0) << ReadAll(command_ / "err.txt");
    EXPECT_EQ(ReadAll(command_ / "err.txt"), "");
    return absl::StrSplit(ReadAll(command_ / "out.txt"), '\n', absl::SkipEmpty());
  }
  // What bash offers for the last of these words.
  std::vector<std::string> Bash(const std::string& words) {
    return Shell("bash", "source ./script\nCOMP_WORDS=(" + words +
                             ")\nCOMP_CWORD=$((${#COMP_WORDS[@]} - 1))\n_tilewright\n"
                             "printf '%s\\n' \"${COMPREPLY[@]}\"\n");
  }
  // What zsh would be told to offer: what adds matches is replaced by printing them.
  std::vector<std::string> Zsh(const std::string& words) {
    return Shell("zsh",
                 "compdef() { }\n_files() { print -l -- files }\n"
                 "compadd() { shift; print -l -- \"$@\" }\n"
                 "_describe() { print -l -- \"${(@P)@[-1]}\" }\n"
                 "source ./script\nwords=(" +
                     words + ")\nCURRENT=$#words\n_tilewright\n");
  }
  std::vector<std::string> Fish(const std::string& line) {
    return Shell("fish", "source ./script\ncomplete -C '" + line + "'\n");
  }

  CommandLine command_;
};

TEST_F(Completion, BashOffersVerbsOptionsValuesAndFiles) {
  EXPECT_THAT(Bash("tilewright comp"), ElementsAre("compare", "compile", "completion"));
  EXPECT_THAT(Bash("tilewright records im"), ElementsAre("import"));
  EXPECT_THAT(Bash("tilewright run --out"), ElementsAre("--outputs"));
  EXPECT_THAT(Bash("tilewright run --fill ''"), ElementsAre("random", "zeros", "ones"));
  EXPECT_THAT(Bash("tilewright completion z"), ElementsAre("zsh"));
  EXPECT_THAT(Bash("tilewright check mo"), ElementsAre("model.onnx"));
  EXPECT_THAT(Bash("tilewright run --inputs mo"), ElementsAre("model.onnx"));
}

TEST_F(Completion, ZshOffersVerbsOptionsValuesAndFilesWithTheirHelp) {
  EXPECT_THAT(Zsh("tilewright ''"), Contains("run:runs a compiled model and times it"));
  EXPECT_THAT(Zsh("tilewright records ''"), Contains(HasSubstr("import:")));
  EXPECT_THAT(Zsh("tilewright run --"), Contains(HasSubstr("--fill:inputs made up")));
  EXPECT_THAT(Zsh("tilewright run --fill ''"), ElementsAre("random", "zeros", "ones"));
  EXPECT_THAT(Zsh("tilewright check ''"), ElementsAre("files"));
  EXPECT_THAT(Zsh("tilewright check --target ''"), ElementsAre("files"));
}

TEST_F(Completion, FishOffersVerbsOptionsValuesAndFilesWithTheirHelp) {
  EXPECT_THAT(Fish("tilewright ru"), ElementsAre("run\truns a compiled model and times it"));
  EXPECT_THAT(Fish("tilewright records im"), Contains(HasSubstr("import\t")));
  EXPECT_THAT(Fish("tilewright run --fi"), Contains(HasSubstr("--fill\tinputs made up")));
  EXPECT_THAT(Fish("tilewright run --fill "),
              ElementsAre(StartsWith("ones\t"), StartsWith("random\t"), StartsWith("zeros\t")));
  EXPECT_THAT(Fish("tilewright completion "), IsSupersetOf({"bash", "zsh", "fish", "man"}));
  EXPECT_THAT(Fish("tilewright completion "), Not(Contains(HasSubstr("records"))));
  EXPECT_THAT(Fish("tilewright check mo"), Contains("model.onnx"));
}

TEST_F(Completion, TheManualHasEveryVerbAndOptionAndFormatsWithoutAWarning) {
  WriteAll(command_ / "page", command_.Run("completion man").out);
  const std::string line =
      "cd '" + command_ / "" +
      "' && groff -man -Tascii -P-c -P-b -P-u -rLL=200n -ww page >out.txt 2>err.txt";
  ASSERT_EQ(std::system(line.c_str()), 0);
  EXPECT_EQ(ReadAll(command_ / "err.txt"), "");
  const std::string text = ReadAll(command_ / "out.txt");
  for (const char* part :
       {"tilewright records import", "-o, --outputs TEXT", "--fill, --fill-mode random|zeros|ones",
        "Exit codes: 0 done", "$ tilewright run resnet18.tar --fill random"}) {
    EXPECT_THAT(text, HasSubstr(part));
  }
}

}  // namespace
}  // namespace tilewright
