// How runners answer when they have timed a kernel.
#pragma once

#include <limits>
#include <sstream>
#include <string>
#include <vector>

namespace tilewright {

// "ok SECONDS...": every sample, so that reading gives the same doubles
// (worker/process/run_result.h).
inline std::string OkLine(const std::vector<double>& seconds) {
  std::ostringstream line;
  line.precision(std::numeric_limits<double>::max_digits10);
  line << "ok";
  for (const double s : seconds) line << " " << s;
  return line.str();
}

}  // namespace tilewright
