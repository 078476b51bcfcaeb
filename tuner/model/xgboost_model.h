// Gradient-boosted trees by the XGBoost library. Uses one thread, that of the caller: a second
// one would be taken from the kernels being built or timed on the same machine.
#pragma once

#include <memory>
#include <string_view>

#include "tuner/model/cost_model.h"

namespace tilewright {

struct XgboostOptions {
  enum class Loss { kRegression, kRank };  // squared error or pairwise ranking
  Loss loss = Loss::kRank;
  int rounds = 60;
  int max_depth = 5;
  double eta = 0.2;
  double gamma = 1e-4;  // AutoTVM's
  double min_child_weight = 1;
  int max_bin = 32;  // knobs have few values; training time grows with it
};

std::unique_ptr<CostModel> MakeXgboostModel(const XgboostOptions& options);

// What Save gave; it scores rows of so many columns. InvalidArgument says what is wrong with the
// bytes.
absl::StatusOr<std::unique_ptr<CostModel>> LoadXgboostModel(std::string_view bytes, size_t columns);

}  // namespace tilewright
