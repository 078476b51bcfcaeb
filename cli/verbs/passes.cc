// tilewright passes: what is done to a model's graph, in order.
#include "cli/listing.h"
#include "compiler/graph/pipeline.h"

namespace tilewright {

void verb_passes(CLI::App& parent) {
  AddListingVerb(parent,
                 {"passes", "lists the graph passes in the order in which they run",
                  "  $ tilewright passes\n"
                  "  pass            summary\n"
                  "  fold_constants  evaluates what does not depend on an input\n"
                  "  ...\n"
                  "  $ tilewright compile model.onnx -o model.tar --disable-pass fold_constants\n"},
                 "pass", [] {
                   std::vector<ListedItem> items;
                   for (const PassInfo& pass : Passes()) {
                     items.push_back({pass.name, pass.summary});
                   }
                   return items;
                 });
}

}  // namespace tilewright
