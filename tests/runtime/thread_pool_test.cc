#include "runtime/thread_pool.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/types.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <iostream>
#include <mutex>
#include <numeric>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "runtime/cpu_info.h"
#include "runtime/error.h"
#include "runtime/straggler_guard.h"

namespace tilewright::runtime {
namespace {

class ThreadPoolTest : public testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(Threads, ThreadPoolTest, testing::Values(1, 2, 3, 4, 16));

TEST_P(ThreadPoolTest, RunsEveryIterationOnce) {
  ThreadPool pool(GetParam(), false);
  for (int64_t extent : {0, 1, 2, 3, 7, 64, 1000}) {
    for (int round = 0; round < 20; ++round) {
      std::vector<int> times(static_cast<size_t>(extent), 0);  // plain: a race shows under TSan
      pool.ParallelFor(extent, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) ++times[static_cast<size_t>(i)];
      });
      EXPECT_EQ(times, std::vector<int>(static_cast<size_t>(extent), 1)) << extent;
    }
  }
}

TEST_P(ThreadPoolTest, MakesTheWritesOfOneLoopVisibleToTheNext) {
  ThreadPool pool(GetParam(), false);
  std::vector<int64_t> values(500, 0);
  for (int round = 1; round <= 200; ++round) {
    pool.ParallelFor(500, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) values[static_cast<size_t>(499 - i)] += i;
    });
  }
  for (int64_t i = 0; i < 500; ++i) EXPECT_EQ(values[static_cast<size_t>(i)], 200 * (499 - i));
}

TEST_P(ThreadPoolTest, FinishesWhenItsHelpersSleepBetweenLoops) {
  ThreadPool pool(GetParam(), false);
  for (int round = 0; round < 5; ++round) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    std::atomic<int64_t> sum{0};
    pool.ParallelFor(100, [&](int64_t begin, int64_t end) { sum += end - begin; });
    EXPECT_EQ(sum, 100);
  }
}

TEST(ThreadPool, SharesTheWorkWithItsHelpers) {
  ThreadPool pool(2, false);
  std::mutex mutex;
  std::set<std::thread::id> workers;
  // A helper may be late to any one loop, but not to all of them.
  for (int round = 0; round < 20000 && workers.size() < 2; ++round) {
    pool.ParallelFor(8, [&](int64_t, int64_t) {
      std::this_thread::sleep_for(std::chrono::microseconds(100));
      const std::lock_guard lock(mutex);
      workers.insert(std::this_thread::get_id());
    });
  }
  EXPECT_EQ(workers.size(), 2u);
}

TEST(ThreadPool, FinishesWhileOtherThreadsHoldEveryCpu) {
  std::atomic<bool> stop{false};
  std::vector<std::thread> busy;
  for (unsigned i = 0; i < 2 * std::thread::hardware_concurrency(); ++i) {
    busy.emplace_back([&] {
      while (!stop) {
      }
    });
  }
  ThreadPool pool(4, false);
  std::vector<int> times(64, 0);
  for (int round = 0; round < 20; ++round) {
    pool.ParallelFor(64, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) ++times[static_cast<size_t>(i)];
    });
  }
  stop = true;
  for (std::thread& thread : busy) thread.join();
  EXPECT_EQ(times, std::vector<int>(64, 20));
}

