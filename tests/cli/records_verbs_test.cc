#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "cli/user_name.h"
#include "records/formats/autotvm_log.h"
#include "records/store/record_store.h"
#include "runtime/package.h"
#include "tests/cli/command_line.h"

namespace tilewright {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::HasSubstr;

// Records of a template that is not in the catalogue: imports cannot check their configs.
Record UncheckedRecord(const std::string& run_id, double seconds) {
  Record record = SampleRecord(run_id, seconds);
  record.task.template_name = "conv2d_other.cpu";
  return record;
}

std::string SampleLog() {
  Record failure = SampleFailure("crash");
  failure.task.template_name = "conv2d_other.cpu";
  std::string log = "# a comment\n";
  for (const Record& record :
       {UncheckedRecord("slow", 3e-3), UncheckedRecord("fast", 1e-3), failure}) {
    log += EncodeLogLine(record).value() + "\n";
  }
  return log;
}

TEST(RecordsVerbs, ExportGivesBackWhatWasImported) {
  const CommandLine command;
  WriteAll(command / "in.log", SampleLog());
  const CommandResult import = command.Run("records import in.log");
  EXPECT_EQ(import.exit_code, 0) << import.err;
  EXPECT_THAT(import.err, HasSubstr("3 imported, 0 duplicates, 0 refused"));
  const CommandResult again = command.Run("records import in.log");
  EXPECT_THAT(again.err, HasSubstr("0 imported, 3 duplicates, 0 refused"));
  ASSERT_EQ(command.Run("records export -o out.log").exit_code, 0);
  EXPECT_EQ("# a comment\n" + ReadAll(command / "out.log"), SampleLog());
  EXPECT_EQ("# a comment\n" + command.Run("records export -o -").out, SampleLog());
}

TEST(RecordsVerbs, WhatIsNoRecordIsSaidWithoutTheNameOfAnException) {
  const CommandLine command;
  WriteAll(command / "broken.log", "{\"a\n{\"a\": 1}\n");
  const CommandResult import = command.Run("records import broken.log");
  EXPECT_EQ(import.exit_code, 3);
  EXPECT_THAT(import.err, HasSubstr("line 1: no JSON: parse error at line 1"));
  EXPECT_THAT(import.err, HasSubstr("of another type: key 'version' not found"));
  EXPECT_THAT(import.err, testing::Not(HasSubstr("json.exception")));
}

TEST(RecordsVerbs, AFarmsAddressHasAPort) {
  const CommandLine command;
  for (const char* address : {"''", "farm.example", "farm.example:", "farm.example:http", ":9190",
                              "farm.example:99999", "unix:"}) {
    const CommandResult result = command.Run(std::string("jobs --insecure --server ") + address);
    EXPECT_EQ(result.exit_code, 2) << address;
    EXPECT_THAT(result.err, HasSubstr("is no farm's address: give HOST:PORT or unix:PATH"));
  }
}

TEST(RecordsVerbs, WhatIsOnlyReadFromIsNotWrittenTo) {
  const CommandLine command;
  ASSERT_EQ(command.Run("zoo mlp -o mlp.onnx").exit_code, 0);
  WriteAll(command / "in.log", SampleLog());
  for (const char* line :
       {"tune mlp.onnx --trials 1", "records import in.log", "serve --listen unix:s"}) {
    for (const char* records : {"none", "farm:127.0.0.1:9190"}) {
      const CommandResult result = command.Run(absl::StrCat(line, " --records ", records));
      EXPECT_EQ(result.exit_code, 2) << line << ": " << result.err;
      EXPECT_THAT(result.err, HasSubstr("is only read from; name a records file")) << line;
      EXPECT_FALSE(std::filesystem::exists(command / records)) << line;
    }
  }
}

TEST(RecordsVerbs, BestAndHistoryReadFilesAndLogsAlike) {
  const CommandLine command;
  WriteAll(command / "in.log", SampleLog());
  ASSERT_EQ(command.Run("records import in.log --records own.db").exit_code, 0);
  for (const std::string from : {"--records own.db", "--records in.log"}) {
    const json best = json::parse(command.Run("best --json " + from).out);
    ASSERT_EQ(best.size(), 1u);
    EXPECT_EQ(best[0]["run_id"], "fast");
    const json newest = json::parse(command.Run("history --json --limit 2 " + from).out);
    ASSERT_EQ(newest.size(), 2u);
    EXPECT_EQ(newest[0]["run_id"], "fast");
    EXPECT_EQ(newest[1]["outcome"], "crash");
    EXPECT_EQ(newest[1]["message"], "signal 11\nin the kernel");
  }
  EXPECT_EQ(json::parse(command.Run("best --json --key rpi4 --records own.db").out).size(), 0u);
  EXPECT_THAT(command.Run("best --records own.db").out, HasSubstr("conv2d_other.cpu"));
}

TEST(RecordsVerbs, WithoutADefaultFileThereAreNoRecords) {
  const CommandLine command;
  const CommandResult best = command.Run("best --json");
  EXPECT_EQ(best.exit_code, 0) << best.err;
  EXPECT_EQ(json::parse(best.out).size(), 0u);
  EXPECT_FALSE(std::filesystem::exists(command / "default.db"));
}

TEST(RecordsVerbs, PickBestKeepsOneLine) {
  const CommandLine command;
  WriteAll(command / "in.log", SampleLog());
  const CommandResult result = command.Run("records pick-best in.log -o -");
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.out, EncodeLogLine(UncheckedRecord("fast", 1e-3)).value() + "\n");
}

