// What a tiled GPU schedule needs and about how long it takes, from its tile sizes alone: the
// filters of config spaces before anything is built, and the choice of defaults.
#pragma once

#include <map>
#include <vector>

#include "compiler/core/gpu_traits.h"
#include "compiler/schedule/simt.h"

namespace tilewright {

class SimtModel {
 public:
  // `staged` and `dilation` as SimtSchedule's.
  SimtModel(const Compute& compute, const std::vector<size_t>& staged,
            const std::map<size_t, std::vector<int64_t>>& dilation, const GpuTraits& traits);

  struct Needs {
    Launch launch;
    int64_t accumulators = 1;  // of a thread
    int64_t registers = 0;     // of a thread, estimated
    int64_t stages = 1;        // steps of the outer reduction loop
    int64_t steps = 1;         // reduction steps in a stage
    double filled = 1;         // share of the stages that hold any elements
  };
  Needs NeedsOf(const SimtSchedule& schedule) const;

  // Seconds: the slowest of arithmetic, shared memory, cache, device memory and latency, for each
  // set of blocks that is resident at once. Of use to compare schedules of one compute only.
  double SecondsOf(const SimtSchedule& schedule) const;

 private:
  // A staged input's index along one dimension: how far it moves with each axis.
  struct Dim {
    std::vector<int64_t> per_axis, per_reduce;
    int64_t dilation = 1;
    // Indices that a stage reads.
    int64_t Span(const std::vector<int64_t>& tile, const std::vector<int64_t>& inner) const;
  };
  struct Staged {
    std::vector<Dim> dims;
    int64_t element_bytes = 4;
  };
  double ShareFilled(const std::vector<int64_t>& tile, const std::vector<int64_t>& inner) const;
  int64_t SharedBytes(const std::vector<int64_t>& tile, const std::vector<int64_t>& inner) const;
  // Elements of the staged inputs that a thread multiplies in one step, of which it owns so many
  // outputs along each axis: compilers keep them all.
  int64_t Operands(const std::vector<int64_t>& owned) const;
  double ResidentBlocks(const Needs& needs) const;

  GpuTraits traits_;
  std::vector<int64_t> axes_, reduce_;  // extents
  std::vector<Staged> staged_;
  double memory_bytes_ = 0;  // of every operand once
  double output_bytes_ = 0;
};

}  // namespace tilewright
