// What the templates of one matrix product on tensor cores share, whoever multiplies: warps
// (tensor_core_template.h) or warpgroups (warpgroup_template.h). An operator's template says what
// the matrices are.
#pragma once

#include <vector>

#include "compiler/core/gpu_traits.h"
#include "compiler/loop/threads.h"
#include "compiler/templates/support/tensor_core_gemm.h"
#include "compiler/templates/template.h"

namespace tilewright {

// The knob split_k is the parts of k, each summed by blocks of its own (split_depth.h). Another
// kernel adds them, or the last block where the knob last_block is 1, or each is added to the
// output where the knob atomics is, which every space ends with.
class GemmTemplate : public Template {
 public:
  ConfigSpace Space(const Workload& workload, const Target& target) const final;
  // The best valid one of Candidates by Seconds, of equal ones the first.
  Config Default(const Workload& workload, const Target& target) const final;
  absl::StatusOr<LoweredTask> Lower(const Workload& workload, const Target& target,
                                    const Config& config) const final;

 protected:
  // REQUIRES: Matches; so the others, of its gemm.
  virtual TensorCoreGemm GemmOf(const Workload& workload) const = 0;
  // The same for a config, where the order of its elements depends on that.
  virtual TensorCoreGemm GemmFor(const Workload& workload, const Config&) const {
    return GemmOf(workload);
  }
  // The task of the products, after what their operands need: the first two of the first step.
  virtual LoweredTask WithOperands(const Workload&, LoweredTask products) const { return products; }
  // With the knobs split_k and last_block, but not with atomics.
  virtual ConfigSpace SpaceOf(const TensorCoreGemm& gemm, const Target& target) const = 0;
  // What the default is chosen from; one at least is valid.
  virtual std::vector<Config> Candidates(const TensorCoreGemm& gemm,
                                         const ConfigSpace& space) const = 0;
  // About how long it takes: to compare configs of one product.
  virtual double Seconds(const TensorCoreGemm& gemm, const Config& config,
                         const Target& target) const = 0;
  // Of the whole depth or, for the same config, of a part of it where another kernel adds the
  // parts.
  virtual Program LowerProducts(const TensorCoreGemm& gemm, const Config& config,
                                const Target& target) const = 0;
  virtual LaunchLimits LimitsOf(const GpuTraits& traits) const { return traits.limits; }

 private:
  ConfigSpace WholeSpace(const TensorCoreGemm& gemm, const Target& target) const;
};

}  // namespace tilewright
