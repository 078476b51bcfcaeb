// Bayesian optimisation: a Gaussian process over log times proposes the point of the greatest
// expected improvement (Jones, Schonlau and Welch, 1998). Every third pick is taken among the
// neighbours of the best points, which keeps the search moving on rugged spaces. Points that are
// still being measured count with their predicted time, so it need not wait for them.
#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "tuner/model/gaussian_process.h"
#include "tuner/search/options.h"
#include "tuner/search/propose.h"
#include "tuner/search/score.h"
#include "tuner/search/searcher.h"
#include "tuner/search/unseen.h"

namespace tilewright {
namespace {

constexpr size_t kElites = 4;
constexpr size_t kMaxPoints = 256;  // the process learns from the best and the latest beyond
constexpr size_t kLatest = 64;
constexpr int kFirstSteps = 25, kSteps = 6;  // of fitting the kernel
// Times are clipped at so many times the best: how slow a slow config is teaches little.
constexpr double kClip = 8;

double ExpectedImprovement(double best, double mean, double deviation) {
  if (deviation <= 0) return 0;
  const double z = (best - mean) / deviation;
  const double density = std::exp(-0.5 * z * z) / std::sqrt(2 * M_PI);
  return (best - mean) * 0.5 * std::erfc(-z / std::sqrt(2.0)) + deviation * density;
}

class GpSearcher final : public Searcher {
 public:
  GpSearcher(const SearchContext& context, const Options& options)
      : space_(context.space),
        start_size_(options.Int("start_size")),
        pool_size_(options.Int("pool_size")),
        local_every_(options.Int("local_every")),
        unseen_(context.space),
        rng_(context.seed) {
    MeasureRanges();
  }

  std::vector<uint64_t> Propose(size_t count) override {
    return ProposeOneByOne(count, [this] { return Next(); });
  }

  void Observe(std::span<const Trial> finished) override {
    for (const Trial& trial : finished) {
      unseen_.Take(trial.index);
      std::erase(pending_, trial.index);
      const std::optional<double> seconds = MedianSeconds(trial.outcome);
      known_.push_back({trial.index, seconds ? std::log(*seconds) : INFINITY});
      best_ = std::min(best_, known_.back().log_seconds);
    }
  }

 private:
  struct Known {
    uint64_t index;
    double log_seconds;  // infinite: failed
  };

  std::optional<uint64_t> Next() {
    const bool learning = unseen_.TakenCount() < start_size_ || std::isinf(best_);
    if (learning || known_.size() < 2 || offset_.empty()) return TakeRandom();
    if (!posterior_ || known_.size() >= fitted_ + std::max<size_t>(4, fitted_ / 8)) Refit();
    const std::optional<size_t> candidate = PickCandidate();
    if (!candidate) return TakeRandom();
    const uint64_t index = pool_[*candidate];
    unseen_.Take(index);
    pending_.push_back(index);
    AddFantasy(*candidate);
    return index;
  }

  std::optional<uint64_t> TakeRandom() {
    const std::optional<uint64_t> index = unseen_.TakeRandom(rng_);
    if (index) pending_.push_back(*index);
    return index;
  }

  // Fits the kernel to what is known and starts a posterior over a fresh pool.
  void Refit() {
    const std::vector<Known> learned = Learned();
    FeatureMatrix rows{.columns = offset_.size()};
    std::vector<double> targets;
    for (const Known& known : learned) {
      AppendScaled(known.index, rows);
      targets.push_back(Target(known));
    }
    FitScales(rows, targets, posterior_ ? kSteps : kFirstSteps, scales_);
    DrawPool();
    pool_.insert(pool_.end(), pending_.begin(), pending_.end());
    FeatureMatrix candidates{.columns = offset_.size()};
    for (uint64_t index : pool_) AppendScaled(index, candidates);
    posterior_.emplace(scales_, std::move(candidates));
    position_.clear();
    for (size_t i = 0; i < learned.size(); ++i) {
      posterior_->Add({rows.values.data() + i * rows.columns, rows.columns}, targets[i]);
    }
    fitted_ = answered_ = known_.size();
    for (size_t c = pool_.size() - pending_.size(); c < pool_.size(); ++c) AddFantasy(c);
  }

  void AddFantasy(size_t candidate) {
    position_[pool_[candidate]] = posterior_->points();
    posterior_->AddFantasy(candidate);
  }

  // The results since the last call take the place of their predictions.
  void Answer() {
    for (; answered_ < known_.size(); ++answered_) {
      const auto at = position_.find(known_[answered_].index);
      if (at != position_.end()) posterior_->SetTarget(at->second, Target(known_[answered_]));
    }
  }

  std::optional<size_t> PickCandidate() {
    Answer();
    const Posterior::Prediction predicted = posterior_->Predict();
    const bool local = local_every_ > 0 && ++picks_ % local_every_ == 0;
    const std::vector<uint64_t> elites = local ? Elites() : std::vector<uint64_t>{};
    std::optional<size_t> best, best_local;
    double highest = -1, highest_local = -1;
    for (size_t c = 0; c < pool_.size(); ++c) {
      const double gain = ExpectedImprovement(best_, predicted.mean[c], predicted.deviation[c]);
      const bool wins = gain > highest, wins_local = local && gain > highest_local;
      if ((!wins && !wins_local) || !unseen_.Has(pool_[c])) continue;
      if (wins) best = c, highest = gain;
      if (wins_local && NextToAny(pool_[c], elites)) best_local = c, highest_local = gain;
    }
    return best_local ? best_local : best;
  }

