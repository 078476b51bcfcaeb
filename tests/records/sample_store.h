// What tests of look-ups start from: a store of records, and the target that they are of.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "records/store/record_store.h"
#include "tests/records/sample_records.h"

namespace tilewright {

inline const Target kTarget = ParseTarget("cpu -mcpu=znver5").value();

inline std::unique_ptr<RecordStore> StoreOf(const std::vector<Record>& records) {
  auto store = MakeMemoryStore();
  EXPECT_TRUE(store->Append(records).ok());
  return store;
}

}  // namespace tilewright
