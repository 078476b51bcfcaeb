// Runs kernels as adversarially as the programming model allows: blocks, warps and lanes in random
// orders, shared memory undefined at the start of each block, asynchronous copies landing only
// where they are waited for, boxes when nobody can go on without, warpgroups' products at their
// waits. What it finds wrong ends the launch: an access outside its memory, a
// read of what nobody wrote or of what has not landed, a race, a barrier or warp instruction that
// not all threads reach, a misaligned vector access or row. One thread at a time.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "runtime/device/emulator/arrivals.h"
#include "runtime/device/emulator/banks.h"
#include "runtime/device/emulator/fibers.h"
#include "runtime/device/emulator/memory.h"
#include "runtime/device/emulator/slots.h"
#include "runtime/device/launch_needs.h"

namespace tilewright::runtime {

inline constexpr size_t kWarpLanes = 32;
// One instruction as the lanes of a warp name it.
using WarpTile = std::array<tw_tile, kWarpLanes>;

// A launch. The last operand is written, and what the kernel declares to be; the others are only
// read. After them the arguments have the tensors of its maps.
struct EmulatedLaunch {
  std::string kernel;
  void (*run)(tw_memory** args) = nullptr;  // one thread of it
  std::vector<Memory> args;
  std::array<int64_t, 3> grid = {1, 1, 1}, block = {1, 1, 1};
  LaunchNeeds needs;
};

class Machine final : public tw_machine {
 public:
  // The seed decides every order.
  explicit Machine(uint64_t seed);

  // Throws Error INTERNAL with what was found, the thread, and the seed.
  void Run(const EmulatedLaunch& launch);
  // Of shared memory, over all launches.
  const BankCounts& banks() const { return counts_; }

 private:
  enum class State { kReady, kAtBarrier, kAtTile, kAtSlot, kDone };
  // An asynchronous copy that has not landed.
  struct LateCopy {
    tw_memory* to;
    long long at;
    int bytes, group;
    std::array<char, 16> value;
  };
  struct Thread {
    State state = State::kReady;
    int line = 0;  // where it waits
    tw_tile tile = {};
    std::vector<LateCopy> late;
    int groups = 0;    // committed
    int64_t slot = 0;  // the barrier that it waits at, for the end of the phase of this parity
    int parity = 0;
    bool fenced = false;   // of wgmma, since its last wait
    int group_groups = 0;  // of wgmma, committed
    Handover handover;
  };
  // A load of a box that has not landed.
  struct LateBox {
    const TensorMap* map;
    const tw_memory* tensor;
    std::vector<int64_t> first;  // where it begins, first dimension first
    int64_t to, barrier, bytes;
  };
  // An instruction that is not waited for.
  struct LateTile {
    WarpTile lanes;
    int group;
  };
  struct Warp {
    size_t at_tile = 0;  // lanes that have come to an instruction
    std::vector<LateTile> late;
  };
  struct Shared {
    std::unique_ptr<Bytes> bytes;
    std::unique_ptr<Memory> memory;
    int64_t address;  // in the block's shared memory
  };

  void RunBlock(const EmulatedLaunch& launch);
  // Runs its lanes until none is ready.
  void RunWarp(size_t first);
  void RunThread(size_t t);
  void Become(size_t t);
  void CheckTogether(size_t first, size_t last) const;
  // Lets threads go on whose slots are ready; boxes land only where nobody could. False: nobody
  // can.
  bool ReleaseSlots();
  void LandBox(size_t number);
  void CheckNothingIsLate() const;
  // What lies at an address of shared memory, or null: it was noted why not.
  Shared* SharedAt(int64_t address, int64_t bytes);
  // Whether all threads had come to one barrier; false: all have ended.
  bool Meet();

  // What kernels call. Those of a running thread.
  static void Enter(void* machine);
  tw_memory* FindShared(const char* name, long long bytes, int64_t at);
  void UseBarrier(int what, int64_t at, int value, int line);
  void StartBox(const tw_memory* map, std::span<const int> first, int64_t to, int64_t barrier);
  void Touch(tw_memory* memory, long long at, int bytes, int how);
  void NoteWrite(tw_memory* memory, long long at);
  // Whether the running thread's block is the last of those that come to the counter.
  bool Arrive(tw_memory& counter, long long at, int blocks);
  void CopyLate(const tw_operand& to, const tw_operand& from, int bytes);
  void Land(int groups);
  void ComeToTile(const tw_tile& tile);
  // Of a warp whose lanes have all come to one.
  void RunTile(const WarpTile& lanes, size_t first);
  void StartLate(const WarpTile& lanes, size_t first);
  void RunLate(const WarpTile& lanes, size_t first);
  // Of lanes of the running warp from `first` on.
  void TouchRows(std::span<const tw_tile> lanes, size_t first, int operand, bool write);
  // Bytes at an address of shared memory, or null: it was noted that they have not landed.
  const char* LandedAt(int64_t address, int64_t bytes);
  void Wait(State state, int line);
  int64_t AddressOf(const tw_memory& memory) const;

  // Ends the launch; from a thread, by never returning to it.
  void Found(const std::string& what, const tw_memory* memory, long long at);
  [[noreturn]] void Throw(const std::string& what) const;
  void BindFunctions();
  void BindTileFunctions();
  void BindSlotFunctions();
  void BindBlockFunctions();
  void Shuffle(std::vector<size_t>& order) { std::shuffle(order.begin(), order.end(), random_); }

  const uint64_t seed_;
  std::mt19937_64 random_;
  Clock clock_;
  BankCounts counts_;
  const EmulatedLaunch* launch_ = nullptr;
  std::vector<tw_memory*> args_;
  std::unique_ptr<Fibers> fibers_;
  std::vector<Thread> threads_;
  std::unique_ptr<BankLog> log_;
  std::vector<Shared> shared_;
  int64_t shared_bytes_ = 0;
  SlotBarriers barriers_;
  Arrivals arrivals_;
  std::vector<LateBox> boxes_;
  std::vector<Warp> warps_;
  size_t running_ = 0;
  std::string found_;  // by the running thread
};

}  // namespace tilewright::runtime