TEST(RecordsVerbs, BackupAndCheck) {
  const CommandLine command;
  WriteAll(command / "in.log", SampleLog());
  ASSERT_EQ(command.Run("records import in.log").exit_code, 0);
  ASSERT_EQ(command.Run("records backup -o copy.db").exit_code, 0);
  EXPECT_EQ(command.Run("records check --records copy.db").out, "copy.db: 3 records, sound\n");
  EXPECT_NE(command.Run("records backup -o copy.db").exit_code, 0);
}

TEST(RecordsVerbs, ARevokedRecordIsGoneAndThePackagesThatUsedItAreFound) {
  const CommandLine command;
  WriteAll(command / "in.log", SampleLog());
  ASSERT_EQ(command.Run("records import in.log").exit_code, 0);
  const CommandResult revoke =
      command.Run("records revoke --id fast --worker worker-1 --reason 'its clock was off'");
  EXPECT_EQ(revoke.exit_code, 0) << revoke.err;
  EXPECT_EQ(revoke.out, "fast\n");
  EXPECT_EQ(json::parse(command.Run("best --json").out)[0]["run_id"], "slow");
  EXPECT_EQ(command.Run("records export -o -").out.find("its clock"), std::string::npos);
  const json revoked = json::parse(command.Run("history --revoked --json").out);
  ASSERT_EQ(revoked.size(), 1u);
  EXPECT_EQ(revoked[0]["run_id"], "fast");
  EXPECT_EQ(revoked[0]["revoked"], "its clock was off");
  EXPECT_THAT(command.Run("history --revoked").out, HasSubstr("its clock was off"));
  EXPECT_THAT(command.Run("records import in.log").err, HasSubstr("0 imported, 3 duplicates"));
  EXPECT_THAT(command.Run("records check").out, HasSubstr("3 records, sound"));

  const Manifest used{.model = "m", .target = "cpu", .created_by = "t", .records = {"fast", "x"}};
  const Manifest other{.model = "m", .target = "cpu", .created_by = "t", .records = {"slow"}};
  WriteAll(command / "used.tar", WritePackage(used, {ExecutionPlan()}, "", ""));
  WriteAll(command / "other.tar", WritePackage(other, {ExecutionPlan()}, "", ""));
  const CommandResult found = command.Run("records revoked --json used.tar other.tar");
  EXPECT_EQ(json::parse(found.out), json::parse(R"([{"package":"used.tar","record":"fast","by":")" +
                                                UserName() + R"(","reason":"its clock was off"}])"))
      << found.err;
  EXPECT_THAT(command.Run("records revoked used.tar other.tar").out,
              testing::ContainsRegex("package +record +by +reason\nused.tar +fast +" + UserName() +
                                     " +its clock was off\n"));
}

TEST(RecordsVerbs, RevokeByBuilderTakesWhatItBuiltForOthers) {
  const CommandLine command;
  Record built = UncheckedRecord("built", 1e-3);
  built.builder = "rack1";
  WriteAll(command / "in.log", SampleLog() + EncodeLogLine(built).value() + "\n");
  ASSERT_EQ(command.Run("records import in.log").exit_code, 0);
  const std::string why = " --reason 'an old compiler'";
  EXPECT_EQ(command.Run("records revoke --builder worker-1" + why).exit_code, 3);
  const CommandResult revoke = command.Run("records revoke --builder rack1" + why);
  EXPECT_EQ(revoke.exit_code, 0) << revoke.err;
  EXPECT_EQ(revoke.out, "built\n");
}

