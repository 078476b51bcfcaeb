// What `-o` may replace, for every verb that writes a file.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "absl/strings/str_cat.h"
#include "records/formats/autotvm_log.h"
#include "tests/cli/command_line.h"
#include "tests/paths.h"

namespace tilewright {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class OutputFiles : public testing::Test {
 protected:
  OutputFiles() {
    EXPECT_EQ(command_.Run("zoo mlp -o mlp.onnx").exit_code, 0);
    EXPECT_EQ(command_.Run("compile mlp.onnx -o mlp.tar --records none").exit_code, 0);
    WriteAll(command_ / "empty.log", "");
  }

  // The command lines of the verbs that write, without the file's name.
  static std::vector<std::string> Verbs() {
    return {"zoo mlp -o ",
            "compile mlp.onnx --records none -o ",
            "run mlp.tar -o ",
            "quantize mlp.onnx --to bf16 -o ",
            "records pick-best empty.log -o ",
            "records export --records none -o ",
            "train --records none -o "};
  }

  void ExpectNoDrafts() const {
    for (const auto& entry : fs::directory_iterator(command_ / "")) {
      EXPECT_THAT(entry.path().string(), testing::Not(HasSubstr(".partial")));
    }
  }

  CommandLine command_;
};

TEST_F(OutputFiles, NothingButAWritableRegularFileIsReplaced) {
  WriteAll(command_ / "kept", "kept");
  fs::create_symlink("kept", command_ / "link");
  fs::create_symlink("nowhere", command_ / "dangling");
  ASSERT_EQ(mkfifo((command_ / "pipe").c_str(), 0600), 0);
  fs::create_directory(command_ / "folder");
  WriteAll(command_ / "read_only", "kept");
  fs::permissions(command_ / "read_only", fs::perms::owner_read);
  for (const std::string& verb : Verbs()) {
    for (const char* name : {"link", "dangling", "pipe", "folder", "read_only"}) {
      const CommandResult result = command_.Run(verb + name);
      EXPECT_EQ(result.exit_code, 2) << verb << name << ": " << result.err;
      EXPECT_THAT(result.err, HasSubstr("never replaced")) << verb << name;
    }
  }
  EXPECT_EQ(ReadAll(command_ / "kept"), "kept");
  EXPECT_EQ(ReadAll(command_ / "read_only"), "kept");
  EXPECT_TRUE(fs::is_symlink(command_ / "link"));
  EXPECT_TRUE(fs::is_symlink(command_ / "dangling"));
  EXPECT_TRUE(fs::is_fifo(command_ / "pipe"));
  ExpectNoDrafts();
}

TEST_F(OutputFiles, AnInputIsNeverTheOutput) {
  fs::create_hard_link(command_ / "mlp.onnx", command_ / "same.onnx");
  const std::string model = ReadAll(command_ / "mlp.onnx"), package = ReadAll(command_ / "mlp.tar");
  WriteAll(command_ / "tuned.log", "{}\n");
  for (const char* line :
       {"compile mlp.onnx --records none -o mlp.onnx", "compile mlp.onnx -o same.onnx",
        "run mlp.tar -o mlp.tar", "records pick-best tuned.log -o ./tuned.log"}) {
    EXPECT_EQ(command_.Run(line).exit_code, 2) << line;
  }
  EXPECT_TRUE(ReadAll(command_ / "mlp.onnx") == model);
  EXPECT_TRUE(ReadAll(command_ / "mlp.tar") == package);
  EXPECT_EQ(ReadAll(command_ / "tuned.log"), "{}\n");
  ExpectNoDrafts();
}

TEST_F(OutputFiles, AFailureLeavesTheOldFileWhole) {
  WriteAll(command_ / "old", "old");
  WriteAll(command_ / "broken.onnx", "broken");
  WriteAll(command_ / "broken.npz", "broken");
  for (const char* line :
       {"zoo no_such_network -o old", "zoo mlp --batch -3 -o old", "compile broken.onnx -o old",
        "run mlp.tar -i broken.npz -o old", "run broken.onnx -o old",
        "records export --records broken.onnx -o old"}) {
    EXPECT_NE(command_.Run(line).exit_code, 0) << line;
  }
  EXPECT_EQ(ReadAll(command_ / "old"), "old");
  ExpectNoDrafts();
}

TEST_F(OutputFiles, AFileOfItsKindIsReplacedAndKeepsItsPermissions) {
  EXPECT_EQ(command_.Run("run mlp.tar --fill zeros -o old").exit_code, 0);
  const std::string old = ReadAll(command_ / "old");
  fs::permissions(command_ / "old", fs::perms::owner_read | fs::perms::owner_write);
  EXPECT_EQ(command_.Run("run mlp.tar --fill ones -o old").exit_code, 0);
  EXPECT_EQ(ReadAll(command_ / "old").substr(0, 2), "PK");
  EXPECT_NE(ReadAll(command_ / "old"), old);
  EXPECT_EQ(fs::status(command_ / "old").permissions(),
            fs::perms::owner_read | fs::perms::owner_write);
  for (const char* line : {"zoo mlp -o mlp.onnx", "compile mlp.onnx --records none -o mlp.tar"}) {
    EXPECT_EQ(command_.Run(line).exit_code, 0) << line;
  }
}

TEST_F(OutputFiles, AFileOfAnotherKindIsNeverReplaced) {
  WriteAll(command_ / "thesis.txt", "The answer is 42.\n");
  WriteAll(command_ / "settings.json", "{\"a\": 1}\n");
  for (const std::string& verb : Verbs()) {
    for (const char* name : {"thesis.txt", "settings.json"}) {
      const CommandResult result = command_.Run(verb + name);
      EXPECT_EQ(result.exit_code, 2) << verb << name << ": " << result.err;
      EXPECT_THAT(result.err, HasSubstr("never replaced")) << verb << name;
    }
  }
  EXPECT_EQ(ReadAll(command_ / "thesis.txt"), "The answer is 42.\n");
  EXPECT_EQ(ReadAll(command_ / "settings.json"), "{\"a\": 1}\n");
  ExpectNoDrafts();
}

TEST_F(OutputFiles, ADashIsNoFile) {
  for (const char* line :
       {"zoo mlp -o -", "compile mlp.onnx --records none -o -", "run mlp.tar --fill zeros -o -"}) {
    const CommandResult result = command_.Run(line);
    EXPECT_EQ(result.exit_code, 2) << line << ": " << result.err;
    EXPECT_THAT(result.err, HasSubstr("\"-\" is no file: name one")) << line;
  }
  EXPECT_FALSE(fs::exists(command_ / "-"));
}

TEST_F(OutputFiles, AnEmptyNameIsRefusedBeforeTheWork) {
  for (const std::string& verb : Verbs()) {
    const CommandResult result = command_.Run(verb + "''");
    EXPECT_EQ(result.exit_code, 2) << verb << ": " << result.err;
    EXPECT_THAT(result.err, HasSubstr("is empty")) << verb;
  }
  ExpectNoDrafts();
}

TEST_F(OutputFiles, AnEmptyFileIsReplaced) {
  WriteAll(command_ / "made.npz", "");
  EXPECT_EQ(command_.Run("run mlp.tar -o made.npz").exit_code, 0);
  EXPECT_EQ(ReadAll(command_ / "made.npz").substr(0, 2), "PK");
}

// A file that cannot grow, as on a full disk.
TEST_F(OutputFiles, AFullDiskLeavesTheOldFileWhole) {
  const std::string large = "compile mlp.onnx --records none --input-shape data:8192,1,28,28 -o ";
  ASSERT_EQ(command_.Run(large + "large.tar").exit_code, 0);
  std::string log;
  for (int i = 0; i < 1000; ++i) {
    log += EncodeLogLine(SampleRecord(absl::StrCat("r", i))).value() + "\n";
  }
  WriteAll(command_ / "large.log", log);
  for (const std::string& verb : {std::string("zoo mlp -o other.onnx"),
                                  std::string("compile mlp.onnx --records none -o mlp.tar"),
                                  std::string("quantize mlp.onnx --to bf16 -o narrow.onnx"),
                                  std::string("run large.tar --fill ones -o large.npz"),
                                  std::string("records export --records large.log -o out.log")}) {
    const std::string name = verb.substr(verb.rfind(' ') + 1), path = command_ / name;
    const bool stood = fs::exists(path);
    const std::string old = stood ? ReadAll(path) : "";
    const std::string line =
        absl::StrCat("cd '", command_ / "", "' && trap '' XFSZ && ulimit -f 256 && exec ",
                     TILEWRIGHT_BIN_DIR, "/tilewright ", verb, " >/dev/null 2>full.txt </dev/null");
    EXPECT_EQ(WEXITSTATUS(std::system(line.c_str())), 1) << verb;
    EXPECT_THAT(ReadAll(command_ / "full.txt"), HasSubstr("cannot write " + name + ": ")) << verb;
    EXPECT_EQ(fs::exists(path), stood) << verb;
    if (stood) {
      EXPECT_TRUE(ReadAll(path) == old) << verb;
    }
    ExpectNoDrafts();
  }
}

TEST_F(OutputFiles, AnInterruptedVerbLeavesNothingBehind) {
  const std::string line = absl::StrCat("cd '", command_ / "", "' && { ", TILEWRIGHT_BIN_DIR,
                                        "/tilewright run mlp.tar --fill ones --print-time --repeat "
                                        "1000000 --number 1000000 -o new.npz & ",
                                        "until ls new.npz.partial*; do sleep 0.01; done; ",
                                        "kill -TERM $!; wait $!; test $? = 143; } >/dev/null 2>&1");
  EXPECT_EQ(std::system(line.c_str()), 0);
  ExpectNoDrafts();
  EXPECT_FALSE(fs::exists(command_ / "new.npz"));
}

TEST_F(OutputFiles, TwoWritersOfOneFileDoNotMixTheirDrafts) {
  const std::string run = TILEWRIGHT_BIN_DIR "/tilewright run mlp.tar --fill ones --threads 1 -o ";
  const std::string both = absl::StrCat("cd '", command_ / "", "' && ", run, "same.npz & cd '",
                                        command_ / "", "' && ", run, "same.npz && wait $!");
  ASSERT_EQ(std::system(both.c_str()), 0);
  EXPECT_EQ(command_.Run("run mlp.tar --fill ones -o alone.npz").exit_code, 0);
  EXPECT_EQ(ReadAll(command_ / "same.npz").size(), ReadAll(command_ / "alone.npz").size());
  ExpectNoDrafts();
}

}  // namespace
}  // namespace tilewright
