// tilewright targets: what can be compiled for.
#include "cli/listing.h"
#include "compiler/targets/target_backend.h"

namespace tilewright {

void verb_targets(CLI::App& parent) {
  AddListingVerb(parent,
                 {"targets", "lists the kinds of target",
                  "  $ tilewright targets\n"
                  "  target  summary\n"
                  "  cpu     x86-64 processors by LLVM: cpu -mcpu=znver5\n"},
                 "target", [] {
                   std::vector<ListedItem> items;
                   for (const TargetEntry& entry : Targets()) {
                     items.push_back({entry.name, std::string(entry.impl->Summary())});
                   }
                   return items;
                 });
}

}  // namespace tilewright
