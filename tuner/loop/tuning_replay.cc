// How the steps of a job's earlier lives bring its search back to where it stood.
#include <utility>

#include "absl/strings/str_cat.h"
#include "tuner/loop/tuning.h"

namespace tilewright {

void Tuning::Replay() {
  replaying_ = true;
  TuneStep step;
  while (replay_(&step)) {
    replay_seconds_ = std::max(replay_seconds_, step.seconds);
    const bool withdrawn = step.kind == TuneStep::Kind::kWithdrawn;
    const bool starts =
        step.kind == TuneStep::Kind::kStart || step.kind == TuneStep::Kind::kConfirm;
    if (withdrawn && step.item < tasks_.size()) {
      TakeBackResult(step.item, step.index);
    } else if (starts && step.item < tasks_.size()) {
      ReplayStart(step);
    } else if (!starts && !withdrawn) {
      Accept({step.number, std::move(step.measured)});
    }
    step = {};
  }
  replaying_ = false;
}

// The loop makes its own choice, as it did then; it is compared with what was told.
void Tuning::ReplayStart(const TuneStep& step) {
  if (step.number <= last_number_) return StartAgain(step);
  const bool confirms = step.kind == TuneStep::Kind::kConfirm;
  if (confirms && phase_ != Phase::kConfirm) EnterPhase(Phase::kConfirm);
  if (!confirms && phase_ == Phase::kConfirm) EnterPhase(Phase::kRest);
  if (diverged_ || step.number != last_number_ + 1) return Diverge(step);
  if (confirms) {
    const std::optional<uint64_t> index = tasks_[step.item].NextConfirmation(budget_.confirmations);
    if (index) return Started({step.item, *index, true});
    return Diverge(step);
  }
  const std::optional<Running> next = NextOfSearch();
  if (next && next->item == step.item && next->index == step.index) return Started(*next);
  if (next) tasks_[next->item].TakeBack(next->index);
  Diverge(step);
}

void Tuning::Diverge(const TuneStep& step) {
  if (!std::exchange(diverged_, true) && callbacks_.diverged) {
    callbacks_.diverged(absl::StrCat("trial ", step.number, " was point ", step.index, " of task ",
                                     step.item, ", and would be another now"));
  }
  Follow(step);
}

// A trial that was given up and whose result came after that: it keeps its number.
void Tuning::StartAgain(const TuneStep& step) {
  if (step.kind == TuneStep::Kind::kConfirm || running_.contains(step.number)) return;
  unmeasured_.erase(step.number);
  tasks_[step.item].Start(step.index);
  running_[step.number] = {step.item, step.index, false};
}

void Tuning::Follow(const TuneStep& step) {
  if (running_.contains(step.number)) return;
  last_number_ = step.number - 1;
  if (step.kind == TuneStep::Kind::kConfirm) {
    tasks_[step.item].StartConfirmation();
  } else {
    tasks_[step.item].Start(step.index);
  }
  Started({step.item, step.index, step.kind == TuneStep::Kind::kConfirm});
}

}  // namespace tilewright
