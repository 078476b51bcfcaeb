// The time, the chance and the order of everything in a simulation: one thread, a clock that moves
// from event to event, and among what is due at once an order by chance. The same seed gives the
// same world, whose story is told line by line and hashed. Not thread-safe.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/activities.h"
#include "base/clock.h"
#include "base/rng.h"

namespace tilewright {

class World final : public Clock, public Activities {
 public:
  // `prints`: the story goes to stderr as it happens.
  World(uint64_t seed, bool prints) : rng_(seed), prints_(prints) {}

  Rng& rng() { return rng_; }
  bool Chance(double probability) { return rng_.Unit() < probability; }
  double Uniform(double low, double high) { return rng_.Uniform(low, high); }

  double Now() const override { return now_; }
  double UnixTime() const override { return kEpoch + now_ + jumped_; }
  void JumpUnixTime(double seconds) { jumped_ += seconds; }

  // Does `what` so many seconds from now, at least.
  void After(double seconds, std::function<void()> what);
  // Activities take no step for so long: their process stands still.
  void StopActivities(double seconds) { stopped_until_ = now_ + seconds; }
  double stopped_until() const { return stopped_until_; }
  // Does the next thing; false: nothing is left to do.
  bool Next();

  // A step that activities of the server take: what is due, in an order by chance.
  std::shared_ptr<Activity> Make(Step step) override;
  // Within an activity: the world goes on meanwhile; one that is joined waits no more. Else takes
  // steps that are due now until it is done, and no time passes.
  bool WaitFor(const std::shared_future<void>& done, double seconds) override;

  void Tell(const std::string& line);
  // Of all lines so far.
  uint64_t hash() const { return hash_; }
  uint64_t lines() const { return lines_; }
  // The last ones.
  const std::deque<std::string>& story() const { return story_; }

 private:
  static constexpr double kEpoch = 1.8e9;

  class SimulatedActivity;
  // One that is due now, or null.
  std::shared_ptr<SimulatedActivity> Due();
  double NextStep() const;

  Rng rng_;
  const bool prints_;
  double now_ = 0, jumped_ = 0, stopped_until_ = 0;
  std::multimap<std::pair<double, uint64_t>, std::function<void()>> events_;  // by time, chance
  std::vector<std::shared_ptr<SimulatedActivity>> activities_;
  SimulatedActivity* current_ = nullptr;  // whose step is taken now
  uint64_t hash_ = 0xcbf29ce484222325u;
  uint64_t lines_ = 0;
  std::deque<std::string> story_;
};

}  // namespace tilewright
