// Chooses what to try next: ask/tell. Not thread-safe. Same (space, seed, options, observations)
// give the same proposals. One file a strategy: tuner/search/ga.cc defines
// `std::unique_ptr<Searcher> ga(const SearchContext&)` and `OptionList ga_options()`.
#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "compiler/core/outcome.h"
#include "compiler/schedule/config_space.h"

namespace tilewright {

class Searcher {
 public:
  virtual ~Searcher() = default;
  // Up to `count` valid indices, none proposed before by this searcher. May be called while
  // earlier proposals are still being measured. Empty: the space is exhausted.
  virtual std::vector<uint64_t> Propose(size_t count) = 0;
  // Results in any order; trials it did not propose (history) are welcome: they are learned from
  // and not proposed again.
  virtual void Observe(std::span<const Trial> finished) = 0;
};

// One documented option of a strategy: a number within bounds or one of the choices.
struct SearchOption {
  std::string name;
  std::string default_value;
  std::string summary;
  double min = 0, max = 1e9;         // of a number
  std::vector<std::string> choices;  // of a word
};
using OptionList = std::vector<SearchOption>;

struct SearchContext {
  const ConfigSpace& space;  // outlives the searcher
  uint64_t seed = 0;
  std::map<std::string, std::string> options;  // checked against the strategy's OptionList
  double flops = 1;                            // of the workload: scores are flops per second
};

struct SearcherEntry {
  std::string name;
  std::unique_ptr<Searcher> (*make)(const SearchContext&);
  OptionList (*options)();
};
const std::vector<SearcherEntry>& Searchers();

// InvalidArgument lists the known strategies, or the strategy's options.
absl::StatusOr<std::unique_ptr<Searcher>> MakeSearcher(std::string_view name,
                                                       const SearchContext& context);

}  // namespace tilewright
