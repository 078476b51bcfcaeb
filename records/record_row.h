// A record as a row of the table `record` (records/schema).
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "records/record.h"
#include "records/record_store.h"
#include "records/sqlite.h"

namespace tilewright {

// INSERT that skips a known run_id; bind with BindRecord.
std::string InsertSql();
void BindRecord(const Record& record, SqliteStatement& insert);

// "id, <columns of ReadRecord>": the id is column 0.
std::string SelectedColumns();
// DataLoss when the row does not decode.
absl::StatusOr<Record> ReadRecord(const SqliteStatement& row);

// " WHERE ... " of a filter; bind with BindFilter, whose parameters count from 1.
std::string WhereSql(const RecordFilter& filter);
void BindFilter(const RecordFilter& filter, SqliteStatement& statement);

}  // namespace tilewright
