#include "tuner/replay/kernel_tuner_t4.h"

#include <map>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/strings.h"

namespace tilewright {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kMaxResults = 4'000'000, kMaxParameters = 64;

absl::Status BadResult(const std::string& what) {
  return absl::InvalidArgumentError(absl::StrCat("T4 results: ", what));
}

absl::StatusOr<Json> MillisecondsOf(const Json& result) {
  if (result.at("invalidity").get<std::string>() != "correct") return Json();
  const std::string objective = result.at("objectives").at(0);
  for (const Json& measured : result.at("measurements")) {
    if (measured.at("name").get<std::string>() != objective) continue;
    const std::string unit = measured.value("unit", "");
    const double value = measured.at("value");
    if (unit != "ms" || !(value > 0)) {
      return BadResult(absl::StrCat("the objective ", Shown(objective), " is ", value, " \"",
                                    Shown(unit), "\"; it must be a time in ms"));
    }
    return Json(value);
  }
  return BadResult(absl::StrCat("no measurement of the objective ", Shown(objective)));
}

// Numbers the values of each parameter as they come.
class Parameters {
 public:
  absl::StatusOr<Json> RowOf(const Json& configuration) {
    if (names_.empty()) {
      for (const auto& [name, value] : configuration.items()) names_.push_back(name);
      if (names_.empty() || names_.size() > kMaxParameters) {
        return BadResult(absl::StrCat(names_.size(), " parameters, allowed are 1 to 64"));
      }
    }
    if (configuration.size() != names_.size())
      return BadResult("configurations of other parameters");
    Json row = Json::array();
    for (const std::string& name : names_) {
      const Json& value = configuration.at(name);
      const auto text = value.dump(-1, ' ', false, Json::error_handler_t::replace);
      const auto [known, is_new] = numbers_[name].emplace(text, numbers_[name].size());
      if (is_new) values_[name].push_back(value);
      row.push_back(known->second);
    }
    return row;
  }
  const Json& values() const { return values_; }

 private:
  std::vector<std::string> names_;
  std::map<std::string, std::map<std::string, size_t>> numbers_;
  Json values_ = Json::object();
};

}  // namespace

absl::StatusOr<Json> TableOfT4(const Json& root) {
  const Json& results = root.at("results");
  if (results.size() > kMaxResults) return BadResult(absl::StrCat(results.size(), " results"));
  Parameters parameters;
  Json rows = Json::array(), times = Json::array();
  for (const Json& result : results) {
    TW_ASSIGN_OR_RETURN(Json row, parameters.RowOf(result.at("configuration")));
    TW_ASSIGN_OR_RETURN(Json time, MillisecondsOf(result));
    rows.push_back(std::move(row));
    times.push_back(std::move(time));
  }
  if (rows.empty()) return BadResult("no results");
  return Json{{"params", parameters.values()}, {"cfg", rows}, {"time", times}};
}

}  // namespace tilewright
