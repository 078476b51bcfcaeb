// What the templates for Hopper's warpgroups (sm_90a) share: space, filters, default and the
// lowering (warpgroup_gemm.h). A template says what the matrices are. Our own space; taken by
// records alone, because no device has yet confirmed how the emulator reads descriptors and boxes.
#pragma once

#include "compiler/templates/support/gemm_template.h"
#include "compiler/templates/support/warpgroup_gemm.h"

namespace tilewright {

// Whether tensor maps can load both matrices: as they lie, rows of a multiple of 16 bytes.
bool BoxesFit(const TensorCoreGemm& gemm);

// Whether the target multiplies the workload's element types by warpgroups, boxes fit and there is
// a launch of so many columns.
bool HaveWarpgroups(const TensorCoreGemm& gemm, const Workload& workload, const Target& target);

// Gemms are as LowerWarpgroups requires.
class WarpgroupTemplate : public GemmTemplate {
 public:
  double Cost(const Workload& workload, const Target& target) const override;

 protected:
  ConfigSpace SpaceOf(const TensorCoreGemm& gemm, const Target& target) const override;
  std::vector<Config> Candidates(const TensorCoreGemm& gemm,
                                 const ConfigSpace& space) const override;
  double Seconds(const TensorCoreGemm& gemm, const Config& config,
                 const Target& target) const override;
  Program LowerProducts(const TensorCoreGemm& gemm, const Config& config,
                        const Target& target) const override;
  LaunchLimits LimitsOf(const GpuTraits& traits) const override;
};

}  // namespace tilewright
