#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "records/autotvm_log.h"
#include "records/record_store.h"
#include "tests/cli/command_line.h"

namespace tilewright {
namespace {

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
  EXPECT_THAT(import.err, HasSubstr("3 imported, 0 duplicates, 0 skipped"));
  const CommandResult again = command.Run("records import in.log");
  EXPECT_THAT(again.err, HasSubstr("0 imported, 3 duplicates, 0 skipped"));
  ASSERT_EQ(command.Run("records export -o out.log").exit_code, 0);
  EXPECT_EQ("# a comment\n" + ReadAll(command / "out.log"), SampleLog());
  EXPECT_EQ("# a comment\n" + command.Run("records export -o -").out, SampleLog());
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
