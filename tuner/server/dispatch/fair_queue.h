// The trials that wait for the workers of one key, shared fairly: users get equal parts, a user's
// jobs parts by their weights, and a job's trials go in their order, in which the tuning loop has
// already divided the budget among its tasks. Stride scheduling (Waldspurger and Weihl, 1995):
// each share has a pass that grows by 1 / weight with every trial taken, and the smallest pass is
// next; who comes new is served once the others were. What a share misses while it is paused, or
// has nothing that the workers who ask may take, it may catch up on by a few trials: nobody
// starves. Not thread-safe.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "tuner/server/dispatch/trial.h"

namespace tilewright {

// A trial from Submit to its end.
struct QueuedTrial {
  enum class State { kQueued, kLeased, kDone };
  TrialRequest request;
  std::string target;  // text of request.task.target
  Measurer::Done done;
  State state = State::kQueued;
  uint64_t fence = 0;
  uint64_t attempt = 0;  // the live one
  double submitted = 0;
  double queued = 0;                 // when it came, or came back
  std::set<std::string> lost_on;     // workers that vanished with it
  std::set<std::string> faulted_on;  // workers that failed at it by their own fault
  int losses = 0, faults = 0;
  // Built by one worker to be run by another: from the lease of the build to the end, or until it
  // has to be built again.
  bool apart = false;
  ModulePtr module;  // once it is built so
};
using TrialPtr = std::shared_ptr<QueuedTrial>;

class FairQueue {
 public:
  using Accept = std::function<bool(const QueuedTrial&)>;
  using AcceptJob = std::function<bool(const std::string& job)>;

  void Push(TrialPtr trial);
  // Of a trial that was taken before and comes back: next of its job; behind those whose modules
  // wait too when it comes with one.
  void PushFront(TrialPtr trial);
  // The next trial, of a job that `accept_job` takes, that `accept` takes; null when there is none.
  // It runs until Ended. One that is built has had its share with its build.
  TrialPtr Take(const AcceptJob& accept_job, const Accept& accept);
  // A trial that was taken runs no more.
  void Ended(const TrialRequest& request);
  // Takes a waiting trial out.
  void Remove(const TrialPtr& trial);
  // Takes all waiting trials of a job out; of every job when `job` is empty.
  std::vector<TrialPtr> RemoveAll(const std::string& job);
  // Visits the waiting trials.
  void ForEach(const std::function<void(QueuedTrial&)>& visit);
  // Of jobs that have trials here.
  void SetWeight(const std::string& job, uint32_t weight);

  size_t pending() const;
  bool empty() const { return owners_.empty(); }

 private:
  struct Job {
    std::deque<TrialPtr> queue;
    size_t running = 0;
    uint32_t weight = 1;
    double pass = 0;
  };
  struct Owner {
    std::map<std::string, Job> jobs;
    double pass = 0;
    double now = 0;  // the largest pass at which a job was served
  };
  struct Place {
    Owner* owner = nullptr;
    Job* job = nullptr;
    std::deque<TrialPtr>::iterator at;
  };

  Job& JobOf(const TrialRequest& request);
  void Charge(Owner& owner, Job& job);
  static Place Next(Owner& owner, const AcceptJob& accept_job, const Accept& accept);
  void DropIfEmpty(const TrialRequest& request);

  std::map<std::string, Owner> owners_;
  double now_ = 0;  // the largest pass at which an owner was served
};

}  // namespace tilewright
