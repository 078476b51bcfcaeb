#include "records/store/record_scan.h"

#include <algorithm>
#include <span>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/substitute.h"
#include "base/status_macros.h"
#include "records/store/record_row.h"

namespace tilewright {
namespace {

// Rows whose numbers are held at once: 8 MiB.
constexpr int64_t kMostIds = 1 << 20;
// Of those after a number at most so many: the first two parameters that are free.
constexpr char kNextRows[] = "AND id > ?20 ORDER BY id LIMIT ?21";

using Visit = std::function<bool(const Record&)>;

struct Scan {
  const SqlSchema& schema;
  SqlReaders& readers;
  const RecordFilter& filter;
  std::string columns = SelectedColumns(schema.version);
  RecordReader reader = {};

  absl::StatusOr<std::vector<Record>> Read(absl::string_view rest,
                                           const std::vector<int64_t>& values, int64_t* last_id);
  // `rest`: behind the conditions, with these values for its parameters.
  absl::StatusOr<std::vector<int64_t>> ReadIds(absl::string_view rest,
                                               const std::vector<int64_t>& values);
  absl::StatusOr<std::vector<Record>> ReadEach(std::span<const int64_t> ids);
  // False: no more rows are wanted.
  absl::StatusOr<bool> VisitIds(std::span<const int64_t> ids, const Visit& visit);
  absl::Status InOrder(const Visit& visit);
  absl::Status ByIds(const Visit& visit);
};

SqlReaders::Bind BindTo(const RecordFilter& filter, const std::vector<int64_t>& values) {
  return [&filter, values](SqlStatement& statement) {
    BindFilter(filter, statement);
    int at = kFirstFree;
    for (const int64_t value : values) statement.Bind(at++, value);
  };
}

absl::StatusOr<std::vector<Record>> Scan::Read(absl::string_view rest,
                                               const std::vector<int64_t>& values,
                                               int64_t* last_id) {
  std::vector<Record> records;
  const auto visit = [&](const SqlStatement& row) -> absl::StatusOr<bool> {
    TW_ASSIGN_OR_RETURN(records.emplace_back(), reader.Read(row));
    *last_id = row.Int(0);
    return true;
  };
  TW_RETURN_IF_ERROR(
      readers.Query(RowsSql(filter, schema, rest), BindTo(filter, values), visit).status());
  return records;
}

absl::StatusOr<std::vector<int64_t>> Scan::ReadIds(absl::string_view rest,
                                                   const std::vector<int64_t>& values) {
  std::vector<int64_t> ids;
  const auto visit = [&](const SqlStatement& row) {
    ids.push_back(row.Int(0));
    return true;
  };
  const std::string sql = absl::StrCat("SELECT id FROM record", WhereSql(filter, schema), rest);
  TW_RETURN_IF_ERROR(readers.Query(sql, BindTo(filter, values), visit).status());
  return ids;
}

absl::StatusOr<std::vector<Record>> Scan::ReadEach(std::span<const int64_t> ids) {
  std::vector<Record> records;
  TW_RETURN_IF_ERROR(readers.QueryEach(
      absl::StrCat("SELECT ", columns, " FROM record WHERE id = ?1"), ids.size(),
      [&](size_t k, SqlStatement& statement) { statement.Bind(1, ids[k]); },
      [&](size_t, const SqlStatement& row) -> absl::Status {
        TW_ASSIGN_OR_RETURN(records.emplace_back(), reader.Read(row));
        return absl::OkStatus();
      }));
  return records;
}

absl::StatusOr<bool> Scan::VisitIds(std::span<const int64_t> ids, const Visit& visit) {
  while (!ids.empty()) {
    const auto chunk = ids.first(std::min<size_t>(ids.size(), kChunkRows));
    TW_ASSIGN_OR_RETURN(const std::vector<Record> records, ReadEach(chunk));
    if (!std::all_of(records.begin(), records.end(), visit)) return false;
    ids = ids.subspan(chunk.size());
  }
  return true;
}

absl::Status Scan::InOrder(const Visit& visit) {
  int64_t after = 0, left = filter.limit > 0 ? filter.limit : INT64_MAX;
  while (left > 0) {
    const int64_t wanted = std::min(left, kChunkRows);
    TW_ASSIGN_OR_RETURN(const std::vector<Record> records,
                        Read(kNextRows, {after, wanted}, &after));
    if (!std::all_of(records.begin(), records.end(), visit)) break;
    if (std::ssize(records) < wanted) break;
    left -= wanted;
  }
  return absl::OkStatus();
}

// An index gives rows in another order than that of their numbers: so the numbers are sorted, once,
// and not the rows anew for each chunk.
absl::Status Scan::ByIds(const Visit& visit) {
  int64_t after = 0, left = filter.limit > 0 ? filter.limit : INT64_MAX;
  while (left > 0) {
    const int64_t wanted = std::min(left, kMostIds);
    TW_ASSIGN_OR_RETURN(const std::vector<int64_t> ids, ReadIds(kNextRows, {after, wanted}));
    TW_ASSIGN_OR_RETURN(const bool more, VisitIds(ids, visit));
    if (!more || std::ssize(ids) < wanted) break;
    after = ids.back();
    left -= wanted;
  }
  return absl::OkStatus();
}

bool HasIndex(const RecordFilter& filter) {
  return !filter.workload_key.empty() || !filter.anchor_key.empty() || !filter.op.empty() ||
         !filter.device_key.empty() || !filter.job.empty() || !filter.record_class.empty();
}

}  // namespace

std::string RowsSql(const RecordFilter& filter, const SqlSchema& schema, absl::string_view rest) {
  const bool one_config = !filter.workload_key.empty() && !filter.config.empty();
  const bool by_config = one_config && schema.version >= kWithConfigs;
  return absl::StrCat(
      "SELECT ", SelectedColumns(schema.version), " FROM record",
      by_config ? absl::Substitute(schema.dialect.by_index, "record_by_config") : "",
      WhereSql(filter, schema), rest);
}

absl::Status ScanRecords(const SqlSchema& schema, SqlReaders& readers, const RecordFilter& filter,
                         const Visit& visit) {
  Scan scan{schema, readers, filter};
  return HasIndex(filter) ? scan.ByIds(visit) : scan.InOrder(visit);
}

absl::StatusOr<std::vector<Record>> NewestRecords(const SqlSchema& schema, SqlReaders& readers,
                                                  const RecordFilter& filter, int64_t count) {
  Scan scan{schema, readers, filter};
  // Only numbers are sorted, where an index gives them in another order.
  TW_ASSIGN_OR_RETURN(std::vector<int64_t> ids,
                      scan.ReadIds("ORDER BY id DESC LIMIT ?20", {std::max<int64_t>(count, 0)}));
  std::reverse(ids.begin(), ids.end());
  return scan.ReadEach(ids);
}

}  // namespace tilewright
