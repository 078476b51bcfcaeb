#include "cli/arguments.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/utf8.h"

namespace tilewright {
namespace {

template <typename T>
CLI::Validator WholeNumber() {
  const auto normalise = [](std::string& text) -> std::string {
    T value = 0;
    if (absl::SimpleAtoi(text, &value)) {
      text = absl::StrCat(value);
      return "";
    }
    using Limits = std::numeric_limits<T>;
    return absl::StrCat(text, " is no whole number from ", Limits::min(), " to ", Limits::max());
  };
  return {normalise, ""};
}

CLI::Validator FiniteNumber() {
  const auto reason = [](const std::string& text) -> std::string {
    double value = 0;
    const bool finite = absl::SimpleAtod(text, &value) && std::isfinite(value);
    return finite ? "" : absl::StrCat(text, " is no finite number");
  };
  return {reason, ""};
}

// How many letters to insert, remove or replace (Wagner and Fischer 1974).
size_t EditDistance(const std::string& a, const std::string& b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 0; i < a.size(); ++i) {
    size_t diagonal = std::exchange(row[0], i + 1);
    for (size_t j = 0; j < b.size(); ++j) {
      const size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, diagonal + 1});
    }
  }
  return row.back();
}

std::vector<std::string> OptionsNear(const CLI::App& verb, const std::string& wrong) {
  constexpr size_t kMost = 3;
  std::vector<std::pair<size_t, std::string>> near;
  for (const CLI::Option* option : verb.get_options()) {
    if (option->get_group().empty()) continue;  // not shown to people
    for (const std::string& name : option->get_lnames()) {
      const bool part = wrong.size() > 2 && absl::StrContains(name, wrong);
      const size_t distance = part ? 1 : EditDistance(name, wrong);
      if (distance <= 1 + wrong.size() / 4) near.emplace_back(distance, "--" + name);
    }
  }
  std::sort(near.begin(), near.end());
  if (near.size() > kMost) near.resize(kMost);
  std::vector<std::string> names;
  for (auto& [distance, name] : near) names.push_back(std::move(name));
  return names;
}

}  // namespace

void CheckNumbers(CLI::App& app) {
  for (CLI::Option* option : app.get_options()) {
    const std::string type = option->get_type_name();
    if (absl::StartsWith(type, "INT")) option->transform(WholeNumber<int64_t>());
    if (absl::StartsWith(type, "UINT")) option->transform(WholeNumber<uint64_t>());
    if (absl::StartsWith(type, "FLOAT")) option->transform(FiniteNumber());
  }
  for (CLI::App* verb : app.get_subcommands(nullptr)) CheckNumbers(*verb);
}

std::string UnknownOption(const CLI::App& app) {
  for (const std::string& word : app.remaining()) {
    const size_t name = word.find_first_not_of('-');
    if (name == 0 || name == std::string::npos) continue;
    const std::string wrong = word.substr(0, word.find('='));
    const std::vector<std::string> near = OptionsNear(app, wrong.substr(name));
    return absl::StrCat("unknown option ", wrong,
                        near.empty() ? "" : "; near: ", absl::StrJoin(near, ", "));
  }
  for (const CLI::App* verb : app.get_subcommands()) {
    if (std::string unknown = UnknownOption(*verb); !unknown.empty()) return unknown;
  }
  return "";
}

CLI::Validator OneLine() {
  const auto reason = [](const std::string& text) -> std::string {
    return IsOneLine(text) ? "" : "it is not one line of UTF-8 text without control characters";
  };
  return {reason, ""};
}

}  // namespace tilewright