TEST(RecordsVerbs, RevokeByTimeTakesWhatWasMeasuredInBetween) {
  const CommandLine command;
  WriteAll(command / "in.log", SampleLog());
  ASSERT_EQ(command.Run("records import in.log").exit_code, 0);
  const std::string why = " --reason drifted";
  EXPECT_EQ(command.Run("records revoke --until 1795000000" + why).exit_code, 3);
  EXPECT_EQ(command.Run("records revoke --since 1795000000 --until 2026-13-40" + why).exit_code, 2);
  const CommandResult all =
      command.Run("records revoke --since 1795000000 --until 1795000001" + why);
  EXPECT_THAT(all.err, HasSubstr("3 records revoked"));
  EXPECT_EQ(json::parse(command.Run("records revoked --json").out).size(), 3u);
  EXPECT_EQ(command.Run("records revoke --reason everything").exit_code, 2);
  const CommandResult broken = command.Run("records revoke --id fast --reason 'no \xFF text'");
  EXPECT_EQ(broken.exit_code, 2);
  EXPECT_THAT(broken.err, HasSubstr("not one line of UTF-8"));
}

TEST(RecordsVerbs, PruneKeepsTheNewestAndWhatPackagesUsed) {
  const CommandLine command;
  {
    std::vector<Record> records;
    for (int i = 0; i < 40; ++i) {
      records.push_back(SampleRecord("run-" + std::to_string(i), 1e-3 * (1 + i)));
      records.back().config.entities.back().second = OtherEntity{int64_t{i}};
    }
    const auto store = OpenSqliteStore(command / "default.db").value();
    ASSERT_TRUE(store->Append(records).ok());
  }
  const Manifest used{.model = "m", .target = "cpu", .created_by = "t", .records = {"run-20"}};
  WriteAll(command / "used.tar", WritePackage(used, {ExecutionPlan()}, "", ""));
  EXPECT_EQ(command.Run("records prune --older-than 1h --keep 5 --dry-run used.tar").out,
            "18 records would be removed, 22 left\n")
      << "of 40 the fastest 16, the newest 5 and the one used stay";
  EXPECT_EQ(command.Run("records prune --keep 5 used.tar").out, "18 records removed, 22 left\n");
  EXPECT_THAT(command.Run("history --limit 0 --json").out, HasSubstr("run-20"));
  EXPECT_EQ(command.Run("records prune").exit_code, 2);
  EXPECT_EQ(command.Run("records prune --older-than soon").exit_code, 2);
  EXPECT_EQ(command.Run("records prune --keep 5 default.db").exit_code, 3) << "no package";
}

TEST(RecordsVerbs, BadInputIsExitCode3) {
  const CommandLine command;
  WriteAll(command / "noise.db", std::string(9000, 'x'));
  WriteAll(command / "noise.log", "not a log\n");
  for (const char* arguments :
       {"records check --records noise.db", "best --records noise.db", "best --records none.db",
        "records import none.log", "records import noise.log", "records pick-best none.log -o -",
        "records import noise.log --records noise.db"}) {
    const CommandResult result = command.Run(arguments);
    EXPECT_EQ(result.exit_code, 3) << arguments << ": " << result.err;
    EXPECT_EQ(result.out, "") << arguments;
    EXPECT_THAT(result.err, HasSubstr("tilewright ")) << arguments;
  }
  EXPECT_EQ(ReadAll(command / "noise.db"), std::string(9000, 'x'));
}

// Bytes of a command's output, as a file of the folder.
void Pipe(const CommandLine& command, const std::string& line) {
  ASSERT_EQ(std::system(("cd '" + command / "" + "' && " + line).c_str()), 0) << line;
}

TEST(RecordsVerbs, LogsAreReadAsUsersHaveThem) {
  const CommandLine command;
  const std::string log = SampleLog();
  std::string crlf;
  for (const char c : log) crlf += c == '\n' ? "\r\n" : std::string(1, c);
  WriteAll(command / "mark.log", "\xEF\xBB\xBF" + log);
  WriteAll(command / "crlf.log", crlf);
  WriteAll(command / "blank.log", "\n \n" + log);
  WriteAll(command / "cut.log", "1.5], 0, 1.2, 1.0]}\n" + log);
  WriteAll(command / "plain.log", log);
  Pipe(command, "gzip -k plain.log");
  for (const char* name : {"mark.log", "crlf.log", "blank.log", "cut.log", "plain.log.gz"}) {
    const CommandResult best = command.Run(std::string("best --json --records ") + name);
    ASSERT_EQ(best.exit_code, 0) << name << ": " << best.err;
    EXPECT_EQ(json::parse(best.out).size(), 1u) << name;
    const CommandResult picked = command.Run(std::string("records pick-best -o - ") + name);
    EXPECT_EQ(picked.exit_code, 0) << name << ": " << picked.err;
    EXPECT_EQ(picked.out, EncodeLogLine(UncheckedRecord("fast", 1e-3)).value() + "\n") << name;
  }
}

