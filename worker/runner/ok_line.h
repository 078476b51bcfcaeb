// How runners answer with what they have timed.
#pragma once

#include <limits>
#include <sstream>
#include <string>
#include <vector>

namespace tilewright {

// "ok NUMBER...": every one, so that reading gives the same doubles (worker/process/run_result.h).
inline std::string OkLine(const std::vector<double>& numbers) {
  std::ostringstream line;
  line.precision(std::numeric_limits<double>::max_digits10);
  line << "ok";
  for (const double number : numbers) line << " " << number;
  return line.str();
}

}  // namespace tilewright
