#include "tests/simulation/world.h"

#include <algorithm>
#include <iostream>
#include <limits>
#include <utility>

#include "absl/strings/str_format.h"
#include "base/check.h"
#include "tests/simulation/fiber.h"

namespace tilewright {
namespace {

constexpr size_t kKeptLines = 400;

bool IsDone(const std::shared_future<void>& done) {
  return done.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
}

}  // namespace

class World::SimulatedActivity final : public Activity {
 public:
  SimulatedActivity(World& world, Step step)
      : world_(world), step_(std::move(step)), fiber_([this] { TakeSteps(); }) {}
  ~SimulatedActivity() override { TW_CHECK(!waits_for_) << "an activity is gone while it waits"; }

  void Wake() override { due_ = std::min(due_, world_.now_); }
  void Join() override {
    TW_CHECK(!running_) << "an activity waits for itself";
    joined_ = true;
    while (!over_) TakeStep();
  }
  // Goes on where it waits, or takes the next step.
  void TakeStep() {
    SimulatedActivity* const caller = std::exchange(world_.current_, this);
    running_ = true;
    fiber_.Resume();
    running_ = false;
    world_.current_ = caller;
  }
  // In a step.
  bool Wait(const std::shared_future<void>& done, double seconds) {
    waits_for_ = &done;
    waits_until_ = world_.now_ + seconds;
    while (!IsDone(done) && !joined_ && world_.now_ < waits_until_) fiber_.Leave();
    waits_for_ = nullptr;
    return IsDone(done);
  }
  bool running() const { return running_; }
  bool over() const { return over_; }
  double due() const {
    if (!waits_for_) return due_;
    return IsDone(*waits_for_) ? world_.now_ : waits_until_;
  }

 private:
  void TakeSteps() {
    while (!over_) {
      due_ = std::numeric_limits<double>::infinity();
      const std::optional<double> patience = step_();
      over_ = !patience;
      if (patience) due_ = std::min(due_, world_.now_ + *patience);
      if (!over_) fiber_.Leave();
    }
  }

  World& world_;
  const Step step_;
  double due_ = std::numeric_limits<double>::infinity();
  bool running_ = false, over_ = false, joined_ = false;
  const std::shared_future<void>* waits_for_ = nullptr;
  double waits_until_ = 0;
  Fiber fiber_;
};

void World::After(double seconds, std::function<void()> what) {
  events_.emplace(std::pair(now_ + std::max(0.0, seconds), rng_.Next()), std::move(what));
}

std::shared_ptr<Activity> World::Make(Step step) {
  activities_.push_back(std::make_shared<SimulatedActivity>(*this, std::move(step)));
  return activities_.back();
}

std::shared_ptr<World::SimulatedActivity> World::Due() {
  std::erase_if(activities_, [](const auto& activity) { return activity->over(); });
  std::vector<std::shared_ptr<SimulatedActivity>> due;
  for (const auto& activity : activities_) {
    if (activity->due() <= now_ && !activity->running()) due.push_back(activity);
  }
  return due.empty() ? nullptr : due[rng_.Below(due.size())];
}

bool World::WaitFor(const std::shared_future<void>& done, double seconds) {
  if (current_) return current_->Wait(done, seconds);
  while (!IsDone(done)) {
    const auto activity = Due();
    if (!activity) return false;
    activity->TakeStep();
  }
  return true;
}

double World::NextStep() const {
  double next = std::numeric_limits<double>::infinity();
  for (const auto& activity : activities_) {
    if (!activity->over()) next = std::min(next, activity->due());
  }
  return std::max(next, stopped_until_);
}

bool World::Next() {
  const double step = NextStep();
  const bool events = !events_.empty();
  if (!events && step == std::numeric_limits<double>::infinity()) return false;
  if (events && events_.begin()->first.first <= step) {
    now_ = std::max(now_, events_.begin()->first.first);
    const auto what = std::move(events_.begin()->second);
    events_.erase(events_.begin());
    what();
    return true;
  }
  now_ = std::max(now_, step);
  if (const auto activity = Due()) activity->TakeStep();
  return true;
}

void World::Tell(const std::string& line) {
  std::string told = absl::StrFormat("%.6f %s", now_, line);
  for (const unsigned char c : told) hash_ = (hash_ ^ c) * 0x100000001b3u;
  ++lines_;
  if (prints_) std::cerr << told << "\n";
  story_.push_back(std::move(told));
  if (story_.size() > kKeptLines) story_.pop_front();
}

}  // namespace tilewright
