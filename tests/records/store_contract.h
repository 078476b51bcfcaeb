// What each kind of record store is asked; each file of the contract instantiates it for its tests.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "records/store/postgres_store.h"
#include "records/store/record_store.h"
#include "tests/records/postgres_server.h"
#include "tests/records/sample_records.h"

namespace tilewright {

struct StoreKind {
  const char* name;
  // An empty store; the folder is there as long as it is.
  std::unique_ptr<RecordStore> (*make)(const TempFolder& folder);
};

inline constexpr StoreKind kStores[] = {
    {"Memory", [](const TempFolder&) { return MakeMemoryStore(); }},
    {"Sqlite",
     [](const TempFolder& folder) { return OpenSqliteStore(folder / "records.db").value(); }},
    {"Postgres", [](const TempFolder&) {
       return OpenPostgresStore(PostgresServer::Shared().NewDatabase()).value();
     }}};

class StoreContract : public testing::TestWithParam<StoreKind> {
 protected:
  StoreContract() : store_(GetParam().make(folder_)) {}

  absl::Status Add(const Record& record) { return store_->Append({&record, 1}); }
  std::vector<std::string> RunIds(const RecordFilter& filter) {
    std::vector<std::string> ids;
    EXPECT_TRUE(store_
                    ->ForEach(filter,
                              [&](const Record& r) {
                                ids.push_back(r.run_id);
                                return true;
                              })
                    .ok());
    return ids;
  }

  TempFolder folder_;
  std::unique_ptr<RecordStore> store_;
};

inline std::string NameOfStore(const testing::TestParamInfo<StoreKind>& info) {
  return info.param.name;
}

}  // namespace tilewright
