#include "cli/tuning/duration.h"

#include <cmath>
#include <map>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "cli/exit_code.h"

namespace tilewright {

absl::StatusOr<double> ParseDuration(const std::string& text) {
  const std::map<char, double> units = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
  const auto unit = units.find(text.empty() ? '\0' : text.back());
  std::string number = text;
  if (unit != units.end()) number.pop_back();
  double value = 0;
  if (!absl::SimpleAtod(number, &value) || !std::isfinite(value) || value < 0) {
    return UsageError(absl::StrCat("\"", text, "\" is no time; write 90s, 10m, 1.5h or 90d"));
  }
  return unit == units.end() ? value : value * unit->second;
}

}  // namespace tilewright
