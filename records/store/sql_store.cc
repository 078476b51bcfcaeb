#include "records/store/sql_store.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/substitute.h"
#include "base/status_macros.h"
#include "records/store/job_table.h"
#include "records/store/places.h"
#include "records/store/record_row.h"
#include "records/store/record_scan.h"

namespace tilewright {
namespace {

// Schema version that brought the tables of jobs.
constexpr int64_t kWithJobs = 2;

class SqlStore final : public RecordStore {
 public:
  explicit SqlStore(SqlStoreParts parts)
      : schema_(parts.schema),
        columns_(SelectedColumns(schema_.version)),
        has_jobs_(schema_.version >= kWithJobs),
        has_configs_(schema_.version >= kWithConfigs),
        lock_(std::move(parts.lock)),
        writer_(std::move(parts.writer)),
        check_(std::move(parts.check)),
        readers_(std::move(parts.open_reader)) {}

  absl::Status Commit(const StoreBatch& batch) override {
    if (!writer_) return absl::PermissionDeniedError("the records were opened for reading only");
    for (const Record& record : batch.records) TW_RETURN_IF_ERROR(CheckRecord(record));
    return writer_->Write(batch);
  }

  absl::Status ForEach(const RecordFilter& filter,
                       const std::function<bool(const Record&)>& visit) const override {
    return ScanRecords(schema_, readers_, filter, visit);
  }

  absl::StatusOr<std::vector<Record>> Newest(const RecordFilter& filter,
                                             int64_t count) const override {
    return NewestRecords(schema_, readers_, filter, count);
  }

  absl::StatusOr<std::optional<Record>> Best(const RecordFilter& filter) const override {
    TW_ASSIGN_OR_RETURN(std::vector<std::optional<Record>> one, Bests({&filter, 1}));
    return std::move(one.front());
  }

  absl::StatusOr<std::vector<std::optional<Record>>> Bests(
      std::span<const RecordFilter> filters) const override {
    TW_ASSIGN_OR_RETURN(const OneTargetEach asked, WithTargets(filters));
    std::vector<std::optional<Record>> all(filters.size());
    TW_RETURN_IF_ERROR(ReadEach(
        asked.filters, [this](const RecordFilter& filter) { return BestSql(filter); },
        [&](size_t k, const Record& record) {
          std::optional<Record>& best = all[asked.of[k]];
          if (!best || *MedianSeconds(record.outcome) < *MedianSeconds(best->outcome)) {
            best = record;
          }
        }));
    return all;
  }

  absl::Status ForEachOf(std::span<const RecordFilter> filters,
                         const std::function<void(size_t, const Record&)>& visit) const override {
    return ReadEach(
        filters,
        [this](const RecordFilter& filter) { return RowsSql(filter, schema_, "ORDER BY id"); },
        visit);
  }

  absl::StatusOr<std::vector<Record>> BestPerWorkload(const RecordFilter& filter) const override {
    std::vector<Record> all;
    RecordFilter one = filter;
    TW_ASSIGN_OR_RETURN(const std::vector<Place> places, Places(schema_, readers_));
    std::vector<RecordFilter> filters;
    for (const Place& at : places) {
      const bool wanted = (filter.workload_key.empty() || filter.workload_key == at.workload) &&
                          (filter.target.empty() || filter.target == at.target) &&
                          at.workload.find(filter.workload_substring) != std::string::npos;
      if (!wanted) continue;
      one.workload_key = at.workload;
      one.target = at.target;
      filters.push_back(one);
    }
    TW_ASSIGN_OR_RETURN(std::vector<std::optional<Record>> bests, Bests(filters));
    for (std::optional<Record>& best : bests) {
      if (best) all.push_back(*std::move(best));
    }
    return all;
  }

  absl::StatusOr<int64_t> Count(const RecordFilter& filter) const override {
    return readers_.QueryInt(absl::StrCat("SELECT count(*) FROM record", WhereSql(filter, schema_)),
                             [&](SqlStatement& statement) { BindFilter(filter, statement); });
  }

  absl::StatusOr<int64_t> LastId() const override {
    return readers_.QueryInt("SELECT max(id) FROM record", [](SqlStatement&) {});
  }

  absl::StatusOr<std::vector<Revocation>> Revocations() const override {
    std::vector<Revocation> all;
    const auto visit = [&](const SqlStatement& row) {
      all.push_back(ReadRevocation(row));
      return true;
    };
    TW_RETURN_IF_ERROR(
        readers_.Query(
                    SelectRevocationsSql(schema_.version), [](SqlStatement&) {}, visit)
            .status());
    return all;
  }

