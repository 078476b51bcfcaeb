// What kernels ask of the machine for instructions of a warp (compiler/loop/tile.h): its lanes
// meet, and a warpgroup's products are as late as they may be. What an instruction computes is in
// the kernel's text.
#include <algorithm>
#include <cstring>
#include <string>

#include "runtime/device/emulator/machine.h"

namespace tilewright::runtime {
namespace {

constexpr int kLaneRowBytes = 16;

Machine& Owner(tw_machine* machine) { return static_cast<Machine&>(*machine); }

std::string NotTogether(const tw_tile& tile) {
  return std::string("not all threads of a warp come to ") + tile.name + " of line " +
         std::to_string(tile.line) + " together";
}

}  // namespace

void Machine::BindTileFunctions() {
  tile = [](tw_machine* m, const tw_tile* tile) {
    Owner(m).ComeToTile(*tile);
    if (!Owner(m).found_.empty()) Owner(m).fibers_->Yield();
  };
  touch_rows = [](tw_machine* m, const tw_tile* lanes, int first, int count, int operand,
                  int write) {
    Owner(m).TouchRows({lanes + first, static_cast<size_t>(count)}, static_cast<size_t>(first),
                       operand, write != 0);
    if (!Owner(m).found_.empty()) Owner(m).fibers_->Yield();
  };
  landed = [](tw_machine* m, long long at, int bytes) -> const char* {
    const char* const data = Owner(m).LandedAt(at, bytes);
    if (data == nullptr) Owner(m).fibers_->Yield();
    return data;
  };
  group_fence = [](tw_machine* m) { Owner(m).threads_[Owner(m).running_].fenced = true; };
  group_commit = [](tw_machine* m) { ++Owner(m).threads_[Owner(m).running_].group_groups; };
}

// The last lane to come runs it and goes on; the others are ready after it.
void Machine::ComeToTile(const tw_tile& tile) {
  threads_[running_].tile = tile;
  const size_t first = running_ / kWarpLanes * kWarpLanes;
  if (++warps_[first / kWarpLanes].at_tile < kWarpLanes) return Wait(State::kAtTile, tile.line);
  warps_[first / kWarpLanes].at_tile = 0;
  WarpTile lanes;
  for (size_t lane = 0; lane < kWarpLanes; ++lane) {
    Thread& thread = threads_[first + lane];
    thread.state = State::kReady;
    lanes[lane] = thread.tile;
    if (thread.tile.line != tile.line) return Found(NotTogether(tile), nullptr, 0);
  }
  if (tile.run == nullptr) {
    RunLate(lanes, first);
  } else if (tile.late > 0) {
    StartLate(lanes, first);
  } else {
    tile.run(lanes.data(), 0);
  }
}

void Machine::CheckTogether(size_t first, size_t last) const {
  for (size_t t = first; t < last; ++t) {
    if (threads_[t].state == State::kAtTile) Throw(NotTogether(threads_[t].tile));
  }
}

// Rows of 16 bytes come in one pass where they lie in different banks.
void Machine::TouchRows(std::span<const tw_tile> lanes, size_t first, int operand, bool write) {
  const size_t own = running_, warp = own / kWarpLanes * kWarpLanes;
  std::vector<int64_t> addresses;
  for (size_t i = 0; i < lanes.size(); ++i) {
    const tw_operand& row = lanes[i].operands[operand];
    Become(warp + first + i);
    Touch(row.memory, row.at, kLaneRowBytes, write ? kWriteTouch : kReadTouch);
    if (!found_.empty()) return;
    addresses.push_back(AddressOf(*row.memory) + row.at);
  }
  Become(own);
  const BankCounts counts = CountPasses(addresses, kLaneRowBytes);
  counts_.passes += counts.passes;
  counts_.conflicts += counts.conflicts;
}

// Its first operand is nobody's until the wait.
void Machine::StartLate(const WarpTile& lanes, size_t first) {
  for (size_t lane = 0; lane < kWarpLanes; ++lane) {
    const tw_operand& sums = lanes[lane].operands[0];
    const int64_t bytes = lanes[lane].late;
    if (!threads_[first + lane].fenced) {
      return Found("multiplies without a fence since the last wait", nullptr, 0);
    }
    if (sums.at < 0 || sums.at + bytes > sums.memory->bytes) {
      return Found("has too few sums", nullptr, 0);
    }
    unsigned char* const state = sums.memory->state + sums.at;
    if (std::find(state, state + bytes, 0) != state + bytes) {
      return Found("adds to sums nobody wrote", nullptr, 0);
    }
    std::memset(state, kLateByte, static_cast<size_t>(bytes));
  }
  warps_[first / kWarpLanes].late.push_back({lanes, threads_[first].group_groups});
}

void Machine::RunLate(const WarpTile& lanes, size_t first) {
  std::vector<LateTile>& late = warps_[first / kWarpLanes].late;
  const int landing = threads_[first].group_groups - lanes[0].groups;
  for (const LateTile& tile : late) {
    if (tile.group >= landing) continue;
    tile.lanes[0].run(tile.lanes.data(), static_cast<int>(first / kWarpLanes % 4));
    for (const tw_tile& lane : tile.lanes) {
      std::memset(lane.operands[0].memory->state + lane.operands[0].at, kWrittenByte,
                  static_cast<size_t>(lane.late));
    }
  }
  std::erase_if(late, [&](const LateTile& tile) { return tile.group < landing; });
  for (size_t lane = 0; lane < kWarpLanes; ++lane) threads_[first + lane].fenced = false;
}

const char* Machine::LandedAt(int64_t address, int64_t bytes) {
  Shared* const shared = SharedAt(address, bytes);
  if (shared == nullptr) return nullptr;
  tw_memory* const memory = shared->memory.get();
  for (int64_t i = address - shared->address; i < address - shared->address + bytes; ++i) {
    if (memory->state[i] == kWrittenByte) continue;
    Found(memory->state[i] == 0 ? "reads what nobody wrote,"
                                : "touches what an asynchronous copy has not yet brought to",
          memory, i);
    return nullptr;
  }
  return memory->data + (address - shared->address);
}

}  // namespace tilewright::runtime
