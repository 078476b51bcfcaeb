// Persistent threads that share the iterations of one loop at a time.
//
// A loop of 0.1 ms must be worth splitting, so helpers spin briefly between loops before they
// sleep, and starting and ending a loop costs about a microsecond. Each thread begins with its own
// contiguous part (two cores then stream different weights) and takes from the back of others'
// parts when it is done; a helper that does not get a CPU therefore holds nobody up unless it was
// put aside inside a part, and StragglerGuard handles that.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "runtime/straggler_guard.h"

namespace tilewright::runtime {

class ThreadPool {
 public:
  // `threads` >= 1 counts the caller of ParallelFor. `bind` confines thread i to the i-th CPU this
  // process may use, the constructing thread (number 0) included, before the constructor ends.
  // Throws Error(TW_UNAVAILABLE) when the machine gives no more threads.
  ThreadPool(int threads, bool bind);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const { return static_cast<int>(shares_.size()); }

  // Confines thread i to the i-th of these CPUs from now on, the caller being number 0. Between
  // loops. REQUIRES: cpus is not empty.
  void Bind(const std::vector<int>& cpus);

  // Calls body(begin, end) for disjoint ranges that cover [0, extent), on any of the threads, and
  // returns when all have returned; their writes are visible then. The body must not throw and
  // must not call ParallelFor. One caller at a time. REQUIRES: 0 <= extent < 2^31.
  using Body = std::function<void(int64_t begin, int64_t end)>;
  void ParallelFor(int64_t extent, const Body& body);

 private:
  struct Range {
    uint32_t begin = 0, end = 0;
  };
  // A thread's part of the loop still to be taken. Packed in one word, so that a successful
  // exchange always takes iterations of the loop that runs now.
  struct alignas(64) Share {
    std::atomic<uint64_t> range{0};
  };

  void Start(size_t self);
  void Stop();
  static Range Take(Share& share, bool from_front);
  void Publish(int64_t extent, const Body& body);
  int64_t Work(size_t self);
  void Await(int64_t own, double own_seconds, int64_t extent);
  void Help(size_t self);
  uint32_t AwaitLoop(uint32_t seen) const;

  std::vector<Share> shares_;
  std::atomic<bool> spin_;      // each thread may have a CPU of its own
  const Body* body_ = nullptr;  // of the current loop; read only while holding iterations of it
  alignas(64) std::atomic<uint32_t> loop_{0};  // counts loops; changes wake the helpers
  alignas(64) std::atomic<int32_t> unfinished_{0};
  std::atomic<bool> stopping_{false};
  StragglerGuard guard_;
  std::vector<std::thread> helpers_;
};

}  // namespace tilewright::runtime
