// What the templates for Hopper's warpgroups (sm_90a) share: space, filters, default and the
// lowering (warpgroup_gemm.h). A template says what the matrices are. Our own space; taken by
// records alone, because no device has yet confirmed how the emulator reads descriptors and boxes.
#pragma once

#include "compiler/templates/support/warpgroup_gemm.h"
#include "compiler/templates/template.h"

namespace tilewright {

// Whether the target multiplies the workload's element types by warpgroups and tensor maps can load
// both matrices: as they lie, rows of a multiple of 16 bytes.
bool HaveWarpgroups(const TensorCoreGemm& gemm, const Workload& workload, const Target& target);

class WarpgroupTemplate : public Template {
 public:
  ConfigSpace Space(const Workload& workload, const Target& target) const override;
  Config Default(const Workload& workload, const Target& target) const override;
  absl::StatusOr<LoweredTask> Lower(const Workload& workload, const Target& target,
                                    const Config& config) const override;
  double Cost(const Workload& workload, const Target& target) const override;

 protected:
  // As LowerWarpgroups requires. REQUIRES: Matches.
  virtual TensorCoreGemm GemmOf(const Workload& workload) const = 0;
};

}  // namespace tilewright
