#include "tuner/search/options.h"

#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/check.h"
#include "base/status_macros.h"

namespace tilewright {
namespace {

absl::Status CheckValue(const SearchOption& option, const std::string& value) {
  if (!option.choices.empty()) {
    if (std::count(option.choices.begin(), option.choices.end(), value)) return absl::OkStatus();
    return absl::InvalidArgumentError(
        absl::StrCat("option ", option.name, " is \"", value,
                     "\"; allowed: ", absl::StrJoin(option.choices, ", ")));
  }
  double number = 0;
  if (absl::SimpleAtod(value, &number) && number >= option.min && number <= option.max) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat("option ", option.name, " is \"", value,
                                                 "\"; allowed: a number from ", option.min, " to ",
                                                 option.max));
}

}  // namespace

absl::Status CheckOptions(const OptionList& known,
                          const std::map<std::string, std::string>& given) {
  for (const auto& [name, value] : given) {
    const auto option = std::find_if(known.begin(), known.end(),
                                     [&](const SearchOption& o) { return o.name == name; });
    if (option == known.end()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "unknown option ", name, "; known: ",
          known.empty() ? "none"
                        : absl::StrJoin(known, ", ", [](std::string* out, const SearchOption& o) {
                            *out += o.name;
                          })));
    }
    TW_RETURN_IF_ERROR(CheckValue(*option, value));
  }
  return absl::OkStatus();
}

Options::Options(const OptionList& known, const std::map<std::string, std::string>& given) {
  for (const SearchOption& option : known) values_[option.name] = option.default_value;
  for (const auto& [name, value] : given) values_[name] = value;
}

const std::string& Options::Word(std::string_view name) const {
  const auto it = values_.find(name);
  TW_CHECK(it != values_.end()) << "no option " << name;
  return it->second;
}

double Options::Real(std::string_view name) const {
  double number = 0;
  TW_CHECK(absl::SimpleAtod(Word(name), &number)) << name << " is not a number";
  return number;
}

}  // namespace tilewright
