#include "cli/listing.h"

#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

#include "cli/table.h"

namespace tilewright {
namespace {

void PrintJson(const std::vector<ListedItem>& items) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const ListedItem& item : items) {
    list.push_back({{"name", item.name}, {"summary", item.summary}});
  }
  std::cout << list.dump(2) << "\n";
}

void PrintTable(const std::string& title, const std::vector<ListedItem>& items) {
  Table table({title, "summary"});
  for (const ListedItem& item : items) table.Add({item.name, item.summary});
  table.Print(std::cout);
}

}  // namespace

void AddListingVerb(CLI::App& parent, VerbInfo info, std::string title,
                    std::function<std::vector<ListedItem>()> list) {
  const auto json = std::make_shared<bool>(false);
  CLI::App* verb = AddVerb(parent, std::move(info), [json, title, list = std::move(list)] {
    *json ? PrintJson(list()) : PrintTable(title, list());
    return absl::OkStatus();
  });
  verb->add_flag("--json", *json, "print JSON");
}

}  // namespace tilewright
