#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "records/store/maintenance.h"
#include "records/store/record_store.h"
#include "records/store/sqlite.h"
#include "tests/records/sample_records.h"

namespace tilewright {
namespace {

using testing::HasSubstr;

absl::Status Add(RecordStore& store, const Record& record) { return store.Append({&record, 1}); }

std::unique_ptr<SqliteConnection> Raw(const std::string& path) {
  return SqliteConnection::Open(path, SqliteMode::kReadWriteCreate).value();
}

void WriteFile(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

std::string ReadFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

TEST(SqliteStore, MakesTheFolderAndKeepsRecordsBetweenOpenings) {
  const TempFolder folder;
  const std::string path = folder / "a/b/records.db";
  ASSERT_TRUE(Add(*OpenSqliteStore(path).value(), SampleRecord("a")).ok());
  EXPECT_EQ(*OpenSqliteStore(path).value()->Count({}), 1);
}

TEST(SqliteStore, ASecondWriterIsToldWhoHoldsTheFile) {
  const TempFolder folder;
  const auto first = OpenSqliteStore(folder / "r.db").value();
  const auto second = OpenSqliteStore(folder / "r.db");
  EXPECT_EQ(second.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(second.status().message()), HasSubstr("another process is writing"));
}

TEST(SqliteStore, AReaderWorksBesideTheWriter) {
  const TempFolder folder;
  const auto writer = OpenSqliteStore(folder / "r.db").value();
  const auto reader = OpenSqliteStore(folder / "r.db", /*read_only=*/true);
  ASSERT_TRUE(reader.ok()) << reader.status();
  ASSERT_TRUE(Add(*writer, SampleRecord("a")).ok());
  EXPECT_EQ(*(*reader)->Count({}), 1);
  EXPECT_EQ(Add(**reader, SampleRecord("b")).code(), absl::StatusCode::kPermissionDenied);
}

// Opens and counts as somebody who may not write; 0: one record.
int CountAsReader(const std::string& path) {
  if (geteuid() == 0 && seteuid(65534) != 0) return 1;
  const auto store = OpenSqliteStore(path, /*read_only=*/true);
  return store.ok() && (*store)->Count({}).value_or(0) == 1 ? 0 : 2;
}

TEST(SqliteStore, AFileIsReadWhereNothingCanBeWritten) {
  namespace fs = std::filesystem;
  const TempFolder folder;
  const std::string shared = folder / "a #1?%";
  fs::create_directory(shared);
  ASSERT_TRUE(Add(*OpenSqliteStore(shared + "/r.db").value(), SampleRecord("a")).ok());
  fs::permissions(folder / "", fs::perms(0755));
  fs::permissions(shared + "/r.db", fs::perms(0444));
  fs::permissions(shared, fs::perms(0555));
  EXPECT_EXIT(_exit(CountAsReader(shared + "/r.db")), testing::ExitedWithCode(0), "");
  fs::permissions(shared, fs::perms::owner_all);
}

TEST(SqliteStore, ReadingAMissingFileSaysSoAndMakesNone) {
  const TempFolder folder;
  const auto store = OpenSqliteStore(folder / "none.db", /*read_only=*/true);
  EXPECT_EQ(store.status().code(), absl::StatusCode::kNotFound);
  EXPECT_FALSE(std::filesystem::exists(folder / "none.db"));
}

TEST(SqliteStore, RefusesAFileThatIsNoDatabase) {
  const TempFolder folder;
  WriteFile(folder / "r.db", std::string(5000, 'x'));
  for (const bool read_only : {false, true}) {
    const auto store = OpenSqliteStore(folder / "r.db", read_only);
    EXPECT_EQ(store.status().code(), absl::StatusCode::kDataLoss) << store.status();
    EXPECT_THAT(std::string(store.status().message()), HasSubstr("restore a backup"));
  }
}

TEST(SqliteStore, RefusesAnotherProgramsDatabaseAndLeavesItAlone) {
  const TempFolder folder;
  ASSERT_TRUE(Raw(folder / "r.db")->Execute("CREATE TABLE theirs (x)").ok());
  const auto store = OpenSqliteStore(folder / "r.db");
  EXPECT_EQ(store.status().code(), absl::StatusCode::kDataLoss) << store.status();
  EXPECT_EQ(*Raw(folder / "r.db")->QueryInt("SELECT count(*) FROM sqlite_schema"), 1);
}

TEST(SqliteStore, RefusesAStumpInsteadOfStartingAfresh) {
  const TempFolder folder;
  OpenSqliteStore(folder / "r.db").value();
  WriteFile(folder / "r.db", ReadFile(folder / "r.db").substr(0, 300));
  for (const bool read_only : {false, true}) {
    EXPECT_EQ(OpenSqliteStore(folder / "r.db", read_only).status().code(),
              absl::StatusCode::kDataLoss);
  }
}

TEST(SqliteStore, TheClosedFileIsWholeWithoutItsLog) {
  const TempFolder folder;
  {
    const auto store = OpenSqliteStore(folder / "r.db").value();
    ASSERT_TRUE(Add(*store, SampleRecord("a")).ok());
    EXPECT_EQ(*store->Count({}), 1);
  }
  EXPECT_FALSE(std::filesystem::exists(folder / "r.db-wal"));
}

TEST(SqliteStore, RefusesANewerSchema) {
  const TempFolder folder;
  OpenSqliteStore(folder / "r.db").value();
  ASSERT_TRUE(Raw(folder / "r.db")->Execute("PRAGMA user_version=99").ok());
  for (const bool read_only : {false, true}) {
    const auto store = OpenSqliteStore(folder / "r.db", read_only);
    EXPECT_EQ(store.status().code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_THAT(std::string(store.status().message()), HasSubstr("use a newer tilewright"));
  }
}

// Makes of a file of version 9 one of version 8, whose table of jobs had all of them.
void TakeBackToVersion8(SqliteConnection& file) {
  for (const char* column : {"spec", "result"}) {
    ASSERT_TRUE(
        file.Execute(absl::StrCat("ALTER TABLE job ADD COLUMN ", column,
                                  " BLOB NOT NULL DEFAULT x''; UPDATE job SET ", column,
                                  " = (SELECT ", column, " FROM job_content WHERE job = id)"))
            .ok());
  }
  for (const char* column : {"name", "device_key", "tasks", "budget"}) {
    ASSERT_TRUE(file.Execute(absl::StrCat("ALTER TABLE job DROP COLUMN ", column)).ok());
  }
  ASSERT_TRUE(file.Execute("DROP TABLE job_content; PRAGMA user_version=8").ok());
}

TEST(SqliteStore, JobsOfAFileOfVersion8AreReadAndBroughtUpToDate) {
  const TempFolder folder;
  const std::string path = folder / "r.db";
  JobRow job{.id = "j", .owner = "ann", .state = "done", .spec = "spec", .result = "result"};
  job.name = "resnet18";
  job.tasks = 3;
  ASSERT_TRUE(OpenSqliteStore(path).value()->Commit({.jobs = {&job, 1}}).ok());
  TakeBackToVersion8(*Raw(path));
  job.name = "";
  job.tasks = 0;
  EXPECT_EQ(OpenSqliteStore(path, /*read_only=*/true).value()->FindJob("j")->value(), job);
  const auto store = OpenSqliteStore(path).value();
  EXPECT_EQ(store->FindJob("j")->value(), job);
  job.result = "another";
  ASSERT_TRUE(store->Commit({.jobs = {&job, 1}}).ok());
  EXPECT_EQ(store->FindJob("j")->value(), job);
}

// Version 6 did not keep who withdrew a record, nor who built it for another worker.
TEST(SqliteStore, ReadsAFileOfVersion6AndBringsItUpToDate) {
  const TempFolder folder;
  const std::string path = folder / "r.db";
  {
    const auto store = OpenSqliteStore(path).value();
    ASSERT_TRUE(store->Append(std::vector{SampleRecord("a"), SampleRecord("b")}).ok());
    const Revocation a{"a", "drifted", 5, "ann"};
    ASSERT_TRUE(store->Commit({.revocations = {&a, 1}}).ok());
  }
  TakeBackToVersion8(*Raw(path));
  ASSERT_TRUE(Raw(path)->Execute("ALTER TABLE revocation DROP COLUMN by_whom").ok());
  ASSERT_TRUE(Raw(path)->Execute("ALTER TABLE record DROP COLUMN builder").ok());
  ASSERT_TRUE(Raw(path)->Execute("PRAGMA user_version=6").ok());
  const std::vector<Revocation> old = {{"a", "drifted", 5, ""}};
  EXPECT_EQ(*OpenSqliteStore(path, /*read_only=*/true).value()->Revocations(), old);
  EXPECT_EQ(*Raw(path)->QueryInt("PRAGMA user_version"), 6) << "reading changes nothing";
  EXPECT_EQ(OpenSqliteStore(path, /*read_only=*/true).value()->Best({})->value().builder, "");
  const auto store = OpenSqliteStore(path).value();
  const Revocation b{"b", "drifted", 6, "bob"};
  ASSERT_TRUE(store->Commit({.revocations = {&b, 1}}).ok());
  EXPECT_EQ(*store->Revocations(), (std::vector{old[0], b}));
}

// Every tenth page is overwritten: whatever SQLite notices must come back as DataLoss.
TEST(SqliteStore, ReportsADamagedFile) {
  const TempFolder folder;
  {
    const auto store = OpenSqliteStore(folder / "r.db").value();
    std::vector<Record> records;
    for (int i = 0; i < 300; ++i) records.push_back(SampleRecord(std::to_string(i)));
    ASSERT_TRUE(store->Append(records).ok());
  }
  std::string bytes = ReadFile(folder / "r.db");
  for (size_t page = 2; page * 4096 + 4096 <= bytes.size(); page += 10) {
    bytes.replace(page * 4096, 200, std::string(200, '\xff'));
  }
  WriteFile(folder / "r.db", bytes);
  EXPECT_EQ(OpenSqliteStore(folder / "r.db").status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(CheckRecordsFile(folder / "r.db").status().code(), absl::StatusCode::kDataLoss);
}

TEST(SqliteStore, UsesTheSafeSettings) {
  const TempFolder folder;
  const auto connection = Raw(folder / "r.db");
  EXPECT_EQ(*connection->QueryText("PRAGMA journal_mode"), "wal");
  EXPECT_EQ(*connection->QueryInt("PRAGMA synchronous"), 2);
}

TEST(SqliteStore, BestUsesAnIndex) {
  const TempFolder folder;
  OpenSqliteStore(folder / "r.db").value();
  const auto connection = Raw(folder / "r.db");
  const auto plan = connection->Prepare(
      "EXPLAIN QUERY PLAN SELECT run_id FROM record WHERE workload = 'a' AND target = 'b' AND "
      "median IS NOT NULL ORDER BY median, id LIMIT 1");
  ASSERT_TRUE(plan.ok() && *(*plan)->Step());
  EXPECT_THAT((*plan)->Text(3), HasSubstr("record_by_workload"));
}

TEST(Backup, CopiesBesideAWriterAndOpensAsARecordsFile) {
  const TempFolder folder;
  const auto writer = OpenSqliteStore(folder / "r.db").value();
  ASSERT_TRUE(Add(*writer, SampleRecord("a")).ok());
  const auto copied = BackUpRecords(folder / "r.db", folder / "it's a copy.db");
  ASSERT_TRUE(copied.ok()) << copied.status();
  EXPECT_EQ(*copied, 1);
  ASSERT_TRUE(Add(*writer, SampleRecord("b")).ok());
  EXPECT_EQ((*OpenSqliteStore(folder / "it's a copy.db").value()->Best({}))->run_id, "a");
}

TEST(Backup, NeverOverwrites) {
  const TempFolder folder;
  OpenSqliteStore(folder / "r.db").value();
  WriteFile(folder / "taken", "precious");
  EXPECT_EQ(BackUpRecords(folder / "r.db", folder / "taken").status().code(),
            absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(ReadFile(folder / "taken"), "precious");
}

TEST(CheckRecords, CountsTheRowsOfASoundFile) {
  const TempFolder folder;
  const auto writer = OpenSqliteStore(folder / "r.db").value();
  ASSERT_TRUE(Add(*writer, SampleRecord("a")).ok());
  EXPECT_EQ(*CheckRecordsFile(folder / "r.db"), 1);
}

}  // namespace
}  // namespace tilewright
