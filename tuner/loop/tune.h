// The tuning loop: propose, measure, observe, record; for one task or all tasks of a model.
// Knows neither gRPC nor SQLite: measurements go to a Measurer, results out by callback.
#pragma once

#include <functional>
#include <optional>
#include <stop_token>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "compiler/core/task.h"
#include "compiler/schedule/config_space.h"
#include "tuner/measure/measurer.h"
#include "tuner/search/searcher.h"

namespace tilewright {

// One task to tune. What is pointed to outlives the call.
struct TuneItem {
  Task task;
  const ConfigSpace* space = nullptr;
  Searcher* searcher = nullptr;
  double flops = 1;   // of one run of the kernel
  double weight = 1;  // how often the network runs it
  // Earlier trials, oldest first: learned from, not proposed again, the best of them counts. A
  // config that was measured several times counts as RecordStore::Best counts it.
  std::vector<Trial> history;
  // The last so many of `history` were made by this same job before it was interrupted: they
  // count against its budget and for early stopping.
  size_t resumed_trials = 0;
  // Measured before the searcher is asked: the template's default, bests of similar workloads.
  std::vector<uint64_t> seeds;
};

// 0 = no limit.
struct TuneBudget {
  size_t trials = 0;          // over all tasks, resumed ones included
  size_t early_stopping = 0;  // a task ends after so many trials without a better one (AutoTVM's)
  double seconds = 0;         // measurements under way are still waited for
  // The search done, the best config of each task is measured again until it, or the one that is
  // then the best, has this many measurements: one lucky measurement is not to win. An eighth of
  // the trials is kept for it at most; beyond `seconds` it may run. 0 = none.
  size_t confirmations = 0;
};

enum class TuneEnd { kBudget, kTime, kEarlyStopping, kExhausted, kNoSuccess, kCancelled };
std::string_view NameOf(TuneEnd end);  // "budget", "time", "early_stopping", ...

// A finished trial and where the job stands after it.
struct TuneEvent {
  size_t item;  // position in the list of tasks
  size_t item_count;
  const Trial& trial;
  const Measured& measured;
  double current_flops;         // flops per second; 0 for a failure
  double best_flops;            // of the task so far
  size_t item_trials;           // of the task, resumed ones included
  size_t trials, trials_total;  // of the job; total 0 = no limit
  double seconds;               // since the start of the call
  // sum(weight * best seconds); nullopt until every task has a success.
  std::optional<double> model_seconds;
};

// Called on the thread that called TuneModel, after the result has counted.
struct TuneCallbacks {
  std::function<void(const TuneEvent&)> trial;
  std::function<void(size_t item, TuneEnd end)> item_done;
};

struct TuneItemResult {
  size_t trials = 0;          // resumed ones included
  size_t failures = 0;        // of the trials of this call
  std::optional<Trial> best;  // over history and trials, confirmed
  TuneEnd end = TuneEnd::kBudget;
};

struct TuneResult {
  std::vector<TuneItemResult> items;
  TuneEnd end = TuneEnd::kBudget;       // why the job ended; of a single task: why it did
  std::optional<double> model_seconds;  // as in TuneEvent
};

struct TuneJob {
  std::vector<TuneItem> items;
  TuneBudget budget;
  TuneCallbacks callbacks;
  std::stop_token stop;  // ends at once; measurements under way are abandoned
};

// Keeps measurer.PreferredInFlight() measurements outstanding over all tasks. After a first round
// for each task, trials go where weight x expected gain is highest; tasks that fail throughout,
// are exhausted or stop early are dropped. REQUIRES: items not empty.
TuneResult TuneModel(TuneJob job, Measurer& measurer, const Clock& clock);

}  // namespace tilewright
