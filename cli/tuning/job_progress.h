// Shows a job's events on stderr and its end on stdout.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "cli/progress.h"
#include "cli/tuning/tuning_report.h"
#include "proto/tilewright.pb.h"

namespace tilewright {

class JobProgress {
 public:
  // `trials` of the job's budget, 0 = none: for the bar.
  explicit JobProgress(uint64_t trials) : trials_(trials) {}
  void Show(const v1::JobEvent& event);

 private:
  const uint64_t trials_;
  Progress progress_;
};

// OK for a job that is done; Cancelled, or Internal with the reason otherwise.
absl::Status JobEndStatus(const v1::JobEvent& last);
// The result: a table, or JSON. Returns JobEndStatus.
absl::Status PrintJobEnd(const std::string& job, const v1::JobEvent& last, bool json);
// The same of a job whose records can be seen: with what it gained.
absl::Status PrintTuningEnd(const std::string& job, const v1::JobEvent& last,
                            const TuningReport& report, bool json);

}  // namespace tilewright
