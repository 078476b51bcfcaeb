// Uniform without repeats. The yardstick: every other strategy must beat it.
#include "tuner/search/searcher.h"
#include "tuner/search/unseen.h"

namespace tilewright {
namespace {

class RandomSearcher final : public Searcher {
 public:
  explicit RandomSearcher(const SearchContext& context)
      : unseen_(context.space), rng_(context.seed) {}

  std::vector<uint64_t> Propose(size_t count) override {
    std::vector<uint64_t> proposals;
    while (proposals.size() < count) {
      const std::optional<uint64_t> index = unseen_.TakeRandom(rng_);
      if (!index) break;
      proposals.push_back(*index);
    }
    return proposals;
  }

  void Observe(std::span<const Trial> finished) override {
    for (const Trial& trial : finished) unseen_.Take(trial.index);
  }

 private:
  Unseen unseen_;
  Rng rng_;
};

}  // namespace

std::unique_ptr<Searcher> random(const SearchContext& context) {
  return std::make_unique<RandomSearcher>(context);
}

OptionList random_options() { return {}; }

}  // namespace tilewright
