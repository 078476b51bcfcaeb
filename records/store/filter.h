// What a filter matches, for stores without SQL; record_row.cc says the same in SQL.
#pragma once

#include <optional>
#include <string>

#include "records/record.h"
#include "records/store/record_store.h"

namespace tilewright {

// A record with the keys that filters compare, computed once.
struct KeyedRecord {
  explicit KeyedRecord(Record r);

  Record record;
  std::string workload, anchor, target, config;
  std::optional<double> median;
};

bool Matches(const RecordFilter& filter, const KeyedRecord& keyed);

}  // namespace tilewright
