#include "records/store/background_check.h"

#include <gtest/gtest.h>

#include <fstream>
#include <future>

#include "records/store/group_writer.h"
#include "records/store/record_store.h"
#include "tests/records/sample_records.h"

namespace tilewright {
namespace {

void Fill(const std::string& path) {
  std::vector<Record> records;
  for (int i = 0; i < 300; ++i) records.push_back(SampleRecord(std::to_string(i)));
  ASSERT_TRUE(OpenSqliteStore(path).value()->Append(records).ok());
}

// Overwrites the start of every tenth page.
void Damage(const std::string& path) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  const auto bytes = static_cast<int64_t>(std::filesystem::file_size(path));
  for (int64_t page = 2; (page + 1) * 4096 <= bytes; page += 10) {
    file.seekp(page * 4096).write(std::string(200, '\xff').data(), 200);
  }
}

TEST(BackgroundCheck, TellsOfDamage) {
  const TempFolder folder;
  Fill(folder / "r.db");
  Damage(folder / "r.db");
  std::promise<absl::Status> told;
  const auto check = BackgroundCheck::Start(folder / "r.db",
                                            [&](const absl::Status& why) { told.set_value(why); });
  ASSERT_TRUE(check.ok()) << check.status();
  EXPECT_EQ(told.get_future().get().code(), absl::StatusCode::kDataLoss);
}

TEST(BackgroundCheck, IsSilentAboutASoundFileAndWhenBrokenOff) {
  const TempFolder folder;
  Fill(folder / "r.db");
  int told = 0;
  for (int i = 0; i < 20; ++i) {
    const auto check =
        BackgroundCheck::Start(folder / "r.db", [&](const absl::Status&) { ++told; });
    ASSERT_TRUE(check.ok()) << check.status();
  }
  EXPECT_EQ(told, 0);
}

TEST(GroupWriter, RefusesEverythingOnceTold) {
  const TempFolder folder;
  OpenSqliteStore(folder / "r.db").value();
  GroupWriter writer(SqliteConnection::Open(folder / "r.db", SqliteMode::kReadWriteCreate).value());
  const Record record = SampleRecord("a");
  EXPECT_TRUE(writer.Write({.records = {&record, 1}}).ok());
  writer.Refuse(absl::DataLossError("damaged"));
  EXPECT_EQ(writer.Write({.records = {&record, 1}}), absl::DataLossError("damaged"));
}

}  // namespace
}  // namespace tilewright