  bool NextToAny(uint64_t index, const std::vector<uint64_t>& others) const {
    return std::any_of(others.begin(), others.end(), [&](uint64_t other) {
      int different = 0;
      for (size_t k = 0; k < space_.knob_count() && different < 2; ++k) {
        different += space_.DigitOf(index, k) != space_.DigitOf(other, k);
      }
      return different == 1;
    });
  }

  double Target(const Known& known) const {
    return std::min(known.log_seconds, best_ + std::log(kClip));
  }

  std::vector<Known> ByTime() const {
    std::vector<Known> sorted = known_;
    std::stable_sort(sorted.begin(), sorted.end(),
                     [](const Known& a, const Known& b) { return a.log_seconds < b.log_seconds; });
    return sorted;
  }

  std::vector<uint64_t> Elites() const {
    std::vector<uint64_t> elites;
    for (const Known& known : ByTime()) {
      if (elites.size() == kElites || std::isinf(known.log_seconds)) break;
      elites.push_back(known.index);
    }
    return elites;
  }

  std::vector<Known> Learned() const {
    if (known_.size() <= kMaxPoints) return known_;
    std::vector<Known> learned(known_.end() - kLatest, known_.end());
    for (const Known& known : ByTime()) {
      if (learned.size() == kMaxPoints) break;
      const bool latest = std::any_of(known_.end() - kLatest, known_.end(),
                                      [&](const Known& k) { return k.index == known.index; });
      if (!latest) learned.push_back(known);
    }
    return learned;
  }

  // The whole of a small space; of a large one a sample and the neighbours of the best points.
  void DrawPool() {
    const std::vector<uint64_t>* all = unseen_.All();
    if (all && all->size() <= pool_size_) {
      pool_ = *all;
      return;
    }
    pool_.clear();
    for (uint64_t elite : Elites()) {
      for (uint64_t index : space_.Neighbors(elite)) pool_.push_back(index);
    }
    for (size_t i = 0; i < pool_size_; ++i) {
      const std::optional<uint64_t> index =
          all ? (*all)[rng_.Below(all->size())] : space_.Sample(rng_);
      if (!index) break;
      pool_.push_back(*index);
    }
    std::sort(pool_.begin(), pool_.end());
    pool_.erase(std::unique(pool_.begin(), pool_.end()), pool_.end());
    std::erase_if(pool_, [this](uint64_t index) { return !unseen_.Has(index); });
  }

  // Which features vary, and between what: they are scaled to [0, 1].
  void MeasureRanges() {
    std::vector<float> low, high;
    for (size_t k = 0; k < space_.knob_count(); ++k) {
      for (uint64_t i = 0; i < space_.CandidatesOf(k); ++i) {
        std::vector<float> row;
        space_.AppendFeatures(space_.WithDigit(0, k, i), row);
        if (low.empty()) low = high = row;
        for (size_t c = 0; c < row.size(); ++c) {
          low[c] = std::min(low[c], row[c]);
          high[c] = std::max(high[c], row[c]);
        }
      }
    }
    for (size_t c = 0; c < low.size(); ++c) {
      if (high[c] > low[c]) columns_.push_back(c);
    }
    for (size_t c : columns_) {
      offset_.push_back(low[c]);
      scale_.push_back(1 / (high[c] - low[c]));
    }
  }

  void AppendScaled(uint64_t index, FeatureMatrix& rows) const {
    std::vector<float> row;
    space_.AppendFeatures(index, row);
    for (size_t i = 0; i < columns_.size(); ++i) {
      rows.values.push_back((row[columns_[i]] - offset_[i]) * scale_[i]);
    }
  }

  const ConfigSpace& space_;
  const size_t start_size_, pool_size_, local_every_;
  Unseen unseen_;
  Rng rng_;
  std::vector<size_t> columns_;        // features that vary
  std::vector<float> offset_, scale_;  // of each of them

  std::vector<Known> known_;       // in the order of arrival
  std::vector<uint64_t> pending_;  // proposed, not observed
  double best_ = INFINITY;         // log seconds

  KernelScales scales_;
  std::optional<Posterior> posterior_;
  std::vector<uint64_t> pool_;                     // the posterior's candidates; the pending last
  std::unordered_map<uint64_t, size_t> position_;  // of fantasised points in the posterior
  size_t fitted_ = 0, answered_ = 0;               // known_ at the last fit, and put in since
  size_t picks_ = 0;
};

}  // namespace

OptionList gp_options() {
  return {{"start_size", "8", "random points before the first fit", 2, 100'000},
          {"pool_size", "5000", "points considered for a proposal", 10, 100'000},
          {"local_every", "3", "every n-th pick is a neighbour of a best point; 0: none", 0, 100}};
}

std::unique_ptr<Searcher> gp(const SearchContext& context) {
  return std::make_unique<GpSearcher>(context, Options(gp_options(), context.options));
}

}  // namespace tilewright
