#include "runtime/thread_pool.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <system_error>

#include "runtime/cpu_info.h"
#include "runtime/error.h"

namespace tilewright::runtime {
namespace {

// Long enough to bridge the small serial kernels between two large ones.
constexpr double kHelperSpin = 100e-6;
// Longer waits mean a helper without a CPU: sleeping may give it ours.
constexpr double kCallerSpin = 50e-6;
// A thread takes this fraction of what is left of a part: large at first, small at the end.
constexpr uint32_t kFraction = 4;

double Now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

void Pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// Spins until done() or `seconds` have passed; whether done.
template <typename Done>
bool SpinUntil(Done done, double seconds) {
  const double deadline = Now() + seconds;
  do {
    for (int i = 0; i < 32; ++i) {
      if (done()) return true;
      Pause();
    }
  } while (Now() < deadline);
  return done();
}

uint64_t Pack(uint32_t begin, uint32_t end) { return uint64_t{begin} << 32 | end; }

}  // namespace

ThreadPool::ThreadPool(int threads, bool bind) : shares_(static_cast<size_t>(threads)) {
  const std::vector<int> cpus = AllowedCpus();
  spin_ = shares_.size() <= cpus.size();
  for (size_t self = 1; self < shares_.size(); ++self) Start(self);
  if (bind) Bind(cpus);
}

// From here and not by the helpers: one that has had no CPU yet is bound, too.
void ThreadPool::Bind(const std::vector<int>& cpus) {
  spin_ = shares_.size() <= cpus.size();
  for (size_t self = 1; self < shares_.size(); ++self) {
    BindThread(helpers_[self - 1].native_handle(), cpus[self % cpus.size()]);
  }
  BindThread(pthread_self(), cpus[0]);
}

ThreadPool::~ThreadPool() { Stop(); }

void ThreadPool::Start(size_t self) {
  try {
    helpers_.emplace_back([this, self] { Help(self); });
  } catch (const std::system_error& error) {
    Stop();
    throw Error(TW_UNAVAILABLE, "cannot start thread " + std::to_string(self + 1) + " of " +
                                    std::to_string(shares_.size()) + ": " + error.what() +
                                    "; ask for fewer threads or allow more (ulimit -u, -v, a "
                                    "container's limit of processes)");
  }
}

void ThreadPool::Stop() {
  stopping_.store(true, std::memory_order_relaxed);
  loop_.fetch_add(1, std::memory_order_release);
  loop_.notify_all();
  for (std::thread& helper : helpers_) helper.join();
}

void ThreadPool::ParallelFor(int64_t extent, const Body& body) {
  if (extent <= 0) return;
  const double start = helpers_.empty() || extent == 1 ? 0 : Now();
  if (start == 0 || !guard_.HelpersAllowed(start)) return body(0, extent);
  Publish(extent, body);
  const int64_t own = Work(0);
  if (unfinished_.load(std::memory_order_acquire) != 0) Await(own, Now() - start, extent);
}

// Cuts the loop into one part a thread and wakes the helpers that sleep.
void ThreadPool::Publish(int64_t extent, const Body& body) {
  body_ = &body;
  unfinished_.store(static_cast<int32_t>(extent), std::memory_order_relaxed);
  const int64_t parts = threads();
  for (int64_t part = 0; part < parts; ++part) {
    const auto begin = static_cast<uint32_t>(extent * part / parts);
    const auto end = static_cast<uint32_t>(extent * (part + 1) / parts);
    shares_[static_cast<size_t>(part)].range.store(Pack(begin, end), std::memory_order_release);
  }
  loop_.fetch_add(1, std::memory_order_release);
  loop_.notify_all();
}

ThreadPool::Range ThreadPool::Take(Share& share, bool from_front) {
  uint64_t now = share.range.load(std::memory_order_relaxed);
  while (true) {
    const Range left = {static_cast<uint32_t>(now >> 32), static_cast<uint32_t>(now)};
    if (left.begin >= left.end) return {};
    const uint32_t count = std::max<uint32_t>(1, (left.end - left.begin) / kFraction);
    const Range taken =
        from_front ? Range{left.begin, left.begin + count} : Range{left.end - count, left.end};
    const uint64_t rest = from_front ? Pack(taken.end, left.end) : Pack(left.begin, taken.begin);
    if (share.range.compare_exchange_weak(now, rest, std::memory_order_acquire,
                                          std::memory_order_relaxed)) {
      return taken;
    }
  }
}

// Takes iterations, first of the thread's own part, until none is left; how many it ran.
int64_t ThreadPool::Work(size_t self) {
  int64_t ran = 0;
  for (size_t i = 0; i < shares_.size(); ++i) {
    Share& share = shares_[(self + i) % shares_.size()];
    for (Range r = Take(share, i == 0); r.begin < r.end; r = Take(share, i == 0)) {
      (*body_)(r.begin, r.end);
      const auto count = static_cast<int32_t>(r.end - r.begin);
      ran += count;
      if (unfinished_.fetch_sub(count, std::memory_order_acq_rel) == count && self != 0) {
        unfinished_.notify_all();
      }
    }
  }
  return ran;
}

// Waits for iterations that helpers still run.
void ThreadPool::Await(int64_t own, double own_seconds, int64_t extent) {
  const double start = Now();
  const auto done = [this] { return unfinished_.load(std::memory_order_acquire) == 0; };
  if (!spin_ || !SpinUntil(done, kCallerSpin)) {
    for (int32_t left; (left = unfinished_.load(std::memory_order_acquire)) != 0;) {
      unfinished_.wait(left, std::memory_order_acquire);
    }
  }
  const double largest_part = static_cast<double>(extent / threads() / kFraction + 1);
  const double expected =
      own_seconds / static_cast<double>(std::max<int64_t>(own, 1)) * largest_part;
  const double now = Now();
  guard_.Observe(now, now - start, expected);
}

void ThreadPool::Help(size_t self) {
  for (uint32_t seen = 0;;) {
    seen = AwaitLoop(seen);
    if (stopping_.load(std::memory_order_relaxed)) return;
    Work(self);
  }
}

// Waits until the loop counter differs from `seen`; its new value.
uint32_t ThreadPool::AwaitLoop(uint32_t seen) const {
  const auto changed = [this, seen] { return loop_.load(std::memory_order_acquire) != seen; };
  if (!spin_ || !SpinUntil(changed, kHelperSpin)) loop_.wait(seen, std::memory_order_acquire);
  return loop_.load(std::memory_order_acquire);
}

}  // namespace tilewright::runtime
