// "name, summary" lists of the catalogues, as a table or as JSON.
#pragma once

#include <string>
#include <vector>

#include "cli/verb.h"

namespace tilewright {

struct ListedItem {
  std::string name, summary;
};

// A verb that prints what `list` gives; `title` heads the column of names.
void AddListingVerb(CLI::App& parent, VerbInfo info, std::string title,
                    std::function<std::vector<ListedItem>()> list);

}  // namespace tilewright
