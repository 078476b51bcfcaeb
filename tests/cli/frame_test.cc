// What holds for every verb.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "absl/strings/str_split.h"
#include "cli/exit_code.h"
#include "cli/printable.h"
#include "cli/table.h"
#include "tests/cli/command_line.h"
#include "tests/paths.h"

namespace tilewright {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

// The names after "known: ".
std::vector<std::string> KnownVerbs(const std::string& err) {
  const std::string list = err.substr(err.find("known: ") + 7);
  return absl::StrSplit(absl::string_view(list).substr(0, list.find('\n')), ", ");
}

TEST(Frame, AnUnknownVerbListsTheKnownOnes) {
  const CommandResult result = CommandLine().Run("tuen model.onnx");
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_EQ(result.out, "");
  EXPECT_THAT(result.err, StartsWith("tilewright: unknown verb \"tuen\"; known: best, "));
}

TEST(Frame, AGroupNeedsOneOfItsVerbs) {
  EXPECT_EQ(CommandLine().Run("").exit_code, 2);
  EXPECT_EQ(CommandLine().Run("records").exit_code, 2);
  const CommandResult unknown = CommandLine().Run("records improt x.log");
  EXPECT_EQ(unknown.exit_code, 2);
  EXPECT_THAT(unknown.err, HasSubstr("known: import, export, pick-best, backup, check"));
}

TEST(Frame, EveryVerbsHelpEndsWithAWorkedExample) {
  const CommandLine command;
  std::vector<std::string> verbs = KnownVerbs(command.Run("-").err + command.Run("x").err);
  ASSERT_GE(verbs.size(), 10u);
  for (const std::string& nested : KnownVerbs(command.Run("records x").err)) {
    verbs.push_back("records " + nested);
  }
  for (const std::string& verb : verbs) {
    const CommandResult help = command.Run(verb + " --help");
    EXPECT_EQ(help.exit_code, 0) << verb;
    const size_t example = help.out.find("\nExample:\n");
    ASSERT_NE(example, std::string::npos) << verb;
    EXPECT_THAT(help.out.substr(example), HasSubstr("tilewright " + verb)) << verb;
  }
}

TEST(Frame, PrintsTheVersion) {
  const CommandResult result = CommandLine().Run("--version");
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.out, StartsWith("tilewright 0."));
}

TEST(Frame, WrongOptionsAreWrongUsage) {
  const CommandResult result = CommandLine().Run("best --sideways");
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, StartsWith("tilewright best: "));
  EXPECT_THAT(result.err, HasSubstr("see tilewright best --help"));
  EXPECT_EQ(CommandLine().Run("tasks").exit_code, 2);
}

TEST(Frame, AFullDiskBehindTheOutputIsAFailure) {
  const CommandLine command;
  const std::string line =
      std::string(TILEWRIGHT_BIN_DIR "/tilewright templates >/dev/full 2>") + command / "err.txt";
  EXPECT_EQ(WEXITSTATUS(std::system(line.c_str())), 1);
  EXPECT_EQ(ReadAll(command / "err.txt"), "tilewright templates: cannot write to the output\n");
}

// Runs a line of the shell in the folder; what the command wrote to stderr.
std::string ErrorOf(const CommandLine& command, const std::string& line, int exit_code) {
  const std::string whole =
      "cd '" + command / "" + "' && " + line + " >/dev/null 2>'" + command / "err.txt" + "'";
  const int status = std::system(whole.c_str());
  EXPECT_TRUE(WIFEXITED(status)) << line;
  EXPECT_EQ(WEXITSTATUS(status), exit_code) << line << ": " << ReadAll(command / "err.txt");
  return ReadAll(command / "err.txt");
}

TEST(Frame, AWorkingFolderThatIsGoneHoldsNoModel) {
  const CommandLine command;
  const std::string gone = "mkdir gone && cd gone && rmdir ../gone && " TILEWRIGHT_BIN_DIR;
  EXPECT_THAT(ErrorOf(command, gone + "/tilewright tasks mlp.onnx --records none", 3),
              HasSubstr("mlp.onnx"));
}

TEST(Frame, ATemporaryFolderThatIsMissingIsNamed) {
  const CommandLine command;
  ErrorOf(command, TILEWRIGHT_BIN_DIR "/tilewright zoo mlp -o mlp.onnx", 0);
  const std::string line =
      "TMPDIR=/nowhere " TILEWRIGHT_BIN_DIR "/tilewright tune mlp.onnx --trials 1 --records t.db";
  EXPECT_EQ(ErrorOf(command, line, 4),
            "tilewright tune: cannot make a folder in /nowhere: No such file or directory\n");
}

