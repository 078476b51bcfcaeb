// Which task of a model the next trials go to.
#pragma once

#include <optional>
#include <vector>

#include "tuner/loop/task_state.h"

namespace tilewright {

// Trials given to a task at a time: long enough for its searcher to learn from them.
inline constexpr size_t kRoundTrials = 8;
// Trials without any success after which a task is given up.
inline constexpr size_t kHopelessTrials = 64;

// Seconds of the model that one more trial of this task is expected to save: a blend of what
// recent trials saved and of an optimistic bound (the task scheduler of Ansor, OSDI 2020, with
// its constants). `peak_flops` is the best rate any task of the same operator reached; 0 unknown.
double ExpectedGain(const TaskState& task, double peak_flops);

// Position of the task to go on with among those `open`; nullopt when none is. Those that have
// started fewer than `first_round` trials come first: of them those without a success, then the
// one with the largest part of the model's time.
std::optional<size_t> PickTask(const std::vector<TaskState>& tasks, const std::vector<bool>& open,
                               size_t first_round);

}  // namespace tilewright
