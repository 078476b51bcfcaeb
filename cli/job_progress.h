// Shows a job's events on stderr and its end on stdout.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "cli/progress.h"
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

// The result: a table, or JSON. OK for a job that is done; Internal with the reason otherwise.
absl::Status PrintJobEnd(const std::string& job, const v1::JobEvent& last, bool json);

}  // namespace tilewright
