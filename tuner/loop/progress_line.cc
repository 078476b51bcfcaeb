#include "tuner/loop/progress_line.h"

#include "absl/strings/str_format.h"

namespace tilewright {

std::string ProgressLine(const TuneEvent& event) {
  std::string line = absl::StrFormat(
      "[Task %2d/%2d]  Current/Best: %7.2f/%7.2f GFLOPS | Progress: (%d/%s) | %.2f s",
      event.item + 1, event.item_count, event.current_flops * 1e-9, event.best_flops * 1e-9,
      event.trials, event.trials_total > 0 ? absl::StrFormat("%d", event.trials_total) : "-",
      event.seconds);
  if (event.item_count > 1 && event.model_seconds) {
    absl::StrAppendFormat(&line, " | model %.3f ms", *event.model_seconds * 1e3);
  }
  return line;
}

}  // namespace tilewright
