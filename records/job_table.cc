#include "records/job_table.h"

#include <iterator>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "records/record_row.h"

namespace tilewright {
namespace {

// In the order of BindJob and ReadJob.
constexpr const char* kJobColumns[] = {
    "id",     "owner",   "request", "weight", "state",    "message",       "spec",
    "result", "created", "changed", "trials", "failures", "model_seconds", "history_end"};

}  // namespace

std::string UpsertJobSql() {
  const std::vector<std::string> marks(std::size(kJobColumns), "?");
  const std::string replaced =
      absl::StrJoin(kJobColumns, ", ", [](std::string* out, const char* column) {
        absl::StrAppend(out, column, " = excluded.", column);
      });
  return absl::StrCat("INSERT INTO job (", absl::StrJoin(kJobColumns, ", "), ") VALUES (",
                      absl::StrJoin(marks, ","), ") ON CONFLICT (id) DO UPDATE SET ", replaced);
}

void BindJob(const JobRow& job, SqlStatement& upsert) {
  int at = 1;
  for (const std::string* text : {&job.id, &job.owner, &job.request}) upsert.Bind(at++, *text);
  upsert.Bind(at++, static_cast<int64_t>(job.weight));
  for (const std::string* text : {&job.state, &job.message}) upsert.Bind(at++, *text);
  for (const std::string* bytes : {&job.spec, &job.result}) upsert.BindBlob(at++, *bytes);
  for (const double time : {job.created, job.changed}) upsert.Bind(at++, time);
  for (const uint64_t count : {job.trials, job.failures}) {
    upsert.Bind(at++, static_cast<int64_t>(count));
  }
  upsert.Bind(at++, job.model_seconds);
  upsert.Bind(at++, job.history_end);
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

std::string SelectJobsSql() {
  return absl::StrCat("SELECT ", absl::StrJoin(kJobColumns, ", "), " FROM job");
}

JobRow ReadJob(const SqlStatement& row) {
  return {.id = row.Text(0),
          .owner = row.Text(1),
          .request = row.Text(2),
          .weight = static_cast<uint32_t>(row.Int(3)),
          .state = row.Text(4),
          .message = row.Text(5),
          .spec = row.Blob(6),
          .result = row.Blob(7),
          .created = row.Real(8),
          .changed = row.Real(9),
          .trials = static_cast<uint64_t>(row.Int(10)),
          .failures = static_cast<uint64_t>(row.Int(11)),
          .model_seconds = row.Real(12),
          .history_end = row.Int(13)};
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
  JobResult result{.trial = static_cast<uint64_t>(row.Int(1)),
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
