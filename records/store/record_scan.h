// Going through the records of a database.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "records/record.h"
#include "records/store/record_store.h"
#include "records/store/sql.h"
#include "records/store/sql_readers.h"

namespace tilewright {

// Schema version that brought the index of configs.
inline constexpr int64_t kWithConfigs = 4;
// Rows read by one statement: a reader that stays open would keep SQLite's WAL from being reset.
inline constexpr int64_t kChunkRows = 512;

// The statement that reads the rows that match; BindFilter binds it. `rest` orders and limits them.
std::string RowsSql(const RecordFilter& filter, const SqlSchema& schema, absl::string_view rest);

// In the order of their numbers, until `visit` returns false; no statement is open meanwhile. The
// time grows with the rows that match, where the filter names what has an index. Thread-safe.
absl::Status ScanRecords(const SqlSchema& schema, SqlReaders& readers, const RecordFilter& filter,
                         const std::function<bool(const Record&)>& visit);

// The `count` of the greatest numbers, in their order.
absl::StatusOr<std::vector<Record>> NewestRecords(const SqlSchema& schema, SqlReaders& readers,
                                                  const RecordFilter& filter, int64_t count);

}  // namespace tilewright
