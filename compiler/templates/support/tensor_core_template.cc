#include "compiler/templates/support/tensor_core_template.h"

#include <memory>

#include "compiler/templates/support/space.h"
#include "compiler/templates/support/tensor_core_model.h"

namespace tilewright {
namespace {

constexpr int64_t kWmmaDepth = 16;  // of one `chunk`
constexpr int64_t kMostThreadRegisters = 255;
constexpr int64_t kMostFetchCopies = 16;  // that are unrolled
constexpr double kGain = 8;               // over multiply-adds, untuned

// AutoTVM's order, by which of its tiles divide the product; where none does, the square first.
std::vector<int64_t> TileCandidates(int64_t m, int64_t n) {
  if (m % 32 == 0 && n % 8 == 0) return {32, 16, 8};
  if (m % 16 == 0 && n % 16 == 0) return {16, 8, 32};
  if (m % 8 == 0 && n % 32 == 0) return {8, 16, 32};
  return {16, 8, 32};
}

ConfigSpace KnobsOf(const TensorCoreGemm& gemm) {
  ConfigSpace space;
  for (const char* knob :
       {"block_row_warps", "block_col_warps", "warp_row_tiles", "warp_col_tiles"}) {
    DefineIntKnob(space, knob, {1, 2, 4});
  }
  DefineIntKnob(space, "chunk", {1, 2, 4, 8});
  DefineIntKnob(space, "offset", {0, 8});
  DefineIntKnob(space, "offsetCS", {0, 8});
  DefineIntKnob(space, "vec", {1, 2, 4, 8});
  DefineIntKnob(space, "wmma_m", TileCandidates(gemm.m, gemm.n));
  for (const char* knob : {"double_buffer", "direct_store"}) {
    space.DefineLaterKnob(knob, {int64_t{0}, int64_t{1}});
  }
  space.DefineLaterKnob("async_stages", {int64_t{0}, int64_t{2}, int64_t{3}, int64_t{4}});
  space.DefineLaterKnob("swizzle", {int64_t{0}, int64_t{1}});
  space.DefineLaterKnob("split_k", {int64_t{1}, int64_t{2}, int64_t{4}, int64_t{8}, int64_t{16}});
  space.DefineLaterKnob("last_block", {int64_t{0}, int64_t{1}});
  return space;
}

void AddTileRules(const std::shared_ptr<const TensorCoreGemm>& gemm, const TileOp& multiply,
                  bool asynchronous, ConfigSpace* space) {
  space->AddConstraint("a warp's tile of whole 16 x 8, a stage of whole multiplications",
                       [op = &multiply](const Config& config) {
                         const TensorCoreSchedule schedule = TensorCoreScheduleOf(config);
                         return schedule.warp_rows % kTileRows == 0 &&
                                schedule.depth % op->depth == 0;
                       });
  space->AddConstraint("stages are copied asynchronously, from sm_80 on, or double-buffered",
                       [asynchronous](const Config& config) {
                         const TensorCoreSchedule schedule = TensorCoreScheduleOf(config);
                         return schedule.async_stages == 0 ||
                                (asynchronous && !schedule.double_buffer);
                       });
  space->AddConstraint("vec elements of a matrix lie side by side", [gemm](const Config& config) {
    const int64_t vector = config.Int("vec");
    const auto fits = [vector](const StagedMatrix& matrix) {
      return matrix.contiguous && matrix.columns % vector == 0;
    };
    return vector == 1 || fits(gemm->left) || fits(gemm->right);
  });
  space->AddConstraint("swizzle where offset is 0", [](const Config& config) {
    const TensorCoreSchedule schedule = TensorCoreScheduleOf(config);
    return !schedule.swizzle || schedule.padding == 0;
  });
  space->AddConstraint("a stage for each part of k", [gemm](const Config& config) {
    const TensorCoreSchedule schedule = TensorCoreScheduleOf(config);
    return (schedule.split_k - 1) * schedule.depth < gemm->k;
  });
  space->AddConstraint("offsetCS 0 where results are stored directly", [](const Config& config) {
    const TensorCoreSchedule schedule = TensorCoreScheduleOf(config);
    return !schedule.direct_store || schedule.sums_padding == 0;
  });
}

void AddDeviceRules(const std::shared_ptr<const TensorCoreGemm>& gemm, const TileOp& multiply,
                    const GpuTraits& traits, ConfigSpace* space) {
  const auto needs = [gemm, op = &multiply](const Config& config) {
    return NeedsOf(*gemm, TensorCoreScheduleOf(config), *op);
  };
  space->AddConstraint("threads, blocks and shared memory that the device allows",
                       [needs, traits](const Config& config) {
                         return CheckLaunch(needs(config).launch, traits.limits).ok();
                       });
  space->AddConstraint("at most 255 registers a thread, and a block's within a multiprocessor's",
                       [needs, traits](const Config& config) {
                         const TensorCoreNeeds need = needs(config);
                         return need.registers <= kMostThreadRegisters &&
                                need.registers * need.launch.threads() <= traits.registers;
                       });
  space->AddConstraint("at most 16 copies a thread and stage where they are double-buffered",
                       [needs](const Config& config) {
                         return !TensorCoreScheduleOf(config).double_buffer ||
                                needs(config).copies <= kMostFetchCopies;
                       });
}

const TileOp& MultiplyOf(const TensorCoreGemm& gemm, const Target& target) {
  return *FindMultiply(gemm.left.source->dtype, ArchitectureNumber(target));
}

// The config at a point of what the default is chosen from: digits of warps and tiles, of the
// chunk and of how stages overlap.
Config Candidate(int64_t number, int64_t vector) {
  Config config;
  const auto add = [&config](const char* knob, int64_t value) {
    config.entities.emplace_back(knob, Scalar(value));
  };
  for (const char* knob :
       {"block_row_warps", "block_col_warps", "warp_row_tiles", "warp_col_tiles"}) {
    add(knob, int64_t{1} << number % 3);
    number /= 3;
  }
  add("chunk", int64_t{1} << number % 4);
  add("offset", 8);
  add("offsetCS", 0);
  add("vec", vector);
  add("wmma_m", 16);
  const int64_t overlap = number / 4;
  add("double_buffer", overlap == 1 ? 1 : 0);
  add("direct_store", 1);
  add("async_stages", overlap == 2 ? 3 : 0);
  add("swizzle", 0);
  add("split_k", 1);
  add("last_block", 0);
  add("atomics", 0);
  return config;
}
constexpr int64_t kCandidates = 3 * 3 * 3 * 3 * 4 * 3;

// The longest copies that either matrix allows.
int64_t LongestVector(const TensorCoreGemm& gemm) {
  int64_t longest = 1;
  for (const StagedMatrix* matrix : {&gemm.left, &gemm.right}) {
    longest = std::max(longest, VectorOf(*matrix, {.vector = 8}));
  }
  return longest;
}

}  // namespace

const TileOp* MultiplyOf(const Workload& workload, const Target& target) {
  const DType type = workload.inputs[0].dtype;
  const bool taken = type == DType::kF16 || type == DType::kBF16 || type == DType::kI8;
  if (!taken || workload.inputs[1].dtype != type) return nullptr;
  if (AccumulatorOf(workload) != AccumulatorOf(type)) return nullptr;
  return FindMultiply(type, ArchitectureNumber(target));
}

TensorCoreSchedule TensorCoreScheduleOf(const Config& config) {
  const int64_t rows = config.Int("wmma_m");
  return {.row_warps = config.Int("block_row_warps"),
          .column_warps = config.Int("block_col_warps"),
          .warp_rows = config.Int("warp_row_tiles") * rows,
          .warp_columns = config.Int("warp_col_tiles") * (256 / rows),
          .depth = config.Int("chunk") * kWmmaDepth,
          .padding = config.Int("offset") * 2,
          .swizzle = config.Int("swizzle") != 0,
          .split_k = config.Int("split_k"),
          .last_block = config.Int("last_block") != 0,
          .vector = config.Int("vec"),
          .double_buffer = config.Int("double_buffer") != 0,
          .async_stages = config.Int("async_stages"),
          .direct_store = config.Int("direct_store") != 0,
          .sums_padding = config.Int("offsetCS")};
}

ConfigSpace TensorCoreTemplate::SpaceOf(const TensorCoreGemm& gemm, const Target& target) const {
  ConfigSpace space = KnobsOf(gemm);
  const TileOp& multiply = MultiplyOf(gemm, target);
  const auto shared = std::make_shared<const TensorCoreGemm>(gemm);
  AddTileRules(shared, multiply, ArchitectureNumber(target) >= 80, &space);
  AddDeviceRules(shared, multiply, GpuTraitsOf(target), &space);
  return space;
}

// A config of one warp and the least tile is always valid.
std::vector<Config> TensorCoreTemplate::Candidates(const TensorCoreGemm& gemm,
                                                   const ConfigSpace&) const {
  const int64_t vector = LongestVector(gemm);
  std::vector<Config> candidates;
  for (int64_t number = 0; number < kCandidates; ++number) {
    candidates.push_back(Candidate(number, vector));
  }
  return candidates;
}

double TensorCoreTemplate::Seconds(const TensorCoreGemm& gemm, const Config& config,
                                   const Target& target) const {
  return TensorCoreSeconds(gemm, TensorCoreScheduleOf(config), MultiplyOf(gemm, target),
                           GpuTraitsOf(target));
}

Program TensorCoreTemplate::LowerProducts(const TensorCoreGemm& gemm, const Config& config,
                                          const Target& target) const {
  return LowerTensorCore(gemm, TensorCoreScheduleOf(config), MultiplyOf(gemm, target));
}

double TensorCoreTemplate::Cost(const Workload& workload, const Target& target) const {
  const TensorCoreGemm gemm = GemmOf(workload);
  const auto filled = [](int64_t extent, int64_t tile) {
    const int64_t whole = (extent + tile - 1) / tile * tile;
    return static_cast<double>(extent) / static_cast<double>(whole);
  };
  const double share = filled(gemm.m, kTileRows) * filled(gemm.n, kTileColumns);
  return Template::Cost(workload, target) / (kGain * share);
}

}  // namespace tilewright
