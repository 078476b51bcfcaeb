#include "records/store/job_table.h"

#include <iterator>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "records/store/record_row.h"

namespace tilewright {
namespace {

// Version that brought `job_content` and what a list shows of a spec.
constexpr int64_t kWithContents = 9;

// In the order of BindJob and ReadJob.
constexpr const char* kJobColumns[] = {"id",     "owner",    "request",       "weight",
                                       "state",  "message",  "created",       "changed",
                                       "trials", "failures", "model_seconds", "history_end"};
constexpr const char* kOfSpec[] = {"name", "device_key", "tasks", "budget"};

// The first of `columns` is the key. What is the same stays as it is: contents are large.
std::string UpsertSql(const char* table, const std::vector<std::string>& columns) {
  const std::vector<std::string> marks(columns.size(), "?");
  std::vector<std::string> replaced, differing;
  for (size_t i = 1; i < columns.size(); ++i) {
    replaced.push_back(absl::StrCat(columns[i], " = excluded.", columns[i]));
    differing.push_back(absl::StrCat(table, ".", columns[i], " <> excluded.", columns[i]));
  }
  return absl::StrCat("INSERT INTO ", table, " (", absl::StrJoin(columns, ", "), ") VALUES (",
                      absl::StrJoin(marks, ","), ") ON CONFLICT (", columns[0], ") DO UPDATE SET ",
                      absl::StrJoin(replaced, ", "), " WHERE ", absl::StrJoin(differing, " OR "));
}

}  // namespace

std::string UpsertJobSql() {
  std::vector<std::string> columns(std::begin(kJobColumns), std::end(kJobColumns));
  columns.insert(columns.end(), std::begin(kOfSpec), std::end(kOfSpec));
  return UpsertSql("job", columns);
}

void BindJob(const JobRow& job, SqlStatement& upsert) {
  int at = 1;
  for (const std::string* text : {&job.id, &job.owner, &job.request}) upsert.Bind(at++, *text);
  upsert.Bind(at++, static_cast<int64_t>(job.weight));
  for (const std::string* text : {&job.state, &job.message}) upsert.Bind(at++, *text);
  for (const double time : {job.created, job.changed}) upsert.Bind(at++, time);
  for (const uint64_t count : {job.trials, job.failures}) {
    upsert.Bind(at++, static_cast<int64_t>(count));
  }
  upsert.Bind(at++, job.model_seconds);
  upsert.Bind(at++, job.history_end);
  for (const std::string* text : {&job.name, &job.device_key}) upsert.Bind(at++, *text);
  for (const uint64_t count : {uint64_t{job.tasks}, job.budget}) {
    upsert.Bind(at++, static_cast<int64_t>(count));
  }
}

std::string UpsertContentSql() { return UpsertSql("job_content", {"job", "spec", "result"}); }

void BindContent(const JobRow& job, SqlStatement& upsert) {
  upsert.Bind(1, job.id);
  upsert.BindBlob(2, job.spec);
  upsert.BindBlob(3, job.result);
}

std::string SelectJobsSql(JobParts parts, int64_t schema_version) {
  const bool apart = schema_version >= kWithContents;
  const bool all = parts == JobParts::kAll;
  return absl::StrCat("SELECT ", absl::StrJoin(kJobColumns, ", "), ", ",
                      apart ? absl::StrJoin(kOfSpec, ", ") : "'', '', 0, 0",
                      all ? ", spec, result" : "", " FROM job",
                      all && apart ? " JOIN job_content ON job_content.job = job.id" : "");
}

JobRow ReadJob(JobParts parts, const SqlStatement& row) {
  JobRow job{.id = row.Text(0),
             .owner = row.Text(1),
             .request = row.Text(2),
             .weight = static_cast<uint32_t>(row.Int(3)),
             .state = row.Text(4),
             .message = row.Text(5),
             .name = row.Text(12),
             .device_key = row.Text(13),
             .tasks = static_cast<uint32_t>(row.Int(14)),
             .budget = static_cast<uint64_t>(row.Int(15)),
             .created = row.Real(6),
             .changed = row.Real(7),
             .trials = static_cast<uint64_t>(row.Int(8)),
             .failures = static_cast<uint64_t>(row.Int(9)),
             .model_seconds = row.Real(10),
             .history_end = row.Int(11)};
  if (parts == JobParts::kAll) {
    job.spec = row.Blob(16);
    job.result = row.Blob(17);
  }
  return job;
}

std::string InsertStepSql() {
  return "INSERT INTO job_step (job, step, seconds, text) VALUES (?,?,?,?) ON CONFLICT DO NOTHING";
}

void BindStep(const JobStepRow& step, SqlStatement& insert) {
  insert.Bind(1, step.job);
  insert.Bind(2, static_cast<int64_t>(step.step));
  insert.Bind(3, step.seconds);
  insert.Bind(4, step.text);
}

std::string SelectStepsSql() {
  return "SELECT job, step, seconds, text FROM job_step WHERE job = ? AND step >= ? "
         "ORDER BY step LIMIT ?";
}

JobStepRow ReadStep(const SqlStatement& row) {
  return {.job = row.Text(0),
          .step = static_cast<uint64_t>(row.Int(1)),
          .seconds = row.Real(2),
          .text = row.Text(3)};
}

std::string SelectResultsSql(int64_t schema_version) {
  const char* builder = schema_version >= kWithBuilders ? "builder" : "''";
  return absl::StrCat(
      "SELECT id, trial, outcome, message, samples, build_seconds, run_seconds, unix_time, device, "
      "worker, ",
      builder,
      " FROM record WHERE job = ? AND job <> '' AND trial > 0 AND id > ? ORDER BY id LIMIT ?");
}

absl::StatusOr<JobResult> ReadResult(const SqlStatement& row) {
  JobResult result{.id = row.Int(0),
                   .trial = static_cast<uint64_t>(row.Int(1)),
                   .build_seconds = row.Real(5),
                   .run_seconds = row.Real(6),
                   .unix_time = row.Real(7),
                   .device = row.Text(8),
                   .worker = row.Text(9),
                   .builder = row.Text(10)};
  TW_ASSIGN_OR_RETURN(result.outcome, ReadOutcome(row.Text(2), row.Text(3), row.Text(4)));
  return result;
}

}  // namespace tilewright
