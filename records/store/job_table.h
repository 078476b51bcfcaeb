// Jobs and their steps as rows of the tables `job`, `job_content` and `job_step` (records/schema).
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "records/store/job_row.h"
#include "records/store/sql.h"

namespace tilewright {

// Insert, or replace the row of the same id; bind with BindJob and BindContent.
std::string UpsertJobSql();
void BindJob(const JobRow& job, SqlStatement& upsert);
std::string UpsertContentSql();
void BindContent(const JobRow& job, SqlStatement& upsert);
// Skips a step that exists.
std::string InsertStepSql();
void BindStep(const JobStepRow& step, SqlStatement& insert);

// "SELECT ... FROM job ..."; read with ReadJob. With specs and results, or without.
enum class JobParts { kListed, kAll };
std::string SelectJobsSql(JobParts parts, int64_t schema_version);
JobRow ReadJob(JobParts parts, const SqlStatement& row);

// Parameters: job, first step, most rows.
std::string SelectStepsSql();
JobStepRow ReadStep(const SqlStatement& row);

// Parameters: job, id of the record after which to go on, most rows.
std::string SelectResultsSql(int64_t schema_version);
// DataLoss when the row does not decode.
absl::StatusOr<JobResult> ReadResult(const SqlStatement& row);

}  // namespace tilewright