TEST(RecordsVerbs, WhatIsNoLogIsRefusedWithItsKind) {
  const CommandLine command;
  WriteAll(command / "plain.log", SampleLog());
  WriteAll(command / "utf16.log", std::string("\xFF\xFE{\0\"\0", 6));
  WriteAll(command / "binary.log", std::string(100, '\0'));
  Pipe(command, "gzip -k plain.log && head -c 200 plain.log.gz > cut.gz && mkfifo pipe");
  const std::pair<const char*, const char*> cases[] = {
      {".", "is a folder"},   {"/dev/zero", "is a device"}, {"/dev/null", "is a device"},
      {"utf16.log", "iconv"}, {"binary.log", "not text"},   {"cut.gz", "cut short"}};
  for (const auto& [name, why] : cases) {
    for (const std::string verb :
         {"records import ", "records pick-best -o out.log ", "best --records "}) {
      const CommandResult result = command.Run(verb + name);
      EXPECT_EQ(result.exit_code, 3) << verb << name << ": " << result.err;
      EXPECT_THAT(result.err, HasSubstr(why)) << verb << name;
    }
  }
  EXPECT_FALSE(std::filesystem::exists(command / "out.log"));
  // A pipe that nobody writes to holds nothing, and nobody waits for it.
  EXPECT_THAT(command.Run("records import pipe").err, HasSubstr("0 imported"));
}

TEST(RecordsVerbs, ImportNamesTemplatesOfOtherSystems) {
  const CommandLine command;
  WriteAll(command / "in.log", SampleLog());
  EXPECT_THAT(command.Run("records import in.log").err,
              testing::ContainsRegex("3 +foreign +conv2d_other.cpu"));
}

TEST(RecordsVerbs, TrainNeedsRecordsAndItsModelIsAFileOfItsOwn) {
  const CommandLine command;
  const CommandResult nothing = command.Run("train -o cost.model");
  EXPECT_EQ(nothing.exit_code, 3);
  EXPECT_THAT(nothing.err, HasSubstr("no record to learn from; `tilewright tune` makes them"));
  EXPECT_FALSE(std::filesystem::exists(command / "cost.model"));
  EXPECT_EQ(command.Run("zoo mlp -o mlp.onnx").exit_code, 0);
  const CommandResult none = command.Run("tune mlp.onnx --cost-model missing");
  EXPECT_EQ(none.exit_code, 3);
  EXPECT_THAT(none.err, HasSubstr("cannot read missing"));
  const CommandResult wrong = command.Run("tune mlp.onnx --cost-model mlp.onnx");
  EXPECT_EQ(wrong.exit_code, 3);
  EXPECT_THAT(wrong.err, HasSubstr("mlp.onnx: not a cost model of this version"));
}

TEST(RecordsVerbs, WhatIsNoRegularFileHoldsNoRecordsAndIsNotTouched) {
  const CommandLine command;
  WriteAll(command / "in.log", SampleLog());
  fs::create_directory(command / "folder");
  ASSERT_EQ(mkfifo((command / "pipe").c_str(), 0600), 0);
  for (const std::string& name : {std::string("folder"), std::string("pipe")}) {
    for (const char* verb : {"records import in.log", "records check", "records backup -o copy.db",
                             "records prune --older-than 90d"}) {
      const CommandResult result = command.Run(std::string(verb) + " --records " + name);
      EXPECT_EQ(result.exit_code, 3) << verb << " " << name << ": " << result.err;
      EXPECT_THAT(result.err, HasSubstr("holds no records")) << verb << " " << name;
    }
    EXPECT_FALSE(fs::exists(command / (name + ".lock")));
  }
  EXPECT_FALSE(fs::exists(command / "copy.db"));
}

TEST(RecordsVerbs, NoNameMeansMemory) {
  const CommandLine command;
  WriteAll(command / "in.log", SampleLog());
  EXPECT_EQ(command.Run("records import in.log --records :memory:").exit_code, 0);
  EXPECT_TRUE(fs::is_regular_file(command / ":memory:"));
  EXPECT_EQ(command.Run("records check --records :memory:").exit_code, 0);
}

TEST(RecordsVerbs, WhatIsUnavailableIsExitCode4) {
  const CommandLine command;
  WriteAll(command / "in.log", SampleLog());
  const auto writer = OpenSqliteStore(command / "default.db").value();
  const CommandResult locked = command.Run("records import in.log");
  EXPECT_EQ(locked.exit_code, 4);
  EXPECT_THAT(locked.err, HasSubstr("another process is writing"));
  EXPECT_EQ(command.Run("records export -o no/such/folder.log").exit_code, 4);
}

}  // namespace
}  // namespace tilewright