TEST(Frame, ASocketsPathThatIsTooLongIsWrongUsage) {
  const CommandLine command;
  const std::string path = "/tmp/" + std::string(200, 'a');
  for (const char* verb : {"health", "jobs", "workers"}) {
    const CommandResult result = command.Run(std::string(verb) + " --server unix:" + path);
    EXPECT_EQ(result.exit_code, 2) << result.err;
    EXPECT_THAT(result.err, HasSubstr("a unix socket's path of 205 bytes, at most 107"));
  }
  const CommandResult result = command.Run("serve --listen unix:" + path + " --records f.db");
  EXPECT_EQ(result.exit_code, 2) << result.err;
  EXPECT_THAT(result.err, HasSubstr("a unix socket's path of 205 bytes, at most 107"));
  EXPECT_FALSE(std::filesystem::exists(path + ".lock"));
}

TEST(Frame, ErrorsDoNotSteerTheTerminal) {
  const CommandLine command;
  for (const char* line : {"check \"$(printf '\\033[2Jx')\"", "best \"$(printf '\\033[2Jx')\"",
                           "\"$(printf '\\033[2Jx')\""}) {
    const CommandResult result = command.Run(line);
    EXPECT_NE(result.exit_code, 0) << line;
    EXPECT_THAT(result.err, HasSubstr("\\x1b[2Jx")) << line;
    EXPECT_EQ(result.err.find('\033'), std::string::npos) << line;
  }
}

TEST(Printable, LeavesTextAndReplacesControlCharacters) {
  EXPECT_EQ(Printable("layer\t\xc3\xa9\n"), "layer\t\xc3\xa9\n");
  EXPECT_EQ(Printable("a\x1b[31m\r\x7f"), "a\\x1b[31m\\x0d\\x7f");
  EXPECT_EQ(Printable("\xc2\x9b"
                      "31m \xc2\xa0 \xc2"),
            "\\x9b31m \xc2\xa0 \xc2");
  EXPECT_EQ(Printable(std::string_view("\0", 1)), "\\x00");
}

TEST(ExitCode, FollowsTheStatus) {
  EXPECT_EQ(ExitCodeOf(absl::OkStatus()), ExitCode::kDone);
  EXPECT_EQ(ExitCodeOf(absl::InternalError("")), ExitCode::kFailed);
  EXPECT_EQ(ExitCodeOf(absl::ResourceExhaustedError("")), ExitCode::kFailed);
  EXPECT_EQ(ExitCodeOf(absl::InvalidArgumentError("")), ExitCode::kBadInput);
  EXPECT_EQ(ExitCodeOf(absl::DataLossError("")), ExitCode::kBadInput);
  EXPECT_EQ(ExitCodeOf(absl::UnimplementedError("")), ExitCode::kBadInput);
  EXPECT_EQ(ExitCodeOf(absl::OutOfRangeError("")), ExitCode::kBadInput);
  EXPECT_EQ(ExitCodeOf(absl::NotFoundError("")), ExitCode::kUnavailable);
  EXPECT_EQ(ExitCodeOf(absl::UnavailableError("")), ExitCode::kUnavailable);
  EXPECT_EQ(ExitCodeOf(absl::PermissionDeniedError("")), ExitCode::kUnavailable);
}

TEST(ExitCode, AMarkWins) {
  EXPECT_EQ(ExitCodeOf(BadInput(absl::NotFoundError("no such file"))), ExitCode::kBadInput);
  EXPECT_EQ(ExitCodeOf(UsageError("contradiction")), ExitCode::kUsage);
}

TEST(Table, AlignsNumbersRightAndTextLeft) {
  Table table({"name", "ms", "note"});
  table.Add({"a", "1.5", "x"});
  table.Add({"longer", "-", ""});
  std::ostringstream out;
  table.Print(out);
  EXPECT_EQ(out.str(),
            "name     ms  note\n"
            "a       1.5  x\n"
            "longer    -\n");
}

TEST(Table, ShowsControlCharactersOfACell) {
  Table table({"name"});
  table.Add({"a\x1b[2J"});
  std::ostringstream out;
  table.Print(out);
  EXPECT_EQ(out.str(), "name\na\\x1b[2J\n");
}

}  // namespace
}  // namespace tilewright
