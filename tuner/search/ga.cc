// Genetic search over knob digits with AutoTVM's operators and defaults (apache/tvm v0.18
// autotvm/tuner/ga_tuner.py): roulette selection by score, single-point crossover, mutation knob
// by knob, elites kept. Two differences: generations slide (parents are the elites and the last
// pop_size results), so it never waits for a result; and children are never measured twice.
#include <algorithm>
#include <deque>

#include "tuner/search/options.h"
#include "tuner/search/propose.h"
#include "tuner/search/score.h"
#include "tuner/search/searcher.h"
#include "tuner/search/unseen.h"

namespace tilewright {
namespace {

constexpr int kMaxChildren = 200;  // tries to breed an unseen one before a random point is taken

struct Individual {
  uint64_t index;
  double score;
};

class GaSearcher final : public Searcher {
 public:
  GaSearcher(const SearchContext& context, const Options& options)
      : space_(context.space),
        flops_(context.flops),
        pop_size_(options.Int("pop_size")),
        elite_num_(options.Int("elite_num")),
        mutation_prob_(options.Real("mutation_prob")),
        unseen_(context.space),
        rng_(context.seed) {}

  std::vector<uint64_t> Propose(size_t count) override {
    return ProposeOneByOne(count, [this] { return Next(); });
  }

  void Observe(std::span<const Trial> finished) override {
    for (const Trial& trial : finished) {
      unseen_.Take(trial.index);
      const Individual one{trial.index, ScoreOf(trial, flops_)};
      recent_.push_back(one);
      if (recent_.size() > pop_size_) recent_.pop_front();
      Promote(one);
    }
  }

 private:
  void Promote(const Individual& one) {
    elites_.push_back(one);
    std::stable_sort(elites_.begin(), elites_.end(),
                     [](const Individual& a, const Individual& b) { return a.score > b.score; });
    if (elites_.size() > elite_num_) elites_.pop_back();
  }

  std::optional<uint64_t> Next() {
    const std::vector<Individual> parents = Parents();
    if (unseen_.TakenCount() >= pop_size_ && parents.size() >= 2) {
      for (int i = 0; i < kMaxChildren; ++i) {
        const uint64_t child = Breed(Select(parents), Select(parents));
        if (unseen_.Has(child) && unseen_.Take(child)) return child;
      }
    }
    return unseen_.TakeRandom(rng_);
  }

  // Those with a score: a failure has no chance in the roulette.
  std::vector<Individual> Parents() const {
    std::vector<Individual> parents = elites_;
    parents.insert(parents.end(), recent_.begin(), recent_.end());
    std::erase_if(parents, [](const Individual& one) { return one.score <= 0; });
    return parents;
  }

  const Individual& Select(const std::vector<Individual>& parents) {
    double sum = 0;
    for (const Individual& one : parents) sum += one.score;
    double ball = rng_.Unit() * sum;
    for (const Individual& one : parents) {
      if ((ball -= one.score) < 0) return one;
    }
    return parents.back();
  }

  uint64_t Breed(const Individual& a, const Individual& b) {
    std::vector<uint64_t> genes = space_.DigitsOf(a.index);
    const size_t point = rng_.Below(genes.size() + 1);
    for (size_t k = point; k < genes.size(); ++k) genes[k] = space_.DigitOf(b.index, k);
    for (size_t k = 0; k < genes.size(); ++k) {
      if (rng_.Unit() < mutation_prob_) genes[k] = rng_.Below(space_.CandidatesOf(k));
    }
    return space_.IndexOfDigits(genes);
  }

  const ConfigSpace& space_;
  const double flops_;
  const size_t pop_size_, elite_num_;
  const double mutation_prob_;
  Unseen unseen_;
  Rng rng_;
  std::deque<Individual> recent_;
  std::vector<Individual> elites_;  // best first
};

}  // namespace

OptionList ga_options() {
  return {{"pop_size", "100", "random points before breeding; results that stay parents", 2},
          {"elite_num", "3", "best points that always stay parents", 0, 1000},
          {"mutation_prob", "0.1", "chance that a knob of a child is drawn anew", 0, 1}};
}

std::unique_ptr<Searcher> ga(const SearchContext& context) {
  return std::make_unique<GaSearcher>(context, Options(ga_options(), context.options));
}

}  // namespace tilewright
