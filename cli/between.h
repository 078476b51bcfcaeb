// A bound that NaN does not pass, as it does CLI::Range.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace tilewright {

// Accepts numbers from `least` to `most`.
inline CLI::Validator Between(double least, double most) {
  const auto reason = [=](const std::string& text) -> std::string {
    double value = 0;
    const bool within = absl::SimpleAtod(text, &value) && value >= least && value <= most;
    return within ? "" : absl::StrCat("Value ", text, " not in range ", least, " to ", most);
  };
  return {reason, absl::StrCat("FLOAT in [", least, " - ", most, "]")};
}

}  // namespace tilewright