  absl::StatusOr<std::vector<JobRow>> Jobs(bool unfinished) const override {
    const std::string only = unfinished ? " WHERE state IN ('queued', 'running', 'paused')" : "";
    return ReadJobs(JobParts::kListed, only + " ORDER BY created, id", [](SqlStatement&) {});
  }

  absl::StatusOr<std::optional<JobRow>> FindJob(const std::string& id) const override {
    const auto bind = [&](SqlStatement& statement) { statement.Bind(1, id); };
    TW_ASSIGN_OR_RETURN(std::vector<JobRow> jobs, ReadJobs(JobParts::kAll, " WHERE id = ?", bind));
    return jobs.empty() ? std::optional<JobRow>() : std::optional<JobRow>(std::move(jobs[0]));
  }

  absl::StatusOr<std::optional<JobRow>> FindRequest(const std::string& owner,
                                                    const std::string& request) const override {
    const auto bind = [&](SqlStatement& statement) {
      statement.Bind(1, owner);
      statement.Bind(2, request);
    };
    TW_ASSIGN_OR_RETURN(
        std::vector<JobRow> jobs,
        ReadJobs(JobParts::kAll, " WHERE owner = ? AND request = ? AND request <> '' LIMIT 1",
                 bind));
    return jobs.empty() ? std::optional<JobRow>() : std::optional<JobRow>(std::move(jobs[0]));
  }

  absl::Status ForEachStep(const std::string& job, uint64_t first,
                           const std::function<bool(const JobStepRow&)>& visit) const override {
    auto next = static_cast<int64_t>(first);
    return InChunks(
        SelectStepsSql(),
        [&](SqlStatement& statement) {
          statement.Bind(1, job);
          statement.Bind(2, next);
          statement.Bind(3, kChunkRows);
        },
        [&](const SqlStatement& row) -> absl::StatusOr<bool> {
          next = row.Int(1) + 1;
          return visit(ReadStep(row));
        });
  }

  absl::Status ForEachResult(const std::string& job, int64_t after,
                             const std::function<bool(JobResult)>& visit) const override {
    return InChunks(
        SelectResultsSql(schema_.version),
        [&](SqlStatement& statement) {
          statement.Bind(1, job);
          statement.Bind(2, after);
          statement.Bind(3, kChunkRows);
        },
        [&](const SqlStatement& row) -> absl::StatusOr<bool> {
          TW_ASSIGN_OR_RETURN(JobResult result, ReadResult(row));
          after = result.id;
          return visit(std::move(result));
        });
  }

 private:
  using Bind = SqlReaders::Bind;
  using Visit = SqlReaders::Visit;

  // The best of a workload for one target is a few steps in an index; for all targets it is not. So
  // what asks for all becomes a filter a target: `filters`, each in place of the caller's `of`.
  struct OneTargetEach {
    std::vector<RecordFilter> filters;
    std::vector<size_t> of;

    void Add(const RecordFilter& filter, size_t i) {
      filters.push_back(filter);
      of.push_back(i);
    }
  };
  absl::StatusOr<OneTargetEach> WithTargets(std::span<const RecordFilter> filters) const {
    OneTargetEach each;
    std::vector<size_t> of_all_targets;
    for (size_t i = 0; i < filters.size(); ++i) {
      const bool of_one = filters[i].workload_key.empty() || !filters[i].target.empty();
      of_one ? each.Add(filters[i], i) : of_all_targets.push_back(i);
    }
    TW_RETURN_IF_ERROR(readers_.QueryEach(
        schema_.dialect.targets, of_all_targets.size(),
        [&](size_t k, SqlStatement& statement) {
          statement.Bind(1, filters[of_all_targets[k]].workload_key);
        },
        [&](size_t k, const SqlStatement& row) {
          each.Add(filters[of_all_targets[k]], of_all_targets[k]);
          each.filters.back().target = row.Text(0);
          return absl::OkStatus();
        }));
    return each;
  }

  std::string BestSql(const RecordFilter& filter) const {
    RecordFilter usable = filter;
    usable.only_ok = true;
    const bool is_narrow = !filter.workload_key.empty() || !filter.anchor_key.empty();
    const bool by_index = has_configs_ && is_narrow && !filter.target.empty();
    return by_index ? BestByIndexSql(usable) : BestByWindowSql(usable);
  }

