// What goes on beside its callers: an activity takes steps, in a thread of its own or, in a
// simulation, when that says so and in its only thread. So a server's work can be repeated exactly.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

namespace tilewright {

// Thread-safe.
class Activity {
 public:
  virtual ~Activity() = default;
  // A step is due now. Allowed also after the end, and during a step.
  virtual void Wake() = 0;
  // Waits until it has ended. Not from a step of it.
  virtual void Join() = 0;
};

// "The next step is due when it is woken."
inline constexpr double kUntilWoken = 1e8;

class Activities {
 public:
  // Does what is due. After so many seconds the next step is due, unless it is woken before;
  // nullopt: it has ended.
  using Step = std::function<std::optional<double>()>;

  virtual ~Activities() = default;
  // The first step is due when it is woken. What `step` refers to outlives the activity's end.
  virtual std::shared_ptr<Activity> Make(Step step) = 0;
  // Waits for what another activity does, so many seconds at most; whether it was done. Also within
  // a step.
  virtual bool WaitFor(const std::shared_future<void>& done, double seconds) = 0;
};

// A thread each. Its owner joins it before the last reference goes.
class ThreadActivities final : public Activities {
 public:
  std::shared_ptr<Activity> Make(Step step) override {
    return std::make_shared<ThreadActivity>(std::move(step));
  }
  bool WaitFor(const std::shared_future<void>& done, double seconds) override {
    return done.wait_for(std::chrono::duration<double>(seconds)) == std::future_status::ready;
  }

 private:
  class ThreadActivity final : public Activity {
   public:
    explicit ThreadActivity(Step step) : step_(std::move(step)), thread_([this] { Loop(); }) {}
    ~ThreadActivity() override { Join(); }

    void Wake() override {
      {
        const std::lock_guard lock(mutex_);
        woken_ = true;
      }
      changed_.notify_one();
    }
    void Join() override {
      if (thread_.joinable()) thread_.join();
    }

   private:
    void Loop() {
      for (std::optional<double> patience = kUntilWoken; patience; patience = step_()) {
        std::unique_lock lock(mutex_);
        changed_.wait_for(lock, std::chrono::duration<double>(*patience),
                          [this] { return woken_; });
        woken_ = false;
      }
    }

    const Step step_;
    std::mutex mutex_;
    std::condition_variable changed_;
    bool woken_ = false;
    std::thread thread_;  // last: it uses the above
  };
};

}  // namespace tilewright
