// Threads for what may take long (the store, spaces), so that those which answer workers never
// wait for it. Thread-safe.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace tilewright {

class Chores {
 public:
  explicit Chores(int threads) {
    for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { Loop(); });
  }
  // Does what was given.
  ~Chores() {
    {
      std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    changed_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }

  // False when too much is waiting: then it is not done.
  bool Do(std::function<void()> chore) {
    {
      std::lock_guard lock(mutex_);
      if (waiting_.size() >= kMaxWaiting) return false;
      waiting_.push_back(std::move(chore));
    }
    changed_.notify_one();
    return true;
  }

 private:
  static constexpr size_t kMaxWaiting = 1000;

  void Loop() {
    while (true) {
      std::function<void()> chore;
      {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
        if (waiting_.empty()) return;
        chore = std::move(waiting_.front());
        waiting_.pop_front();
      }
      chore();
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> waiting_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace tilewright
