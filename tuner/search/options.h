// Reading and checking a strategy's options.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "tuner/search/searcher.h"

namespace tilewright {

// InvalidArgument names the unknown option and lists the known, or the value and what is allowed.
absl::Status CheckOptions(const OptionList& known, const std::map<std::string, std::string>& given);

// The values given, with the defaults for the rest. REQUIRES: CheckOptions(...).ok(), and that
// the names asked for are in the list.
class Options {
 public:
  Options(const OptionList& known, const std::map<std::string, std::string>& given);
  double Real(std::string_view name) const;
  int64_t Int(std::string_view name) const { return static_cast<int64_t>(Real(name)); }
  const std::string& Word(std::string_view name) const;

 private:
  std::map<std::string, std::string, std::less<>> values_;
};

}  // namespace tilewright
