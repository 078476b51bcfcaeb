// What is told of a job: events, states, summaries. Values.
#pragma once

#include <string>

#include "proto/tilewright.pb.h"
#include "records/store/job_row.h"
#include "tuner/loop/tune.h"

namespace tilewright {

// "queued", ...: the words of rows; UNSPECIFIED for another word.
std::string WordOf(v1::JobState state);
v1::JobState StateOf(const std::string& word);
bool IsEnd(v1::JobState state);

v1::JobEvent StateEvent(v1::JobState state, const std::string& message);
// A trial of the workload; messages of failures are cut at 400 bytes.
v1::TrialEvent TrialEventOf(const TuneEvent& event, const std::string& workload);

// Sets what the row says of its spec.
void Describe(const v1::JobSpec& spec, JobRow* row);
v1::JobSummary SummaryOf(const JobRow& row);

}  // namespace tilewright
