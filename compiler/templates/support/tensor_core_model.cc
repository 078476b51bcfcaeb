#include "compiler/templates/support/tensor_core_model.h"

#include <algorithm>
#include <cmath>

namespace tilewright {
namespace {

constexpr double kClock = 1.5e9;
constexpr double kSharedBytesOfClock = 128;     // of a multiprocessor
constexpr double kCopiesOfClock = 16;           // with their index arithmetic
constexpr double kStageLatency = 0.5e-6;        // loads from memory, then barriers
constexpr double kOverlappedLatency = 0.15e-6;  // barriers alone
constexpr double kLaunchLatency = 2.5e-6;
constexpr int64_t kBlockReserve = 1 << 10;  // shared memory of each block, since sm_80
constexpr int64_t kMostResidentBlocks = 32;

// Tensor cores' rate over that of float32: what mma.sync reaches of it.
double RateOver(const TileOp& multiply) { return SizeOf(multiply.type) == 1 ? 16 : 8; }

int64_t ResidentOf(const TensorCoreNeeds& needs, const GpuTraits& traits) {
  const int64_t threads = needs.launch.threads();
  const int64_t by_registers = traits.registers / ((needs.registers + 7) / 8 * 8 * threads);
  const int64_t by_shared = traits.shared_bytes / (needs.launch.shared_bytes + kBlockReserve);
  const int64_t by_threads = traits.resident_threads / threads;
  return std::max<int64_t>(1, std::min({by_registers, by_shared, by_threads, kMostResidentBlocks}));
}

}  // namespace

double TensorCoreSeconds(const TensorCoreGemm& gemm, const TensorCoreSchedule& schedule,
                         const TileOp& multiply, const GpuTraits& traits) {
  const TensorCoreNeeds needs = NeedsOf(gemm, schedule, multiply);
  const auto real = [](int64_t value) { return static_cast<double>(value); };
  const double units = traits.multiprocessors, blocks = real(needs.launch.blocks());
  const double resident = std::min(real(ResidentOf(needs, traits)), std::ceil(blocks / units));
  const double split = real(schedule.split_k);
  const double stages = std::ceil(std::ceil(real(gemm.k) / real(schedule.depth)) / split);
  const double warps = resident * real(schedule.threads() / kWarpThreads);
  const double bytes = real(static_cast<int64_t>(SizeOf(multiply.type)));
  const double rows = real(schedule.rows()), columns = real(schedule.columns());
  const double depth = real(schedule.depth);
  const double tiles = real(schedule.warp_rows * schedule.warp_columns) / 128;
  const double busy = std::min(1.0, warps * std::min(4.0, tiles) / 16);
  const double rate = traits.flops * RateOver(multiply) / units * busy;
  const double arithmetic = resident * 2 * rows * columns * depth / rate;
  const double read = warps * real(schedule.warp_rows + schedule.warp_columns) * depth * bytes;
  const double conflicts = schedule.padding > 0 || schedule.swizzle ? 1 : 4;
  const double shared = read * conflicts / (kSharedBytesOfClock * kClock);
  const double copies = resident * real(needs.copies * schedule.threads());
  const double copying = copies / (kCopiesOfClock * kClock);
  const double cache = resident * (rows + columns) * depth * bytes / (traits.cache_bytes / units);
  const double latency = schedule.parts() > 1 ? kOverlappedLatency : kStageLatency;
  const double stage = std::max({arithmetic, shared, copying, cache, latency}) + 0.3 * latency;
  const double waves = std::ceil(blocks / (units * resident));
  const double store =
      schedule.direct_store ? 0 : rows * columns * 8 / (kSharedBytesOfClock * kClock);
  // The parts' sums are written and read again, perhaps by another kernel.
  const double partial = split * real(gemm.batch * gemm.m * gemm.n) * 8 / traits.cache_bytes;
  const double reader = schedule.last_block ? kStageLatency : kLaunchLatency;
  const double sum = schedule.split_k > 1 ? reader + partial : 0;
  return kLaunchLatency + waves * (stages * stage + resident * store) + sum;
}

}  // namespace tilewright
