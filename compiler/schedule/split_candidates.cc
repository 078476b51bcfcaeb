#include "compiler/schedule/split_candidates.h"

#include <algorithm>

#include "base/check.h"

namespace tilewright {
namespace {

std::vector<int64_t> Factors(int64_t extent, const SplitOptions& options) {
  std::vector<int64_t> factors;
  if (options.policy != SplitPolicy::kPower2) {
    for (int64_t f = 1; f * f <= extent; ++f) {
      if (extent % f != 0) continue;
      factors.push_back(f);
      factors.push_back(extent / f);
    }
  }
  if (options.policy != SplitPolicy::kFactors) {
    for (int64_t f = 1; f <= extent; f *= 2) factors.push_back(f);
  }
  std::sort(factors.begin(), factors.end());
  factors.erase(std::unique(factors.begin(), factors.end()), factors.end());
  if (options.max_inner > 0) {
    std::erase_if(factors, [&](int64_t f) { return f > options.max_inner; });
  }
  return factors;
}

struct Enumeration {
  int64_t extent;
  size_t inner;  // sizes to choose
  bool tails;
  std::vector<int64_t> factors;
  std::vector<int64_t> chosen;  // innermost first
  std::vector<Entity> result;

  void Run(int64_t product) {
    if (chosen.size() == inner) {
      if (tails || extent % product == 0) Emit();
      return;
    }
    for (int64_t f : factors) {
      if (f > extent / product) break;  // the product only grows
      chosen.push_back(f);
      Run(product * f);
      chosen.pop_back();
    }
  }

  void Emit() {
    std::vector<int64_t> sizes = {-1};
    sizes.insert(sizes.end(), chosen.rbegin(), chosen.rend());
    result.push_back(SplitEntity{std::move(sizes)});
  }
};

}  // namespace

std::vector<Entity> SplitCandidates(int64_t extent, const SplitOptions& options) {
  TW_CHECK(extent > 0 && options.outputs >= 2) << "split of " << extent;
  if (!options.candidates.empty()) {
    TW_CHECK(options.outputs == 2) << "listed candidates are inner sizes of two outputs";
    std::vector<Entity> listed;
    for (int64_t size : options.candidates) listed.push_back(SplitEntity{{-1, size}});
    return listed;
  }
  Enumeration walk{.extent = extent,
                   .inner = static_cast<size_t>(options.outputs - 1),
                   .tails = options.policy != SplitPolicy::kFactors,
                   .factors = Factors(extent, options)};
  walk.Run(1);
  return std::move(walk.result);
}

std::vector<int64_t> ResolvedSizes(const SplitEntity& entity, int64_t extent) {
  std::vector<int64_t> sizes = entity.sizes;
  if (sizes.empty() || sizes[0] != -1) return sizes;
  int64_t product = 1;
  for (size_t i = 1; i < sizes.size(); ++i) product *= sizes[i];
  sizes[0] = (extent + product - 1) / product;
  return sizes;
}

}  // namespace tilewright
