#include "compiler/templates/support/warpgroup_template.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>

#include "compiler/templates/support/space.h"
#include "compiler/templates/support/tensor_core_template.h"

namespace tilewright {
namespace {

constexpr int64_t kMostGroupRegisters = 255;
constexpr int64_t kMostBoxRows = 256;
constexpr int64_t kMostColumns = 256;
constexpr int64_t kPitchBytes = 16;
constexpr double kUntunedCost = 2;  // times that of direct summation: others are taken

WarpgroupSchedule WarpgroupScheduleOf(const Config& config) {
  return {.groups = config.Int("groups"),
          .row_tiles = config.Int("row_tiles"),
          .columns = config.Int("columns"),
          .slots = config.Int("slots"),
          .raster = config.Int("raster"),
          .split_k = config.Int("split_k"),
          .last_block = config.Int("last_block") != 0};
}

LaunchLimits WarpgroupLimits(const GpuTraits& traits) {
  LaunchLimits limits = traits.limits;
  limits.shared_bytes = traits.shared_bytes;
  return limits;
}

// Registers come in units of 8 a thread. Warps are spread over four parts of a multiprocessor, each
// with a quarter of its registers.
int64_t RegistersFor(int64_t threads, const GpuTraits& traits) {
  const int64_t whole = (threads + kGroupThreads - 1) / kGroupThreads * kGroupThreads;
  return std::min(kMostGroupRegisters, traits.registers / whole / 8 * 8);
}

void AddWarpgroupRules(const std::shared_ptr<const TensorCoreGemm>& gemm, const GpuTraits& traits,
                       ConfigSpace* space) {
  space->AddConstraint("boxes of at most 256 rows", [](const Config& config) {
    return WarpgroupScheduleOf(config).rows() <= kMostBoxRows;
  });
  space->AddConstraint("at least 64 columns where right's rows are the depth",
                       [gemm](const Config& config) {
                         return !gemm->right_rows_are_depth || config.Int("columns") >= 64;
                       });
  space->AddConstraint("raster divides the tiles along m", [gemm](const Config& config) {
    const WarpgroupSchedule schedule = WarpgroupScheduleOf(config);
    return (gemm->m + schedule.rows() - 1) / schedule.rows() % schedule.raster == 0;
  });
  space->AddConstraint("a stage for each part of k", [gemm](const Config& config) {
    WarpgroupSchedule whole = WarpgroupScheduleOf(config);
    const int64_t parts = std::exchange(whole.split_k, 1);
    return parts <= StagesOf(*gemm, whole);
  });
  space->AddConstraint("no more slots than stages, or two", [gemm](const Config& config) {
    const WarpgroupSchedule schedule = WarpgroupScheduleOf(config);
    return schedule.slots <= std::max<int64_t>(2, StagesOf(*gemm, schedule));
  });
  space->AddConstraint("threads, blocks and shared memory that the device allows",
                       [gemm, limits = WarpgroupLimits(traits)](const Config& config) {
                         const auto needs = NeedsOf(*gemm, WarpgroupScheduleOf(config));
                         return CheckLaunch(needs.launch, limits).ok();
                       });
  space->AddConstraint("registers that a block of so many threads has",
                       [gemm, traits](const Config& config) {
                         const auto needs = NeedsOf(*gemm, WarpgroupScheduleOf(config));
                         return needs.registers <= RegistersFor(needs.launch.threads(), traits);
                       });
}

// About how long it takes: for each set of blocks that is resident at once, the slower of tensor
// cores and cache, and the latency that the slots do not hide. To compare schedules of one product.
double WarpgroupSeconds(const TensorCoreGemm& gemm, const WarpgroupSchedule& schedule,
                        const GpuTraits& traits) {
  constexpr double kTensorCoreGain = 16, kLatency = 1e-6, kLaunch = 2.5e-6;
  const auto real = [](int64_t value) { return static_cast<double>(value); };
  const TensorCoreNeeds needs = NeedsOf(gemm, schedule);
  const double units = traits.multiprocessors, blocks = real(needs.launch.blocks());
  const double fit = std::min(real(traits.shared_bytes / needs.launch.shared_bytes),
                              real(traits.registers / (needs.registers * needs.launch.threads())));
  const double resident = std::min(std::max(1.0, fit), std::ceil(blocks / units));
  const double rows = real(schedule.rows()), columns = real(schedule.columns);
  const double depth = real(StageDepth(gemm.left.source->dtype));
  const double multiply =
      resident * 2 * rows * columns * depth / (traits.flops * kTensorCoreGain / units);
  const double load = resident * (rows + columns) * kRowBytes / (traits.cache_bytes / units);
  // A slot is filled again when its last use is over.
  const double use = std::max(multiply, load), refill = (kLatency + use) / real(schedule.slots);
  const double stage = std::max(use, refill);
  const double waves = std::ceil(blocks / (units * resident));
  const double partial = real(schedule.split_k * gemm.m * gemm.n) * 8 / traits.cache_bytes;
  return kLaunch + waves * (real(StagesOf(gemm, schedule)) * stage + kLatency) +
         (schedule.split_k > 1 ? kLaunch + partial : 0);
}

const TileOp* MultiplyOf(const TensorCoreGemm& gemm, const WarpgroupSchedule& schedule,
                         const Target& target) {
  return FindGroupMultiply(gemm.left.source->dtype, schedule.columns, gemm.right_rows_are_depth,
                           ArchitectureNumber(target));
}

}  // namespace

bool BoxesFit(const TensorCoreGemm& gemm) {
  const auto whole = [](const StagedMatrix& matrix) {
    const Buffer& source = matrix.source;
    const int64_t pitch = source->shape.back() * static_cast<int64_t>(SizeOf(source->dtype));
    return matrix.contiguous && pitch % kPitchBytes == 0;
  };
  return whole(gemm.left) && whole(gemm.right);
}

bool HaveWarpgroups(const TensorCoreGemm& gemm, const Workload& workload, const Target& target) {
  return MultiplyOf(workload, target) != nullptr && BoxesFit(gemm) &&
         MultiplyOf(gemm, WarpgroupSchedule{}, target) != nullptr &&
         ColumnTiles(gemm, kMostColumns) <= GpuTraitsOf(target).limits.grid[1];
}

ConfigSpace WarpgroupTemplate::SpaceOf(const TensorCoreGemm& gemm, const Target& target) const {
  ConfigSpace space;
  DefineIntKnob(space, "groups", {1, 2, 3, 4});
  DefineIntKnob(space, "row_tiles", {1, 2, 4});
  DefineIntKnob(space, "columns", {32, 64, 128, 192, 256});
  DefineIntKnob(space, "slots", {2, 3, 4, 5, 6, 8});
  DefineIntKnob(space, "raster", {1, 2, 4, 8, 16});
  DefineIntKnob(space, "split_k", {1, 2, 4, 8, 16});
  space.DefineLaterKnob("last_block", {int64_t{0}, int64_t{1}});
  AddWarpgroupRules(std::make_shared<const TensorCoreGemm>(gemm), GpuTraitsOf(target), &space);
  return space;
}

// All of one part and in order of blocks; of equal ones that of the fewest slots comes first.
std::vector<Config> WarpgroupTemplate::Candidates(const TensorCoreGemm&,
                                                  const ConfigSpace& space) const {
  std::vector<Config> candidates;
  for (uint64_t index = 0; index < space.size(); ++index) {
    Config config = space.At(index);
    if (config.Int("raster") > 1 || config.Int("split_k") > 1) continue;
    if (config.Int("last_block") > 0) continue;
    candidates.push_back(std::move(config));
  }
  return candidates;
}

double WarpgroupTemplate::Seconds(const TensorCoreGemm& gemm, const Config& config,
                                  const Target& target) const {
  return WarpgroupSeconds(gemm, WarpgroupScheduleOf(config), GpuTraitsOf(target));
}

Program WarpgroupTemplate::LowerProducts(const TensorCoreGemm& gemm, const Config& config,
                                         const Target& target) const {
  const WarpgroupSchedule schedule = WarpgroupScheduleOf(config);
  return LowerWarpgroups(gemm, schedule, *MultiplyOf(gemm, schedule, target));
}

// Its shared memory is given by the launch.
LaunchLimits WarpgroupTemplate::LimitsOf(const GpuTraits& traits) const {
  return WarpgroupLimits(traits);
}

double WarpgroupTemplate::Cost(const Workload& workload, const Target& target) const {
  return Template::Cost(workload, target) * kUntunedCost;
}

}  // namespace tilewright
