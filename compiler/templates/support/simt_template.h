// What the GPU templates of one tiled reduction share: the space of AutoTVM's direct templates, its
// filters, the default and the lowering (compiler/schedule/simt.h). A template says which axes have
// which knobs.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "compiler/core/gpu_traits.h"
#include "compiler/schedule/simt.h"
#include "compiler/templates/template.h"

namespace tilewright {

struct SimtForm {
  // The knob of an output axis: a split into `parts` (4: blocks, virtual threads, threads, inner;
  // 3: without virtual threads; 2: blocks and virtual threads). No knob: the whole axis is blocks.
  struct AxisKnob {
    std::string knob;
    int parts = 4;
    ThreadAxis block = ThreadAxis::kNone, thread = ThreadAxis::kNone;
    ThreadAxis thread_if_fused = ThreadAxis::kNone;  // instead of `thread` where fuse_yx is 1
  };
  // The knob of a reduction axis: the first part is the stages. No knob: all of it in one stage.
  struct ReduceKnob {
    std::string knob;
    int parts = 2;
  };

  Compute compute;  // as LowerSimt wants it; its buffers are the workload's arguments in order
  std::vector<AxisKnob> axes;
  std::vector<ReduceKnob> reduce;
  std::vector<size_t> staged;
  std::vector<int64_t> unroll_steps;  // of auto_unroll_max_step; empty: no unroll knobs
  bool fuse_yx = false;  // has the last knob fuse_yx: rows and columns share a thread coordinate
};

class SimtTemplate : public Template {
 public:
  ConfigSpace Space(const Workload& workload, const Target& target) const override;
  Config Default(const Workload& workload, const Target& target) const override;
  absl::StatusOr<LoweredTask> Lower(const Workload& workload, const Target& target,
                                    const Config& config) const override;

  // Predicted seconds of the space's configs (SimtModel), to rank those of one workload. What
  // chooses the default. REQUIRES: Matches; the configs are valid in Space.
  std::function<double(const Config&)> Predictor(const Workload& workload,
                                                 const Target& target) const;

 protected:
  // REQUIRES: Matches.
  virtual SimtForm FormOf(const Workload& workload) const = 0;
};

// The schedule that a config of the form's space stands for. REQUIRES: it is one.
SimtSchedule ScheduleOf(const SimtForm& form, const Config& config);

}  // namespace tilewright
