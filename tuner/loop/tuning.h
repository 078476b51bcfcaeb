// One run of the tuning loop. Not thread-safe; measurements may arrive on any thread.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tuner/loop/inbox.h"
#include "tuner/loop/task_state.h"
#include "tuner/loop/tune.h"

namespace tilewright {

class Tuning {
 public:
  // `measurer` and `clock` outlive this. `arrived` is called when a measurement has arrived, on its
  // thread, perhaps when this is gone; it may be null.
  Tuning(TuneJob job, Measurer& measurer, const Clock& clock,
         std::function<void()> arrived = nullptr);

  // All of it: Begin, then Step whenever something has arrived or some time is over, then Result.
  TuneResult Run();
  // Goes through the steps of earlier lives.
  void Begin();
  // Accepts what has arrived and starts what is due, without waiting. False: it is over.
  bool Step();
  // Once the measurer has dropped what was under way when it was over: results that came meanwhile
  // count, and what was dropped is told.
  void TakeRest();
  TuneResult Result();

  // The result of a trial that has ended was wrong: its point is measured again, beyond the budget
  // of trials; of one that did not count there is nothing to do. False, and nothing is done: the
  // trial is still under way here, or nothing of the job is measured any more. REQUIRES: between
  // two Steps; a point of the item's space.
  bool Withdraw(uint64_t number, size_t item, uint64_t index);

  // Only goes through the steps of earlier lives.
  void Replay();
  // How long to wait for an arrival before the next Step, at most: it looks at the clock.
  static constexpr std::chrono::milliseconds kPatience{250};

 private:
  // The search, the confirmation of its bests, and the search again with what that left.
  enum class Phase { kSearch, kConfirm, kRest, kOver };
  struct Running {
    size_t item = 0;
    uint64_t index = 0;
    bool confirms = false;
  };

  bool Open(size_t item) const { return !ends_[item]; }
  std::optional<TuneEnd> JobEnd() const;
  double Seconds() const;
  // All but the last `kept` seconds of the budget are over.
  bool OutOfTime(double kept) const;
  double SecondsKept() const;
  bool MayConfirm() const;

  // ---- phases
  bool Fill();
  void NextPhase();
  void EnterPhase(Phase phase);
  void FillSearch();
  void FillConfirm();
  size_t KeptForConfirmations() const;
  std::vector<size_t> ConfirmationOrder() const;

  // ---- starts
  std::optional<Running> NextOfSearch();
  std::optional<size_t> CurrentItem();
  size_t FirstRound() const;
  void Started(const Running& running);
  void Launch();
  void Measure(uint64_t number);

  // ---- ends
  void Accept(const Arrival& arrival);
  void AcceptResult(const Running& running, const Measured& measured);
  void AcceptNoResult(const Running& running, const Measured& measured);
  void Report(const Running& running, const Trial& trial, const Measured& measured) const;
  void CloseIfDone(size_t item);
  void TakeBackResult(size_t item, uint64_t index);
  std::optional<double> ModelSeconds() const;
  void Tell();

  // ---- replay
  void ReplayStart(const TuneStep& step);
  void StartAgain(const TuneStep& step);
  void Follow(const TuneStep& step);
  void Diverge(const TuneStep& step);

  TuneBudget budget_;  // grows by what is withdrawn
  const TuneCallbacks callbacks_;
  const std::stop_token stop_;
  const std::function<bool(TuneStep*)> replay_;
  Measurer& measurer_;
  const Clock& clock_;
  const std::function<void()> arrived_;
  const std::shared_ptr<Inbox> inbox_ = std::make_shared<Inbox>();
  std::vector<TaskState> tasks_;
  std::vector<std::optional<TuneEnd>> ends_;  // of closed tasks
  std::map<uint64_t, Running> running_;       // by the trial's number
  std::set<uint64_t> unmeasured_;             // trials that ended without a result
  std::vector<size_t> touched_;               // tasks that may be done since they were looked at
  bool has_withdrawn_ = false;                // ever: a task may owe a point
  std::optional<double> model_seconds_;       // ModelSeconds() of now
  std::vector<uint64_t> to_launch_;
  std::vector<TuneStep> told_;  // steps that are still to be told
  Phase phase_ = Phase::kSearch;
  std::vector<size_t> confirm_order_;
  bool confirms_again_ = false;  // something was withdrawn when the bests were confirmed already
  size_t spent_ = 0;
  size_t limit_ = 0;  // trials that the search may spend in this phase
  size_t round_item_ = 0, round_left_ = 0;
  uint64_t last_number_ = 0;
  double start_ = 0;
  bool replaying_ = false;
  bool diverged_ = false;  // or there is no searcher to compare with
  double replay_seconds_ = 0;
  size_t faults_ = 0, faults_in_a_row_ = 0;
  std::string last_fault_;
};

}  // namespace tilewright
