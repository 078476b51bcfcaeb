#include "runtime/device/emulator/machine.h"

#include <algorithm>
#include <numeric>

#include "runtime/error.h"

namespace tilewright::runtime {
namespace {

constexpr int64_t kMostThreads = 1024, kMostBlocks = int64_t{1} << 24;

std::vector<size_t> CountTo(size_t count) {
  std::vector<size_t> order(count);
  std::iota(order.begin(), order.end(), size_t{0});
  return order;
}

int64_t Product(const std::array<int64_t, 3>& extents) {
  return extents[0] * extents[1] * extents[2];
}

void Split(size_t number, const std::array<int64_t, 3>& extents, int (&to)[3]) {
  auto rest = static_cast<int64_t>(number);
  for (size_t d = 0; d < 3; ++d) {
    to[d] = static_cast<int>(rest % extents[d]);
    rest /= extents[d];
  }
}

std::string Text(const int (&at)[3]) {
  return "(" + std::to_string(at[0]) + ", " + std::to_string(at[1]) + ", " + std::to_string(at[2]) +
         ")";
}

}  // namespace

Machine::Machine(uint64_t seed) : seed_(seed), random_(seed) { BindFunctions(); }

void Machine::Run(const EmulatedLaunch& launch) {
  launch_ = &launch;
  found_.clear();
  const int64_t blocks = Product(launch.grid), threads = Product(launch.block);
  if (threads > kMostThreads || blocks > kMostBlocks) {
    throw Error(TW_INVALID_ARGUMENT, launch.kernel + ": " + std::to_string(threads) +
                                         " threads in " + std::to_string(blocks) +
                                         " blocks; the emulator runs 1024 in 2^24");
  }
  args_.clear();
  for (const Memory& arg : launch.args) args_.push_back(const_cast<Memory*>(&arg));
  if (fibers_ == nullptr || fibers_->size() < static_cast<size_t>(threads)) {
    fibers_ = std::make_unique<Fibers>(static_cast<size_t>(threads));
  }
  log_ = std::make_unique<BankLog>(static_cast<size_t>(threads));
  clock_.launch_start = clock_.phase + 1;
  arrivals_.StartLaunch();
  std::vector<size_t> order = CountTo(static_cast<size_t>(blocks));
  Shuffle(order);
  for (const size_t number : order) {
    Split(number, launch.grid, block);
    RunBlock(launch);
  }
}

void Machine::RunBlock(const EmulatedLaunch& launch) {
  clock_.block_start = ++clock_.phase;
  shared_.clear();
  shared_bytes_ = 0;
  threads_.assign(static_cast<size_t>(Product(launch.block)), Thread{});
  for (size_t t = 0; t < threads_.size(); ++t) fibers_->Start(t, &Machine::Enter, this);
  std::vector<size_t> warps = CountTo((threads_.size() + kWarpLanes - 1) / kWarpLanes);
  barriers_.Clear();
  arrivals_.StartBlock();
  boxes_.clear();
  warps_.assign(warps.size(), {});
  do {
    do {
      Shuffle(warps);
      for (const size_t warp : warps) RunWarp(warp * kWarpLanes);
    } while (ReleaseSlots());
  } while (Meet());
  CheckNothingIsLate();
}

void Machine::RunWarp(size_t first) {
  const size_t last = std::min(first + kWarpLanes, threads_.size());
  for (bool ran = true; ran;) {
    ran = false;
    std::vector<size_t> lanes = CountTo(last - first);
    Shuffle(lanes);
    for (const size_t lane : lanes) {
      if (threads_[first + lane].state != State::kReady) continue;
      RunThread(first + lane);
      ran = true;
    }
  }
  CheckTogether(first, last);
}

void Machine::Become(size_t t) {
  running_ = t;
  Split(t, launch_->block, thread);
}

void Machine::RunThread(size_t t) {
  Become(t);
  fibers_->Resume(t);
  if (!found_.empty()) Throw(found_);
}

bool Machine::Meet() {
  const BankCounts counts = log_->Meet();
  counts_.passes += counts.passes;
  counts_.conflicts += counts.conflicts;
  for (const Thread& t : threads_) {
    if (t.state != State::kAtSlot) continue;
    Throw("deadlock: threads wait for a slot at line " + std::to_string(t.line) +
          ", and nothing is under way");
  }
  const auto waits = [](const Thread& t) { return t.state == State::kAtBarrier; };
  const auto one = std::find_if(threads_.begin(), threads_.end(), waits);
  if (one == threads_.end()) return false;
  for (Thread& other : threads_) {
    if (other.state == State::kDone) {
      Throw("deadlock: threads have ended, others wait at the barrier of line " +
            std::to_string(one->line));
    }
    if (other.line != one->line) {
      Throw("deadlock: threads wait at different barriers, of line " + std::to_string(one->line) +
            " and of line " + std::to_string(other.line));
    }
    other.state = State::kReady;
  }
  ++clock_.phase;
  return true;
}

void Machine::Found(const std::string& what, const tw_memory* memory, long long at) {
  found_ = what;
  if (memory != nullptr) found_ += " byte " + std::to_string(at) + " of " + memory->name;
}

void Machine::Throw(const std::string& what) const {
  throw Error(TW_INTERNAL, launch_->kernel + ": " + what + "; block " + Text(block) + ", thread " +
                               Text(thread) + ", seed " + std::to_string(seed_));
}

}  // namespace tilewright::runtime
