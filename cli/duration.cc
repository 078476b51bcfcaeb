#include "cli/duration.h"

#include <cmath>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "cli/exit_code.h"

namespace tilewright {

absl::StatusOr<double> ParseDuration(const std::string& text) {
  double unit = 1;
  std::string number = text;
  if (!text.empty() && std::string("smh").find(text.back()) != std::string::npos) {
    unit = text.back() == 's' ? 1 : text.back() == 'm' ? 60 : 3600;
    number.pop_back();
  }
  double value = 0;
  if (!absl::SimpleAtod(number, &value) || !std::isfinite(value) || value < 0) {
    return UsageError(absl::StrCat("\"", text, "\" is no time; write 90s, 10m or 1.5h"));
  }
  return value * unit;
}

}  // namespace tilewright
