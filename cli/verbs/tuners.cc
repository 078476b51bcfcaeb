// tilewright tuners: the search strategies and their options, from the catalogue.
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cli/table.h"
#include "cli/verb.h"
#include "tuner/search/searcher.h"

namespace tilewright {
namespace {

using Json = nlohmann::ordered_json;

constexpr char kExample[] =
    "  $ tilewright tuners\n"
    "  tuner   option         default  meaning\n"
    "  ga      pop_size       100      random points before breeding; results that stay parents\n"
    "  random  -              -        -\n";

std::string Meaning(const SearchOption& option) {
  if (option.choices.empty()) return option.summary;
  return absl::StrCat(option.summary, " (", absl::StrJoin(option.choices, ", "), ")");
}

void PrintTable() {
  Table table({"tuner", "option", "default", "meaning"});
  for (const SearcherEntry& entry : Searchers()) {
    const OptionList options = entry.options();
    if (options.empty()) table.Add({entry.name, "-", "-", "-"});
    for (const SearchOption& option : options) {
      table.Add({entry.name, option.name, option.default_value, Meaning(option)});
    }
  }
  table.Print(std::cout);
}

void PrintJson() {
  Json list = Json::array();
  for (const SearcherEntry& entry : Searchers()) {
    Json options = Json::array();
    for (const SearchOption& option : entry.options()) {
      options.push_back({{"name", option.name},
                         {"default", option.default_value},
                         {"summary", option.summary},
                         {"choices", option.choices}});
    }
    list.push_back({{"name", entry.name}, {"options", std::move(options)}});
  }
  std::cout << list.dump(2) << "\n";
}

}  // namespace

void verb_tuners(CLI::App& parent) {
  auto json = std::make_shared<bool>(false);
  CLI::App* verb = AddVerb(parent, {"tuners", "lists the search strategies", kExample}, [json] {
    *json ? PrintJson() : PrintTable();
    return absl::OkStatus();
  });
  verb->add_flag("--json", *json, "print JSON");
}

}  // namespace tilewright
