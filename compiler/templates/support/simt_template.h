// What the GPU templates of one tiled reduction share: the space of AutoTVM's direct templates, its
// filters, the default and the lowering (compiler/schedule/simt.h). A template says which axes have
// which knobs.
#pragma once

#include <functional>
#include <map>
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
    bool only_blocks = false;  // the one candidate of the knob leaves the whole axis to blocks
  };
  // The knob of a reduction axis: its first parts are the stages. No knob: all of it in one stage
  // (staging parts 1) or each step a stage of its own (2).
  struct ReduceKnob {
    std::string knob;
    int parts = 2;
    size_t staging_parts = 1;
    bool split = false;  // of the first axis: another first part is of blocks (SimtSchedule::split)
  };

  Compute compute;  // as LowerSimt wants it; the task's arguments in order, but see Lower
  std::vector<AxisKnob> axes;
  std::vector<ReduceKnob> reduce;
  std::vector<size_t> staged;
  std::map<size_t, std::vector<int64_t>> dilation;  // as SimtSchedule's
  std::vector<int64_t> unroll_steps;  // of auto_unroll_max_step; empty: no unroll knobs
  bool fuse_yx = false;  // has the last knob fuse_yx: rows and columns share a thread coordinate
};

class SimtTemplate : public Template {
 public:
  ConfigSpace Space(const Workload& workload, const Target& target) const override;
  Config Default(const Workload& workload, const Target& target) const override;
  // One step, of the form. A template whose form is but a part of its task overrides it.
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