TEST(ThreadPool, WorksAloneAfterAStraggler) {
  ThreadPool pool(2, false);
  const auto caller = std::this_thread::get_id();
  const auto slow_helper = [&](int64_t, int64_t) {
    if (std::this_thread::get_id() == caller) {
      std::this_thread::sleep_for(std::chrono::microseconds(50));
    } else {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  };
  // Until the helper has been caught: then loops run whole, on the caller.
  bool alone = false;
  for (int round = 0; round < 5000 && !alone; ++round) {
    pool.ParallelFor(64, slow_helper);
    pool.ParallelFor(64, [&](int64_t begin, int64_t end) { alone = end - begin == 64; });
  }
  EXPECT_TRUE(alone);
}

#if defined(__has_feature)
#define UNDER_SANITIZER (__has_feature(address_sanitizer) || __has_feature(thread_sanitizer))
#else
#define UNDER_SANITIZER 0
#endif
#if !UNDER_SANITIZER  // they need more address space
TEST(ThreadPool, ThatGetsTooFewThreadsIsAnErrorNotACrash) {
  const auto start_too_many = [] {
    const rlimit limit = {rlim_t{1} << 30, rlim_t{1} << 30};  // each has a stack of 8 MiB
    if (setrlimit(RLIMIT_AS, &limit) != 0) std::exit(1);
    try {
      const ThreadPool pool(1024, false);
    } catch (const Error& error) {
      std::cerr << error.what();
      std::exit(error.code() == TW_UNAVAILABLE ? 0 : 2);
    }
    std::exit(3);
  };
  EXPECT_EXIT(start_too_many(), testing::ExitedWithCode(0), "of 1024: .*fewer threads");
}
#endif

TEST(ThreadPool, BindsEachThreadToOneCpu) {
  std::thread([] {  // the pool binds its constructing thread too
    ThreadPool pool(2, true);
    for (int round = 0; round < 50; ++round) {
      pool.ParallelFor(8, [](int64_t, int64_t) {
        cpu_set_t set;
        ASSERT_EQ(sched_getaffinity(0, sizeof(set), &set), 0);
        EXPECT_EQ(CPU_COUNT(&set), 1);
      });
    }
  })
      .join();
}

TEST(ThreadPool, IsBoundAgainToOtherCpus) {
  std::thread([] {
    const std::vector<int> cpus = AllowedCpus();
    ThreadPool pool(2, true);
    for (const std::vector<int>& all : {std::vector<int>{cpus.back()}, {cpus.front()}}) {
      pool.Bind(all);
      pool.ParallelFor(8, [&](int64_t, int64_t) { EXPECT_EQ(sched_getcpu(), all[0]); });
    }
  }).join();
}

std::set<pid_t> ThreadsOfThisProcess() {
  std::set<pid_t> threads;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    threads.insert(std::stoi(task.path().filename()));
  }
  return threads;
}

TEST(ThreadPool, IsBoundBeforeItsHelpersHaveRun) {
  std::thread([] {
    for (int round = 0; round < 50; ++round) {
      const std::set<pid_t> others = ThreadsOfThisProcess();
      const ThreadPool pool(3, true);
      for (const pid_t thread : ThreadsOfThisProcess()) {
        if (others.contains(thread)) continue;
        cpu_set_t set;
        ASSERT_EQ(sched_getaffinity(thread, sizeof(set), &set), 0);
        EXPECT_EQ(CPU_COUNT(&set), 1) << "in round " << round;
      }
    }
  }).join();
}

TEST(StragglerGuard, AllowsHelpersWhileWaitsAreShort) {
  StragglerGuard guard;
  EXPECT_TRUE(guard.HelpersAllowed(0));
  guard.Observe(1, 150e-6, 0);
  EXPECT_TRUE(guard.HelpersAllowed(1));
}

TEST(StragglerGuard, ExpectsLongPartsToTakeLong) {
  StragglerGuard guard;
  guard.Observe(1, 5e-3, 5e-3);
  EXPECT_TRUE(guard.HelpersAllowed(1));
}

// When the helpers are allowed again after `now`.
double ResumeTime(const StragglerGuard& guard, double now) {
  while (!guard.HelpersAllowed(now)) now += 1e-4;
  return now;
}

TEST(StragglerGuard, PausesTenTimesALongWaitAndThenRetries) {
  StragglerGuard guard;
  guard.Observe(1, 3e-3, 1e-3);
  EXPECT_NEAR(ResumeTime(guard, 1), 1.030, 1e-3);
}

TEST(StragglerGuard, DoublesThePauseWhileRetriesFailUpToALimit) {
  StragglerGuard guard;
  double now = 1;
  std::vector<double> pauses;
  for (int i = 0; i < 8; ++i) {
    guard.Observe(now, 3e-3, 0);
    const double resume = ResumeTime(guard, now);
    pauses.push_back(resume - now);
    now = resume + 1e-3;
  }
  EXPECT_NEAR(pauses[1], 2 * pauses[0], 1e-3);
  EXPECT_NEAR(pauses.back(), StragglerGuard::kLongestPause, 1e-3);
}

TEST(StragglerGuard, ForgetsAfterAQuietTime) {
  StragglerGuard guard;
  guard.Observe(1, 3e-3, 0);
  guard.Observe(1.031, 3e-3, 0);
  guard.Observe(100, 3e-3, 0);
  EXPECT_NEAR(ResumeTime(guard, 100), 100.030, 1e-3);
}

}  // namespace
}  // namespace tilewright::runtime
