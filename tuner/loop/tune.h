// The tuning loop: propose, measure, observe, record; for one task or all tasks of a model.
// Knows neither gRPC nor SQLite: measurements go to a Measurer, results out by callback.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
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
  Searcher* searcher = nullptr;  // may be null in RetellJob only
  double flops = 1;              // of one run of the kernel
  double weight = 1;             // how often the network runs it
  // Earlier trials of other jobs, oldest first: learned from, not proposed again, the best of them
  // counts. A config that was measured several times counts as RecordStore::Best counts it.
  std::vector<Trial> history;
  // Measured before the searcher is asked: the template's default, bests of similar workloads.
  std::vector<uint64_t> seeds;
};

// 0 = no limit.
struct TuneBudget {
  // Over all tasks, those of earlier lives of the job included, and without those withdrawn.
  size_t trials = 0;
  size_t early_stopping = 0;  // a task ends after so many trials without a better one (AutoTVM's)
  // For all of the job, confirmations included. Then it ends; measurements still under way are
  // abandoned.
  double seconds = 0;
  // The search done, the best config of each task is measured again until it, or the one that is
  // then the best, has this many measurements: one lucky measurement is not to win. An eighth of
  // the trials and of the time is kept for it at most; when the search's part is over, what no
  // worker has begun is dropped, and what is under way waited for. 0 = none.
  size_t confirmations = 0;
};

// kFarm: the workers failed, one trial after the other, by no fault of the configs.
enum class TuneEnd { kBudget, kTime, kEarlyStopping, kExhausted, kNoSuccess, kCancelled, kFarm };
std::string_view NameOf(TuneEnd end);  // "budget", "time", "early_stopping", ...

// What happened in a job, in order. Given to another run of the same job they bring its search to
// where this one stood: from then on it proposes what this one would have proposed.
struct TuneStep {
  // A trial of the search starts, one that confirms a best starts, its result counts, or it ends
  // without a result (dropped, or the farm's fault). Or a result is withdrawn, some time later: its
  // point is as if it had not been measured, and starts again as another trial.
  enum class Kind { kStart, kConfirm, kResult, kUnmeasured, kWithdrawn };
  Kind kind = Kind::kStart;
  uint64_t number = 0;  // of the trial, from 1 in order of their starts
  size_t item = 0;      // of starts and of what is withdrawn
  uint64_t index = 0;   // the same, in the task's space
  // Of results. A timing without samples: it counts, but is not known any more.
  Measured measured;
  double seconds = 0;  // since the job's start, in all its lives
};

// A finished trial and where the job stands after it.
struct TuneEvent {
  size_t item;  // position in the list of tasks
  size_t item_count;
  const Trial& trial;
  const Measured& measured;
  double current_flops;         // flops per second; 0 for a failure
  double best_flops;            // of the task so far
  size_t item_trials;           // of the task, those of earlier lives included
  size_t trials, trials_total;  // of the job; total 0 = no limit
  double seconds;               // since the job's start, in all its lives
  // sum(weight * best seconds); nullopt until every task has a success.
  std::optional<double> model_seconds;
  bool replayed;  // from `replay`: it happened in an earlier life
};

// Called on the thread that called TuneModel.
struct TuneCallbacks {
  // After the result has counted.
  std::function<void(const TuneEvent&)> trial;
  // What happened since the last call; starts are told before they are measured. Not called for
  // what is replayed.
  std::function<void(std::span<const TuneStep>)> steps;
  // The replay went another way than the steps tell, because the program has changed: the rest of
  // them is taken as it is, and later proposals may differ.
  std::function<void(const std::string& what)> diverged;
};

struct TuneItemResult {
  size_t trials = 0;          // those of earlier lives included
  size_t failures = 0;        // of these
  std::optional<Trial> best;  // over history and trials, confirmed
  TuneEnd end = TuneEnd::kBudget;
};

struct TuneResult {
  std::vector<TuneItemResult> items;
  TuneEnd end = TuneEnd::kBudget;       // why the job ended; of a single task: why it did
  std::optional<double> model_seconds;  // as in TuneEvent
  size_t faults = 0;                    // trials of this life that the farm could not measure
  std::string last_fault;               // why
  double seconds = 0;                   // since the job's start, in all its lives
};

struct TuneJob {
  std::vector<TuneItem> items;
  TuneBudget budget;
  TuneCallbacks callbacks;
  std::stop_token stop;  // ends at once; measurements under way are abandoned
  // Gives the steps of earlier lives, one a call, also when `stop` was requested; false: that was
  // all. May be null.
  std::function<bool(TuneStep*)> replay;
};

// Keeps measurer.PreferredInFlight() measurements outstanding over all tasks. After a first round
// for each task, trials go where weight x expected gain is highest; tasks that fail throughout,
// are exhausted or stop early are dropped. Trials that were under way at the end of an earlier
// life are measured again. REQUIRES: items not empty.
TuneResult TuneModel(TuneJob job, Measurer& measurer, const Clock& clock);

// Goes through job.replay and tells its trials by job.callbacks.trial, as TuneModel does, without
// a searcher and without measuring. For the events of a job that are no longer in memory.
void RetellJob(TuneJob job);

}  // namespace tilewright
