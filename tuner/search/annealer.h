// Simulated annealing over a space on a model's scores: finds points the model likes in spaces
// too large to score whole. As AutoTVM's (apache/tvm v0.18 autotvm/tuner/sa_model_optimizer.py):
// parallel chains kept between runs, a move changes one knob, temperature falls linearly to 0.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "compiler/schedule/config_space.h"

namespace tilewright {

struct AnnealOptions {
  size_t parallel_size = 128;  // chains
  int n_iter = 500;
  int early_stop = 50;     // iterations without a change among the best
  double temperature = 1;  // at the start
};

class Annealer {
 public:
  using Scorer = std::function<std::vector<float>(std::span<const uint64_t>)>;
  using Filter = std::function<bool(uint64_t)>;

  // `space` outlives this.
  Annealer(const ConfigSpace& space, const AnnealOptions& options)
      : space_(space), options_(options) {}

  // Up to `count` points that `wanted` admits, best first. Chains visit valid points only.
  std::vector<uint64_t> Best(size_t count, const Scorer& score, const Filter& wanted, Rng& rng);

 private:
  void Refill(Rng& rng);
  uint64_t Move(uint64_t index, Rng& rng) const;

  const ConfigSpace& space_;
  const AnnealOptions options_;
  std::vector<uint64_t> chains_;
};

}  // namespace tilewright
