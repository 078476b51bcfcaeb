// tilewright templates: the ways to schedule an operator.
#include "cli/listing.h"
#include "compiler/templates/template.h"

namespace tilewright {

void verb_templates(CLI::App& parent) {
  AddListingVerb(parent,
                 {"templates", "lists the schedule templates",
                  "  $ tilewright templates\n"
                  "  template          summary\n"
                  "  conv2d_nchwc.cpu  convolution on channel-blocked tensors\n"},
                 "template", [] {
                   std::vector<ListedItem> items;
                   for (const TemplateEntry& entry : Templates()) {
                     items.push_back({entry.name, std::string(entry.impl->Summary())});
                   }
                   return items;
                 });
}

}  // namespace tilewright
