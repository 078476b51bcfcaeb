// The last phase of tuning: decides each layer's config by running the whole network, where weights
// are cold and the neighbours use the caches too. Knows neither compiler nor processes: networks
// are made and run by a NetworkTimer, here (cli/tuning/last_phase.h) or on a farm's worker
// (tuner/server/jobs/network_phase.h).
#pragma once

#include <stop_token>
#include <vector>

#include "absl/status/statusor.h"
#include "base/clock.h"

namespace tilewright {

// One run of a network: wall seconds of all of it, and of all calls of each layer kind. (Equal
// layers are one kind: they share their config.)
struct NetworkRun {
  double seconds = 0;
  std::vector<double> layers;
};

// The option that each layer kind uses.
using NetworkOptions = std::vector<int>;

// For how long networks run in turn: at least kLeastRounds, enough for quartiles, and at most
// kMostRounds, after which nothing changes any more.
struct NetworkTurns {
  static constexpr size_t kLeastRounds = 5, kMostRounds = 31;
  const Clock& clock;
  double until = 0;     // no round above the least begins after it
  double deadline = 0;  // no round at all
  std::stop_token stop;

  // DeadlineExceeded when what takes so many seconds would end after the deadline; Cancelled.
  absl::Status MayGoOn(double seconds) const;
};
// Of each network its runs, one a round.
using NetworkRuns = std::vector<std::vector<NetworkRun>>;

class NetworkTimer {
 public:
  virtual ~NetworkTimer() = default;
  // Compiles the network with these options and loads it; the result stands for it in RunInTurn.
  virtual absl::StatusOr<int> Load(const NetworkOptions& options) = 0;
  // Runs each of the networks once a round.
  virtual absl::StatusOr<NetworkRuns> RunInTurn(const std::vector<int>& networks,
                                                const NetworkTurns& turns) = 0;
};

// One that is at hand: each run is asked for.
class SteppedNetworkTimer : public NetworkTimer {
 public:
  absl::StatusOr<NetworkRuns> RunInTurn(const std::vector<int>& networks,
                                        const NetworkTurns& turns) final;
  // Runs it once.
  virtual absl::StatusOr<NetworkRun> Run(int network) = 0;
};

// Of the time of a whole tuning job, what this phase gets: a quarter, a minute at most.
inline constexpr double kMostNetworkSeconds = 60;
double SecondsForNetworks(double budget);

struct NetworkQuestion {
  // Options of each layer kind, at least one; option 0 is the default, option 1 (if there is one)
  // what look-ups would give now. All options of a kind have its workload, and so its layouts:
  // a choice in one layer never changes what its neighbours are given.
  std::vector<int> option_counts;
  double load_seconds = 0;  // that the first Load is likely to take
  double deadline = 0;      // on the clock; no run starts after it, no Load that would end after it
  std::stop_token stop;
};

struct NetworkDecision {
  NetworkOptions options;
  // Interleaved runs of the default network and the decided one (the same runs if they are one).
  std::vector<NetworkRun> defaults, decided;
};

// Runs networks in which all kinds use their first, second, third, ... option in turn; gives each
// kind the option that was fastest in place, the default unless another is faster beyond noise;
// then the networks of defaults, of what look-ups give and of this mix run in turn, and the fastest
// whole one is decided: the defaults, unless another is faster beyond noise. Noise: of paired runs
// at least three quarters must be faster, the middle one by half a per cent.
// DeadlineExceeded: there was no time for a decision. Cancelled: `stop`. Other errors are the
// timer's. REQUIRES: at least one layer kind.
absl::StatusOr<NetworkDecision> DecideInNetwork(const NetworkQuestion& question,
                                                NetworkTimer& timer, const Clock& clock);

}  // namespace tilewright
