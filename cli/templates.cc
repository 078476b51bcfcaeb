// tilewright templates: the ways to schedule an operator, from the catalogue.
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/table.h"
#include "cli/verb.h"
#include "compiler/templates/template.h"

namespace tilewright {
namespace {

constexpr char kExample[] =
    "  $ tilewright templates\n"
    "  template          summary\n"
    "  conv2d_nchwc.cpu  direct convolution on channel-blocked tensors\n";

absl::Status PrintTemplates(bool json) {
  if (json) {
    nlohmann::ordered_json list = nlohmann::ordered_json::array();
    for (const TemplateEntry& entry : Templates()) {
      list.push_back({{"name", entry.name}, {"summary", std::string(entry.impl->Summary())}});
    }
    std::cout << list.dump(2) << "\n";
    return absl::OkStatus();
  }
  Table table({"template", "summary"});
  for (const TemplateEntry& entry : Templates()) {
    table.Add({entry.name, std::string(entry.impl->Summary())});
  }
  table.Print(std::cout);
  return absl::OkStatus();
}

}  // namespace

void verb_templates(CLI::App& parent) {
  auto json = std::make_shared<bool>(false);
  CLI::App* verb = AddVerb(parent, {"templates", "lists the schedule templates", kExample},
                           [json] { return PrintTemplates(*json); });
  verb->add_flag("--json", *json, "print JSON");
}

}  // namespace tilewright
