#include "compiler/templates/support/simt_model.h"

#include <algorithm>
#include <cmath>

#include "compiler/core/tensor.h"
#include "compiler/loop/simplify.h"
#include "compiler/loop/threads.h"
#include "compiler/loop/visit.h"

namespace tilewright {
namespace {

constexpr int64_t kWarp = 32;
// Registers beside accumulators and operands: addresses and loop counters.
constexpr int64_t kOtherRegisters = 24;
constexpr double kStageSeconds = 0.5e-6;  // of a stage's loads and barriers: about 700 cycles
constexpr double kLaunchSeconds = 2.5e-6;
constexpr double kWarpsToHideLatency = 8;
constexpr int64_t kReservedShared = 1 << 10;  // of each block, since sm_80
constexpr int64_t kMaxResidentBlocks = 32;

int64_t RoundUp(int64_t value, int64_t unit) { return (value + unit - 1) / unit * unit; }

}  // namespace

SimtModel::SimtModel(const Compute& compute, const std::vector<size_t>& staged,
                     const std::map<size_t, std::vector<int64_t>>& dilation,
                     const GpuTraits& traits)
    : traits_(traits) {
  for (const Axis& axis : compute.axes) axes_.push_back(axis.extent);
  for (const Axis& axis : compute.reduce) reduce_.push_back(axis.extent);
  output_bytes_ = static_cast<double>(NumBytes({compute.output->dtype, compute.output->shape}));
  memory_bytes_ = output_bytes_;
  for (const Buffer& input : compute.inputs) {
    memory_bytes_ += static_cast<double>(NumBytes({input->dtype, input->shape}));
  }
  const auto coefficient = [](const Expr& index, const Axis& axis) {
    const std::optional<Affine> affine = AffineIn(index, axis.var);
    return affine ? affine->coefficient : 0;
  };
  for (const size_t input : staged) {
    Expr load;
    ForEachExpr(compute.body, [&](const Expr& e) {
      if (e->kind == ExprKind::kLoad && e->buffer == compute.inputs[input]) load = e;
    });
    const DType type = StagedType(load->dtype, compute.body->dtype);
    Staged one{.element_bytes = static_cast<int64_t>(SizeOf(type))};
    for (const Expr& index : load->operands) {
      Dim dim;
      for (const Axis& axis : compute.axes) dim.per_axis.push_back(coefficient(index, axis));
      for (const Axis& axis : compute.reduce) dim.per_reduce.push_back(coefficient(index, axis));
      const auto dilated = dilation.find(input);
      if (dilated != dilation.end()) dim.dilation = dilated->second[one.dims.size()];
      one.dims.push_back(std::move(dim));
    }
    staged_.push_back(std::move(one));
  }
}

int64_t SimtModel::Dim::Span(const std::vector<int64_t>& tile,
                             const std::vector<int64_t>& inner) const {
  int64_t span = 1;
  for (size_t a = 0; a < tile.size(); ++a) span += per_axis[a] * (tile[a] - 1);
  for (size_t r = 0; r < inner.size(); ++r) span += per_reduce[r] * (inner[r] - 1);
  return span;
}

double SimtModel::ShareFilled(const std::vector<int64_t>& tile,
                              const std::vector<int64_t>& inner) const {
  double share = 1;
  for (const Staged& staged : staged_) {
    for (const Dim& dim : staged.dims) {
      const auto span = static_cast<double>(dim.Span(tile, inner));
      share *= std::min(1.0, span / static_cast<double>(dim.dilation));
    }
  }
  return share;
}

int64_t SimtModel::SharedBytes(const std::vector<int64_t>& tile,
                               const std::vector<int64_t>& inner) const {
  int64_t bytes = 0;
  for (const Staged& staged : staged_) {
    int64_t box = staged.element_bytes;
    for (const Dim& dim : staged.dims) {
      box = std::min(box * dim.Span(tile, inner), int64_t{1} << 40);
    }
    bytes += box;
  }
  return bytes;
}

int64_t SimtModel::Operands(const std::vector<int64_t>& owned) const {
  int64_t operands = 0;
  for (const Staged& staged : staged_) {
    int64_t elements = 1;
    for (size_t a = 0; a < owned.size(); ++a) {
      const auto moves = [a](const Dim& dim) { return dim.per_axis[a] != 0; };
      if (std::any_of(staged.dims.begin(), staged.dims.end(), moves)) elements *= owned[a];
    }
    operands += elements;
  }
  return operands;
}

SimtModel::Needs SimtModel::NeedsOf(const SimtSchedule& schedule) const {
  Needs needs;
  std::vector<int64_t> tile, inner;
  std::vector<int64_t> owned;  // a thread's elements along each axis
  for (size_t a = 0; a < axes_.size(); ++a) {
    const SimtAxis& cut = schedule.axes[a];
    const int64_t own = cut.vthreads * cut.inner;
    tile.push_back(own * cut.threads);
    needs.accumulators *= own;
    owned.push_back(own);
    const auto grow = [](std::array<int64_t, 3>& sizes, ThreadAxis axis, ThreadAxis first,
                         int64_t by) {
      if (by > 1) sizes[static_cast<size_t>(axis) - static_cast<size_t>(first)] *= by;
    };
    grow(needs.launch.grid, cut.block, ThreadAxis::kBlockX, axes_[a] / tile.back());
    grow(needs.launch.block, cut.thread, ThreadAxis::kThreadX, cut.threads);
  }
  for (size_t r = 0; r < reduce_.size(); ++r) {
    needs.stages *= schedule.reduce[r][0];
    inner.push_back(reduce_[r] / (r == 0 ? schedule.split : 1) / schedule.reduce[r][0]);
    needs.steps *= inner.back();
  }
  needs.launch.grid[2] *= schedule.split;
  const bool last_block = schedule.split > 1 && !schedule.atomic;
  needs.launch.shared_bytes = SharedBytes(tile, inner) + (last_block ? kLastBlockBytes : 0);
  needs.filled = ShareFilled(tile, inner);
  needs.registers = needs.accumulators + Operands(owned) + kOtherRegisters;
  return needs;
}

double SimtModel::ResidentBlocks(const Needs& needs) const {
  const int64_t threads = RoundUp(needs.launch.threads(), kWarp);
  const int64_t by_threads = traits_.resident_threads / threads;
  const int64_t by_registers = traits_.registers / (RoundUp(needs.registers, 8) * threads);
  const int64_t by_shared = traits_.shared_bytes / (needs.launch.shared_bytes + kReservedShared);
  return static_cast<double>(
      std::max<int64_t>(1, std::min({by_threads, by_registers, by_shared, kMaxResidentBlocks})));
}

double SimtModel::SecondsOf(const SimtSchedule& schedule) const {
  const Needs needs = NeedsOf(schedule);
  const double blocks = static_cast<double>(needs.launch.blocks());
  const double units = traits_.multiprocessors;
  const double resident = std::min(ResidentBlocks(needs), std::ceil(blocks / units));
  const double threads = static_cast<double>(needs.launch.threads());
  const double lanes = static_cast<double>(RoundUp(needs.launch.threads(), kWarp));
  const double stages = static_cast<double>(needs.stages) * needs.filled;
  const double accumulators = static_cast<double>(needs.accumulators);
  const double fmas = accumulators * static_cast<double>(needs.steps) * stages;
  const double warps = resident * lanes / kWarp;
  const double fma_rate = traits_.flops / 2 / units;  // of one multiprocessor, a second
  // Independent accumulators hide latency as more warps do.
  const double busy = std::min(1.0, warps * std::min(4.0, accumulators) / kWarpsToHideLatency / 2);
  const double arithmetic = resident * lanes * fmas / (fma_rate * busy);
  // Operands that a thread reads from shared memory for a step, a quarter of the rate of FMAs.
  const double reads = 2 * std::sqrt(accumulators) * fmas / accumulators;
  const double shared = resident * lanes * reads / (fma_rate / 2);
  const double moved = stages * static_cast<double>(needs.launch.shared_bytes);
  const double cache = resident * moved / (traits_.cache_bytes / units);
  const double latency = stages * kStageSeconds;
  const double waves = std::ceil(blocks / (units * resident));
  const double set = std::max({arithmetic, shared, cache, latency}) + 0.3 * latency;
  const double floor = memory_bytes_ / traits_.memory_bytes;
  const double spill = needs.registers > 255 ? 4 : 1;
  // The last block of a tile reads what all of its parts wrote; atomic sums are read and written,
  // after another kernel has zeroed them.
  const double partial = 2 * output_bytes_ * static_cast<double>(schedule.split);
  const double more = schedule.atomic ? kLaunchSeconds : kStageSeconds;
  const double sums = schedule.split > 1 ? more + partial / traits_.cache_bytes : 0;
  return kLaunchSeconds + std::max(waves * set, floor) * spill * (threads < kWarp ? 1.5 : 1) + sums;
}

}  // namespace tilewright