  // Judges every measurement that matches.
  std::string BestByWindowSql(const RecordFilter& filter) const {
    return absl::StrCat(
        "SELECT ", columns_,
        " FROM record WHERE id = (SELECT id FROM (SELECT id, median, count(*) OVER config AS "
        "times, row_number() OVER (config ORDER BY median, id) AS place FROM record",
        WhereSql(filter, schema_),
        "WINDOW config AS (PARTITION BY target, workload, template, config)) AS judged "
        "WHERE place = (times + 1) / 2 ORDER BY median, id LIMIT 1)");
  }

  // Walks the measurements from the fastest on, to the first that is the middle of its config's:
  // a few rows, however many there are. REQUIRES: a workload or an anchor, and a target.
  std::string BestByIndexSql(const RecordFilter& filter) const {
    const std::string of_config = absl::StrCat(
        "(SELECT count(*) FROM record AS s", ByIndex("record_by_config"), WhereSql(filter, schema_),
        "AND ", Equal("s.workload", "r.workload"), " AND ", Equal("s.target", "r.target"),
        " AND s.template = r.template AND ", Equal("s.config", "r.config"));
    return absl::StrCat(
        "SELECT ", columns_, " FROM record AS r",
        ByIndex(filter.workload_key.empty() ? "record_by_anchor" : "record_by_workload"),
        WhereSql(filter, schema_), "AND ", of_config,
        " AND (s.median, s.id) <= (r.median, r.id)) = (", of_config,
        ") + 1) / 2 ORDER BY median, id LIMIT 1");
  }

  std::string ByIndex(const char* index) const {
    return absl::Substitute(schema_.dialect.by_index, index);
  }
  std::string Equal(const char* column, const char* other) const {
    return absl::Substitute(schema_.dialect.equal, column, other);
  }

  // Repeats a query that is bound anew for each chunk of kChunkRows, until one is not full.
  absl::Status InChunks(const std::string& sql, const Bind& bind, const Visit& visit) const {
    if (!has_jobs_) return absl::OkStatus();
    for (bool more = true; more;) {
      TW_ASSIGN_OR_RETURN(
          const int64_t rows,
          readers_.Query(sql, bind, [&](const SqlStatement& row) -> absl::StatusOr<bool> {
            TW_ASSIGN_OR_RETURN(more, visit(row));
            return more;
          }));
      if (rows < kChunkRows) break;
    }
    return absl::OkStatus();
  }

  absl::StatusOr<std::vector<JobRow>> ReadJobs(JobParts parts, const std::string& where,
                                               const Bind& bind) const {
    std::vector<JobRow> jobs;
    if (!has_jobs_) return jobs;
    TW_RETURN_IF_ERROR(readers_
                           .Query(SelectJobsSql(parts, schema_.version) + where, bind,
                                  [&](const SqlStatement& row) {
                                    jobs.push_back(ReadJob(parts, row));
                                    return true;
                                  })
                           .status());
    return jobs;
  }

  // The rows of each filter's query. Filters that say the same things of records have one text,
  // which is prepared once.
  absl::Status ReadEach(std::span<const RecordFilter> filters,
                        const std::function<std::string(const RecordFilter&)>& sql_of,
                        const std::function<void(size_t, const Record&)>& visit) const {
    RecordReader reader;
    for (size_t first = 0, end = 0; first < filters.size(); first = end) {
      const std::string sql = sql_of(filters[first]);
      do ++end;
      while (end < filters.size() && sql_of(filters[end]) == sql);
      TW_RETURN_IF_ERROR(readers_.QueryEach(
          sql, end - first,
          [&](size_t i, SqlStatement& statement) { BindFilter(filters[first + i], statement); },
          [&](size_t i, const SqlStatement& row) -> absl::Status {
            TW_ASSIGN_OR_RETURN(const Record record, reader.Read(row));
            visit(first + i, record);
            return absl::OkStatus();
          }));
    }
    return absl::OkStatus();
  }

  const SqlSchema schema_;
  const std::string columns_;
  const bool has_jobs_, has_configs_;
  const std::shared_ptr<void> lock_;
  const std::unique_ptr<GroupWriter> writer_;  // null when read-only
  const std::shared_ptr<void> check_;
  mutable SqlReaders readers_;
};

}  // namespace

std::unique_ptr<RecordStore> MakeSqlStore(SqlStoreParts parts) {
  return std::make_unique<SqlStore>(std::move(parts));
}

}  // namespace tilewright
