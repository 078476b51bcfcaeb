// A job's network on the workers of its key: each round of runs is leased to one of them as a trial
// is, and lost, faulty and given to another as a trial is.
#pragma once

#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/activities.h"
#include "base/clock.h"
#include "proto/network.pb.h"
#include "records/lookup/network_choices.h"
#include "tuner/loop/in_network.h"
#include "tuner/server/dispatch/dispatcher.h"

namespace tilewright {

// What it refers to outlives the trials.
struct NetworkTrialsSetup {
  Dispatcher& dispatcher;
  Activities& activities;  // which wait for a worker
  std::string job, device_key, owner;
  uint32_t weight = 1, threads = 1;
  const v1::Network& network;
  Target target;
  const std::vector<LayerChoice>& choices;  // of the layers, in the order of the question
  const Clock& clock;                       // of the job
  double deadline = 0;                      // on it; 0 = none
  std::stop_token stop;
};

// Used by one thread. Waits for a worker as trials do.
class NetworkTrials final : public NetworkTimer {
 public:
  explicit NetworkTrials(NetworkTrialsSetup setup) : setup_(std::move(setup)) {}

  // Only notes the mix: it is compiled by the worker that runs it.
  absl::StatusOr<int> Load(const NetworkOptions& options) override;
  // Cancelled: stop. DeadlineExceeded. Unavailable: all workers failed. FailedPrecondition: there
  // is no worker for it, or this network does not compile or run. InvalidArgument: what a worker
  // told cannot be.
  absl::StatusOr<NetworkRuns> RunInTurn(const std::vector<int>& networks,
                                        const NetworkTurns& turns) override;

  // The time that the question's deadline is on: only what networks ran, not what they waited for,
  // which the setup's deadline is for.
  const Clock& run_clock() const { return run_clock_; }
  // Of the last round.
  const std::string& worker() const { return worker_; }
  const std::string& device() const { return device_; }

 private:
  class RunClock final : public Clock {
   public:
    double Now() const override { return seconds; }
    double UnixTime() const override { return 0; }
    double seconds = 0;
  };

  v1::NetworkRound RoundOf(const std::vector<int>& networks, const NetworkTurns& turns) const;
  absl::StatusOr<TrialRequest> RequestOf(const v1::NetworkRound& round) const;
  absl::Status MayWait(const TrialRequest& asked) const;
  absl::StatusOr<Measured> Await(TrialRequest request) const;
  absl::StatusOr<NetworkRuns> RunsOf(const v1::NetworkTimes& times) const;
  absl::Status CheckRun(const v1::NetworkSeconds& run) const;

  const NetworkTrialsSetup setup_;
  std::vector<NetworkOptions> loaded_;
  RunClock run_clock_;
  std::string worker_, device_;
};

}  // namespace tilewright
