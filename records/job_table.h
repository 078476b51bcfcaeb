// Jobs and their steps as rows of the tables `job` and `job_step` (records/schema).
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "records/job_row.h"
#include "records/sql.h"

namespace tilewright {

// Inserts, or replaces the row of the same id; bind with BindJob.
std::string UpsertJobSql();
void BindJob(const JobRow& job, SqlStatement& upsert);
// Skips a step that exists.
std::string InsertStepSql();
void BindStep(const JobStepRow& step, SqlStatement& insert);

// "SELECT ... FROM job"; read with ReadJob.
std::string SelectJobsSql();
JobRow ReadJob(const SqlStatement& row);

// Parameters: job, first step, most rows.
std::string SelectStepsSql();
JobStepRow ReadStep(const SqlStatement& row);

// Parameters: job, id of the record after which to go on, most rows. The id is column 0.
std::string SelectResultsSql(int64_t schema_version);
// DataLoss when the row does not decode.
absl::StatusOr<JobResult> ReadResult(const SqlStatement& row);

}  // namespace tilewright
