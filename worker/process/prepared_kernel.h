// One kernel in a fresh confined process, in two steps: what needs no quiet core, which may be done
// while another kernel is timed, and its turn on the slot's cores.
#pragma once

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "compiler/core/outcome.h"
#include "worker/process/child.h"
#include "worker/process/interrupt.h"
#include "worker/process/pipe_io.h"
#include "worker/process/spare_time.h"
#include "worker/run_spec.h"

namespace tilewright {

struct Turn {
  double limit_seconds = 0;    // from here on; then the kernel is killed
  double spare_seconds = 0;    // as GoLine's; without `spare` there are none
  SpareTime* spare = nullptr;  // ends them early; outlives the run
};

// Move-only; the destructor kills the process, also one that waits for its turn. The process dies
// with the thread that made it.
class PreparedKernel {
 public:
  // Starts `runner` with the spec, whose token is chosen here, and waits until it has loaded the
  // library, filled the arguments and waits itself, at most `limit_seconds`. What has failed until
  // then Run tells. `interrupt`, which may be null, outlives this.
  PreparedKernel(const std::string& runner, RunSpec spec, double limit_seconds,
                 const Interrupt* interrupt);

  // Has it verified and timed on the spec's cores, which are free again when this returns. Crash,
  // hang and wrong result are outcomes. A run that writes the reference has no samples when it
  // succeeds. What fails before the kernel's library is loaded, and a process killed by others, is
  // the farm's failure: Unavailable with the reason. Cancelled: the interrupt was raised. Once.
  absl::StatusOr<Outcome> Run(const Turn& turn);

  // What the machine lacks to confine the kernel, "" = nothing; unknown before it was called.
  const std::string& lacking() const { return lacking_; }

 private:
  // The outcome when there is one already.
  absl::StatusOr<std::optional<Outcome>> Prepare(const std::string& runner, double limit_seconds);
  absl::StatusOr<std::optional<Outcome>> AwaitReady(double limit_seconds);
  absl::StatusOr<Outcome> Answer(const Turn& turn);
  absl::StatusOr<Outcome> WithoutResult(Deadline deadline, double limit_seconds);

  RunSpec spec_;
  const Interrupt* interrupt_;
  std::optional<Child> child_;
  std::string lacking_;
  absl::StatusOr<std::optional<Outcome>> ended_;  // of what ended before its turn
};

}  // namespace tilewright
