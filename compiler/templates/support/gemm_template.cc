#include "compiler/templates/support/gemm_template.h"

#include <utility>

#include "base/status_macros.h"
#include "compiler/templates/support/split_depth.h"

namespace tilewright {

ConfigSpace GemmTemplate::Space(const Workload& workload, const Target& target) const {
  return SpaceOf(GemmOf(workload), target);
}

Config GemmTemplate::Default(const Workload& workload, const Target& target) const {
  const TensorCoreGemm gemm = GemmOf(workload);
  const ConfigSpace space = SpaceOf(gemm, target);
  Config best;
  double least = 0;
  for (Config& config : Candidates(gemm, space)) {
    if (space.WhyInvalid(config)) continue;
    const double seconds = Seconds(gemm, config, target);
    if (!best.entities.empty() && seconds >= least) continue;
    best = std::move(config);
    least = seconds;
  }
  return best;
}

absl::StatusOr<LoweredTask> GemmTemplate::Lower(const Workload& workload, const Target& target,
                                                const Config& given) const {
  TW_ASSIGN_OR_RETURN(const Config config, SpaceOf(GemmOf(workload), target).Canonical(given));
  const TensorCoreGemm gemm = GemmFor(workload, config);
  const auto lower = [&](const TensorCoreGemm& products) {
    return LowerProducts(products, config, target);
  };
  const int64_t parts = config.Int("split_k");
  LoweredTask task =
      parts > 1 && !LastBlockAdds(config)
          ? LowerSplitDepth(gemm, parts, AccumulatorOf(gemm.left.source->dtype), lower)
          : LowerLastBlock(lower(gemm));
  task = WithOperands(workload, std::move(task));
  for (const LoweredStep& step : task.steps) {
    TW_RETURN_IF_ERROR(CheckLaunch(LaunchOf(step.program), LimitsOf(GpuTraitsOf(target))));
  }
  return task;
}

}  // namespace tilewright
