// Index order, invalid points skipped: for spaces small enough to measure whole.
#include <unordered_set>

#include "tuner/search/searcher.h"

namespace tilewright {
namespace {

// Invalid points skipped in one call: keeps Propose short where valid points are rare.
constexpr uint64_t kMaxSkips = 10'000'000;

class GridSearcher final : public Searcher {
 public:
  explicit GridSearcher(const SearchContext& context) : space_(context.space) {}

  std::vector<uint64_t> Propose(size_t count) override {
    std::vector<uint64_t> proposals;
    for (uint64_t skips = 0; proposals.size() < count && next_ < space_.size(); ++next_) {
      if (!observed_.contains(next_) && space_.IsValid(next_)) {
        proposals.push_back(next_);
      } else if (++skips == kMaxSkips) {
        break;
      }
    }
    return proposals;
  }

  void Observe(std::span<const Trial> finished) override {
    for (const Trial& trial : finished) observed_.insert(trial.index);
  }

 private:
  const ConfigSpace& space_;
  uint64_t next_ = 0;
  std::unordered_set<uint64_t> observed_;
};

}  // namespace

std::unique_ptr<Searcher> grid(const SearchContext& context) {
  return std::make_unique<GridSearcher>(context);
}

OptionList grid_options() { return {}; }

}  // namespace tilewright
