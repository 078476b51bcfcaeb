#include "cli/run/time_summary.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/check.h"

namespace tilewright {
namespace {

constexpr size_t kColumn = 12;

// Python's "{:^12}": the odd space goes to the right.
std::string Centred(const std::string& text) {
  const size_t room = text.size() < kColumn ? kColumn - text.size() : 0;
  return std::string(room / 2, ' ') + text + std::string(room - room / 2, ' ');
}

}  // namespace

TimeSummary Summarize(const std::vector<double>& milliseconds) {
  TW_CHECK(!milliseconds.empty());
  std::vector<double> sorted = milliseconds;
  std::sort(sorted.begin(), sorted.end());
  const size_t count = sorted.size();
  TimeSummary summary;
  summary.mean = std::accumulate(sorted.begin(), sorted.end(), 0.0) / static_cast<double>(count);
  summary.median = (sorted[(count - 1) / 2] + sorted[count / 2]) / 2;
  summary.max = sorted.back();
  summary.min = sorted.front();
  double squares = 0;
  for (const double time : sorted) squares += (time - summary.mean) * (time - summary.mean);
  summary.deviation = std::sqrt(squares / static_cast<double>(count));
  return summary;
}

std::string ToText(const TimeSummary& summary) {
  std::string heads, values;
  const std::pair<const char*, double> columns[] = {{"mean (ms)", summary.mean},
                                                    {"median (ms)", summary.median},
                                                    {"max (ms)", summary.max},
                                                    {"min (ms)", summary.min},
                                                    {"std (ms)", summary.deviation}};
  for (const auto& [head, value] : columns) {
    const std::string gap = heads.empty() ? "" : " ";
    heads += gap + Centred(head);
    values += gap + Centred(absl::StrFormat("%.4f", value));
  }
  return absl::StrCat("Execution time summary:\n", heads, "\n", values, "\n");
}

}  // namespace tilewright
