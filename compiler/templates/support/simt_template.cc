#include "compiler/templates/support/simt_template.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "base/check.h"
#include "base/rng.h"
#include "base/status_macros.h"
#include "compiler/loop/threads.h"
#include "compiler/schedule/split_candidates.h"
#include "compiler/templates/support/simt_model.h"
#include "compiler/templates/support/space.h"
#include "compiler/templates/support/split_depth.h"

namespace tilewright {
namespace {

constexpr int64_t kMaxRegisters = 255;  // of a thread, on every NVIDIA GPU since sm_35
constexpr int64_t kMostParts = 16;      // whose sums are written and read again
constexpr int kDefaultSamples = 3000;
// The default's choice must not depend on anything but workload and target.
constexpr uint64_t kDefaultSeed = 7;

// The parts of an extent, a leading -1 resolved.
std::vector<int64_t> PartsOf(const Config& config, const std::string& knob, int64_t extent) {
  return ResolvedSizes(SplitEntity{config.Split(knob)}, extent);
}

SimtAxis CutOf(const SimtForm::AxisKnob& knob, const Config& config, int64_t extent) {
  SimtAxis cut{.block = knob.block, .thread = knob.thread};
  if (knob.knob.empty()) return cut;
  const std::vector<int64_t> parts = PartsOf(config, knob.knob, extent);
  if (parts.size() != 3) cut.vthreads = parts[1];
  if (parts.size() == 2) return cut;
  cut.threads = parts[parts.size() - 2];
  cut.inner = parts.back();
  return cut;
}

// Parts of a reduction axis, the stages in one.
std::vector<int64_t> StepsOf(const SimtForm::ReduceKnob& knob, const Config& config,
                             int64_t extent) {
  std::vector<int64_t> parts = {1, extent};
  if (!knob.knob.empty()) parts = PartsOf(config, knob.knob, extent);
  if (knob.split) parts.erase(parts.begin());
  for (size_t i = 1; i < knob.staging_parts; ++i) {
    parts[0] *= parts[1];
    parts.erase(parts.begin() + 1);
  }
  return parts;
}

bool IsSplit(const SimtForm& form) {
  return std::any_of(form.reduce.begin(), form.reduce.end(),
                     [](const SimtForm::ReduceKnob& reduce) { return reduce.split; });
}

void Set(const std::string& knob, int64_t value, Config* config) {
  for (auto& [name, entity] : config->entities) {
    if (name == knob) entity = Scalar(value);
  }
}

// Everything but the knobs of unrolling, which do not change what a schedule needs.
void AddFilters(const SimtForm& form, const Target& target, ConfigSpace* space) {
  const GpuTraits traits = GpuTraitsOf(target);
  const auto shared_form = std::make_shared<const SimtForm>(form);
  const auto model =
      std::make_shared<const SimtModel>(form.compute, form.staged, form.dilation, traits);
  const auto needs = [shared_form, model](const Config& config) {
    return model->NeedsOf(ScheduleOf(*shared_form, config));
  };
  space->AddConstraint("threads, blocks and shared memory that the device allows",
                       [needs, traits](const Config& config) {
                         return CheckLaunch(needs(config).launch, traits.limits).ok();
                       });
  space->AddConstraint("at most 255 registers a thread, and a block's within a multiprocessor's",
                       [needs, traits](const Config& config) {
                         const SimtModel::Needs need = needs(config);
                         const int64_t warps = (need.launch.threads() + 31) / 32;
                         return need.registers <= kMaxRegisters &&
                                need.registers * warps * 32 <= traits.registers;
                       });
}

void AddSplitRules(const SimtForm& form, ConfigSpace* space) {
  const auto shared_form = std::make_shared<const SimtForm>(form);
  space->AddConstraint("at most 16 parts of a split reduction",
                       [shared_form](const Config& config) {
                         return ScheduleOf(*shared_form, config).split <= kMostParts;
                       });
  space->AddConstraint("atomics where the reduction is split", [shared_form](const Config& config) {
    const SimtSchedule schedule = ScheduleOf(*shared_form, config);
    return !schedule.atomic || schedule.split > 1;
  });
}

}  // namespace

SimtSchedule ScheduleOf(const SimtForm& form, const Config& config) {
  SimtSchedule schedule{.staged = form.staged, .dilation = form.dilation};
  const bool fused = form.fuse_yx && config.Int("fuse_yx") != 0;
  for (size_t i = 0; i < form.axes.size(); ++i) {
    schedule.axes.push_back(CutOf(form.axes[i], config, form.compute.axes[i].extent));
    if (fused) schedule.axes.back().thread = form.axes[i].thread_if_fused;
  }
  size_t levels = 1;
  for (size_t i = 0; i < form.reduce.size(); ++i) {
    const int64_t extent = form.compute.reduce[i].extent;
    schedule.reduce.push_back(StepsOf(form.reduce[i], config, extent));
    levels = std::max(levels, schedule.reduce.back().size());
    if (form.reduce[i].split) schedule.split = PartsOf(config, form.reduce[i].knob, extent)[0];
  }
  for (std::vector<int64_t>& parts : schedule.reduce) parts.resize(levels, 1);
  schedule.atomic = IsSplit(form) && config.Int(kAtomicsKnob) != 0;
  if (form.unroll_steps.empty()) return schedule;
  schedule.unrolled_steps = config.Int("auto_unroll_max_step");
  schedule.unroll_now = config.Int("unroll_explicit") != 0;
  return schedule;
}

ConfigSpace SimtTemplate::Space(const Workload& workload, const Target& target) const {
  const SimtForm form = FormOf(workload);
  ConfigSpace space;
  for (size_t i = 0; i < form.axes.size(); ++i) {
    const SimtForm::AxisKnob& axis = form.axes[i];
    if (axis.knob.empty()) continue;
    const int64_t extent = form.compute.axes[i].extent;
    if (axis.only_blocks) {
      std::vector<int64_t> parts(static_cast<size_t>(axis.parts), 1);
      parts[0] = -1;
      space.DefineCandidates(axis.knob, {SplitEntity{std::move(parts)}}, extent);
    } else {
      space.DefineSplit(axis.knob, extent, {.outputs = axis.parts});
    }
  }
  for (size_t i = 0; i < form.reduce.size(); ++i) {
    const SimtForm::ReduceKnob& reduce = form.reduce[i];
    if (reduce.knob.empty()) continue;
    space.DefineSplit(reduce.knob, form.compute.reduce[i].extent, {.outputs = reduce.parts});
  }
  if (!form.unroll_steps.empty()) {
    DefineIntKnob(space, "auto_unroll_max_step", form.unroll_steps);
    DefineIntKnob(space, "unroll_explicit", {0, 1});
  }
  if (form.fuse_yx) DefineIntKnob(space, "fuse_yx", {0, 1});
  if (IsSplit(form)) {
    DefineAtomicsKnob(form.compute, &space);
    AddSplitRules(form, &space);
  }
  AddFilters(form, target, &space);
  return space;
}

std::function<double(const Config&)> SimtTemplate::Predictor(const Workload& workload,
                                                             const Target& target) const {
  const auto form = std::make_shared<const SimtForm>(FormOf(workload));
  const SimtModel model(form->compute, form->staged, form->dilation, GpuTraitsOf(target));
  return [form, model](const Config& config) { return model.SecondsOf(ScheduleOf(*form, config)); };
}

// The best by the model among many valid ones.
Config SimtTemplate::Default(const Workload& workload, const Target& target) const {
  const SimtForm form = FormOf(workload);
  const ConfigSpace space = Space(workload, target);
  const auto predict = Predictor(workload, target);
  Rng rng(kDefaultSeed);
  Config best;
  double best_seconds = 0;
  for (int i = 0; i < kDefaultSamples; ++i) {
    const Config config = space.At(rng.Below(space.size()));
    if (space.WhyInvalid(config)) continue;
    const double seconds = predict(config);
    if (!best.entities.empty() && seconds >= best_seconds) continue;
    best = config;
    best_seconds = seconds;
  }
  if (best.entities.empty()) best = space.At(0);  // every factor 1: one thread a block
  if (!form.unroll_steps.empty()) {
    Set("auto_unroll_max_step", form.unroll_steps.back(), &best);
    Set("unroll_explicit", 0, &best);
  }
  return best;
}

absl::StatusOr<LoweredTask> SimtTemplate::Lower(const Workload& workload, const Target& target,
                                                const Config& given) const {
  TW_ASSIGN_OR_RETURN(const Config config, Space(workload, target).Canonical(given));
  const SimtForm form = FormOf(workload);
  const SimtSchedule schedule = ScheduleOf(form, config);
  Program program = LowerSimt(form.compute, schedule);
  TW_RETURN_IF_ERROR(CheckLaunch(LaunchOf(program), GpuTraitsOf(target).limits));
  LoweredTask task = LowerLastBlock(std::move(program));
  return schedule.atomic ? WithZeros(std::move(task)) : task;
}

}  // namespace tilewright
