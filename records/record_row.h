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

// "id, <columns of ReadRecord>" in a file of this schema version: the id is column 0.
std::string SelectedColumns(int64_t schema_version);
// DataLoss when the row does not decode.
absl::StatusOr<Record> ReadRecord(const SqliteStatement& row);

// From the columns outcome, message and samples; DataLoss when they do not decode.
absl::StatusOr<Outcome> ReadOutcome(const std::string& kind, const std::string& message,
                                    const std::string& samples);

// " WHERE ... " of a filter in a file of this schema version; bind with BindFilter, whose
// parameters count from 1.
std::string WhereSql(const RecordFilter& filter, int64_t schema_version);
void BindFilter(const RecordFilter& filter, SqliteStatement& statement);

}  // namespace tilewright
