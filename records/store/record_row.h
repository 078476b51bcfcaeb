// A record as a row of the table `record` (records/schema).
#pragma once

#include <string>
#include <unordered_map>

#include "absl/status/statusor.h"
#include "records/record.h"
#include "records/store/record_store.h"
#include "records/store/sql.h"

namespace tilewright {

// Version that brought `builder`; before, every worker built what it ran.
inline constexpr int64_t kWithBuilders = 8;

// INSERT that skips a known run_id; bind with a RecordBinder.
std::string InsertSql();

// Keeps the texts of workloads, because many records are of few. Not thread-safe.
class RecordBinder {
 public:
  void Bind(const Record& record, SqlStatement& insert);

 private:
  struct WorkloadTexts {
    std::string anchor, inputs, attrs, epilogue;
  };
  const WorkloadTexts& TextsOf(const std::string& key, const Record& record);
  int BindTask(const Record& record, SqlStatement& insert, int at);

  std::unordered_map<std::string, WorkloadTexts> texts_;  // by keys of workloads
};

// Of revocations: what SelectRevocationsSql gives, ReadRevocation reads.
std::string RevokeSql();
void BindRevocation(const Revocation& revocation, SqlStatement& insert);
std::string SelectRevocationsSql(int64_t schema_version);
Revocation ReadRevocation(const SqlStatement& row);

// "id, <columns of ReadRecord>" in a file of this schema version: the id is column 0.
std::string SelectedColumns(int64_t schema_version);

// Decodes rows of SelectedColumns. Keeps the workloads and targets that it has parsed, because a
// file has few of them and many rows of each. Not thread-safe.
class RecordReader {
 public:
  // DataLoss when the row does not decode.
  absl::StatusOr<Record> Read(const SqlStatement& row);

 private:
  absl::StatusOr<Workload> WorkloadOf(const std::string& key);
  const Target& TargetOf(const std::string& text);

  std::unordered_map<std::string, Workload> workloads_;  // by their keys
  std::unordered_map<std::string, Target> targets_;      // by their texts
};

// From the columns outcome, message and samples; DataLoss when they do not decode.
absl::StatusOr<Outcome> ReadOutcome(const std::string& kind, const std::string& message,
                                    const std::string& samples);

// " WHERE ... " of a filter in a file of this schema; bind with BindFilter, whose
// parameters count from 1 and leave those from kFirstFree on to the caller.
inline constexpr int kFirstFree = 20;
std::string WhereSql(const RecordFilter& filter, const SqlSchema& schema);
void BindFilter(const RecordFilter& filter, SqlStatement& statement);

}  // namespace tilewright
