#include "compiler/templates/support/gemm_template.h"

#include <utility>

#include "base/status_macros.h"
#include "compiler/templates/support/split_depth.h"

namespace tilewright {

ConfigSpace GemmTemplate::Space(const Workload& workload, const Target& target) const {
  return WholeSpace(GemmOf(workload), target);
}

ConfigSpace GemmTemplate::WholeSpace(const TensorCoreGemm& gemm, const Target& target) const {
  ConfigSpace space = SpaceOf(gemm, target);
  DefineAtomicsKnob(gemm.compute, &space);
  space.AddConstraint("last_block or atomics where k is split", [](const Config& config) {
    const int64_t most = config.Int("split_k") > 1 ? 1 : 0;
    return config.Int("last_block") + config.Int(kAtomicsKnob) <= most;
  });
  return space;
}

Config GemmTemplate::Default(const Workload& workload, const Target& target) const {
  const TensorCoreGemm gemm = GemmOf(workload);
  const ConfigSpace space = WholeSpace(gemm, target);
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
  TW_ASSIGN_OR_RETURN(const Config config, Space(workload, target).Canonical(given));
  const TensorCoreGemm gemm = GemmFor(workload, config);
  const auto lower = [&](const TensorCoreGemm& products) {
    return LowerProducts(products, config, target);
  };
  const bool atomic = config.Int(kAtomicsKnob) != 0, last_block = config.Int("last_block") != 0;
  const int64_t parts = config.Int("split_k");
  LoweredTask task =
      parts > 1 && !last_block && !atomic
          ? LowerSplitDepth(gemm, parts, AccumulatorOf(gemm.left.source->dtype), lower)
          : LowerLastBlock(lower(atomic ? AtomicSums(gemm) : gemm));
  task = WithOperands(workload, std::move(task));
  if (atomic) task = WithZeros(std::move(task));
  for (const LoweredStep& step : task.steps) {
    TW_RETURN_IF_ERROR(CheckLaunch(LaunchOf(step.program), LimitsOf(GpuTraitsOf(target))));
  }
  return task;
}

}  // namespace tilewright
