// What holds for every verb.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>

#include "absl/strings/str_cat.h"
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

TEST(Frame, AWrongOptionIsSaidBeforeWhatIsMissingAndWithTheNearest) {
  const CommandLine command;
  const auto said = [&](const char* line) {
    const CommandResult result = command.Run(line);
    EXPECT_EQ(result.exit_code, 2) << line;
    return result.err.substr(0, result.err.find('\n'));
  };
  EXPECT_EQ(said("best --jsn"), "tilewright best: unknown option --jsn; near: --json");
  EXPECT_EQ(said("tune --shape=x:1"),
            "tilewright tune: unknown option --shape; near: --input-shape, --input-shapes");
  EXPECT_EQ(said("best --opp conv2d"), "tilewright best: unknown option --opp; near: --op");
  EXPECT_EQ(said("serve --embeded"), "tilewright serve: unknown option --embeded");
  EXPECT_EQ(said("--versoin"), "tilewright: unknown option --versoin; near: --version");
  EXPECT_EQ(said("--wrong best"), "tilewright best: unknown option --wrong");
}

TEST(Frame, NumbersAreThoseThatWereTyped) {
  const CommandLine command;
  for (const char* line :
       {"tune m.onnx --trials -1", "tune m.onnx --trials 0", "tune m.onnx --trials 1e3",
        "tune m.onnx --seed -1", "tune m.onnx --seed 18446744073709551616", "tune m.onnx --seed ''",
        "tune m.onnx --seed 0x10", "zoo mlp -o m.onnx --batch 99999999999999999999",
        "zoo mlp -o m.onnx --batch 0", "run m.tar -i a.npz --scale inf",
        "quantize m.onnx -o q.onnx --percentile nan", "worker --simulate x --simulated-seconds nan",
        "health --server unix:s --timeout nan"}) {
    const CommandResult result = command.Run(line);
    EXPECT_EQ(result.exit_code, 2) << line << ": " << result.err;
  }
  EXPECT_THAT(command.Run("tune m.onnx --trials -1").err,
              HasSubstr("--trials: -1 is no whole number from 0 to 18446744073709551615"));
  ASSERT_EQ(command.Run("zoo mlp --batch 010 -o octal.onnx").exit_code, 0);
  ASSERT_EQ(command.Run("zoo mlp --batch 10 -o ten.onnx").exit_code, 0);
  EXPECT_EQ(ReadAll(command / "octal.onnx"), ReadAll(command / "ten.onnx"));
}

TEST(Frame, NamesAreOneLineOfText) {
  const CommandLine command;
  for (const char* line :
       {"tune m.onnx --key ", "submit m.onnx --server unix:s --key ", "cancel --server unix:s ",
        "worker --server unix:s --key ", "worker --server unix:s --key k --name ",
        "workers --server unix:s --drain ", "best --key ", "history --job ",
        "watch --server unix:s "}) {
    for (const char* name : {"\"$(printf 'a\\377')\"", "\"$(printf 'a\\nb')\""}) {
      const CommandResult result = command.Run(absl::StrCat(line, name));
      EXPECT_EQ(result.exit_code, 2) << line << ": " << result.err;
      EXPECT_THAT(result.err, HasSubstr("not one line of UTF-8 text")) << line;
    }
  }
}

TEST(Frame, AFullDiskBehindTheOutputIsAFailure) {
  const CommandLine command;
  for (const char* line : {"templates", "templates --help", "--help", "--version"}) {
    const std::string whole = absl::StrCat(TILEWRIGHT_BIN_DIR "/tilewright ", line,
                                           " >/dev/full 2>", command / "err.txt");
    EXPECT_EQ(WEXITSTATUS(std::system(whole.c_str())), 1) << line;
    EXPECT_THAT(ReadAll(command / "err.txt"), HasSubstr(": cannot write to the output\n")) << line;
  }
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

// One that was stopped, say: its socket takes connections.
TEST(Frame, AServerThatDoesNotAnswerIsUnavailable) {
  const CommandLine command;
  const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{.sun_family = AF_UNIX};
  const std::string path = command / "s";
  ASSERT_LT(path.size(), sizeof(address.sun_path));
  path.copy(address.sun_path, path.size());
  ASSERT_EQ(bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  ASSERT_EQ(listen(fd, 10), 0);
  const CommandResult result = command.Run("health --timeout 0.5 --server unix:" + path);
  EXPECT_EQ(result.exit_code, 4) << result.err;
  EXPECT_THAT(result.err, HasSubstr("the server at unix:" + path + " does not answer in time"));
  close(fd);
}

TEST(Frame, AServerListensAtTheAddressThatWasGiven) {
  const CommandLine command;
  for (const char* address :
       {"127.0.0.1:99999", "127.0.0.1:-1", "127.0.0.1", "nonsense", "unix:"}) {
    const CommandResult result =
        command.Run(absl::StrCat("serve --records f.db --listen ", address));
    EXPECT_EQ(result.exit_code, 2) << result.err;
    EXPECT_THAT(result.err, HasSubstr("is no address to listen on: give HOST:PORT"));
  }
  EXPECT_FALSE(std::filesystem::exists(command / "f.db"));
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
