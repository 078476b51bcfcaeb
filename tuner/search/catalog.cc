#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "tuner/search/options.h"
#include "tuner/search/searcher.h"

namespace tilewright {

#define ENTRY(name)                                     \
  std::unique_ptr<Searcher> name(const SearchContext&); \
  OptionList name##_options();
#include "tuner/search/entries.inc"
#undef ENTRY

const std::vector<SearcherEntry>& Searchers() {
  static const auto* entries = new std::vector<SearcherEntry>{
#define ENTRY(name) {#name, name, name##_options},
#include "tuner/search/entries.inc"
#undef ENTRY
  };
  return *entries;
}

absl::StatusOr<std::unique_ptr<Searcher>> MakeSearcher(std::string_view name,
                                                       const SearchContext& context) {
  const auto& all = Searchers();
  const auto entry =
      std::find_if(all.begin(), all.end(), [&](const SearcherEntry& e) { return e.name == name; });
  if (entry == all.end()) {
    auto append = [](std::string* out, const SearcherEntry& e) { *out += e.name; };
    return absl::InvalidArgumentError(
        absl::StrCat("unknown strategy ", Sv(name), "; known: ", absl::StrJoin(all, ", ", append)));
  }
  if (absl::Status s = CheckOptions(entry->options(), context.options); !s.ok()) {
    return absl::InvalidArgumentError(absl::StrCat("strategy ", Sv(name), ": ", s.message()));
  }
  return entry->make(context);
}

}  // namespace tilewright
