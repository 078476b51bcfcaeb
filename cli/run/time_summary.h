// Statistics of repeated runs, printed as tvmc prints them.
#pragma once

#include <string>
#include <vector>

namespace tilewright {

// Milliseconds; the standard deviation is the population's.
struct TimeSummary {
  double mean = 0, median = 0, max = 0, min = 0, deviation = 0;
};

// REQUIRES: at least one time.
TimeSummary Summarize(const std::vector<double>& milliseconds);

// "Execution time summary:", five column heads and five numbers, each centred in 12 columns.
std::string ToText(const TimeSummary& summary);

}  // namespace tilewright
