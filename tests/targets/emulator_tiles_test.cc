// The emulator's parts without a kernel: tile instructions against the table of fragments that the
// interpreter uses, races by phases, passes of shared memory.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "base/rng.h"
#include "compiler/core/tensor.h"
#include "compiler/loop/tile.h"
#include "runtime/device/emulator/banks.h"
#include "runtime/device/emulator/memory.h"
#include "runtime/device/emulator/tiles.h"

namespace tilewright::runtime {
namespace {

using testing::HasSubstr;
using testing::IsNull;

constexpr uint64_t kSeed = 21;

int TypeOf(DType type) {
  return type == DType::kF16    ? kTileF16
         : type == DType::kBF16 ? kTileBF16
         : type == DType::kF32  ? kTileTf32
                                : kTileI8;
}

// A warp's registers of one operand: a row for each lane.
struct Registers {
  Tensor values;
  char* Of(int lane) {
    return static_cast<char*>(values.data()) + values.bytes() / kWarpThreads * lane;
  }
};

Registers MakeRegisters(DType type, int64_t elements) {
  return {Tensor(TensorType{.dtype = type, .shape = {kWarpThreads, elements}})};
}

// Sets registers from a random matrix of small integers, which it gives, by FragmentOf.
std::vector<std::vector<double>> Fill(const TileOp& op, Fragment fragment, int64_t elements,
                                      Rng& rng, Registers* registers) {
  std::vector<std::vector<double>> matrix(32, std::vector<double>(32));
  for (int64_t t = 0; t < kWarpThreads; ++t) {
    for (int64_t i = 0; i < elements; ++i) {
      const MatrixPlace at = FragmentOf(op, fragment, t, i);
      const double value = static_cast<double>(rng.Below(9)) - 4;
      matrix[at.row][at.column] = value;
      registers->values.Set(t * elements + i, value);
    }
  }
  return matrix;
}

TEST(EmulatedTiles, MultiplyAsTheTableOfFragmentsSays) {
  Rng rng(kSeed);
  for (const TileOp& op : TileOps()) {
    if (op.depth == 0) continue;
    SCOPED_TRACE(op.name);
    const std::vector<TileOperand> operands = OperandsOf(op);
    Registers sums = MakeRegisters(operands[0].dtype, operands[0].elements);
    Registers left = MakeRegisters(op.type, operands[1].elements);
    Registers right = MakeRegisters(op.type, operands[2].elements);
    const auto d = Fill(op, Fragment::kSums, operands[0].elements, rng, &sums);
    const auto a = Fill(op, Fragment::kLeft, operands[1].elements, rng, &left);
    const auto b = Fill(op, Fragment::kRight, operands[2].elements, rng, &right);
    WarpTile warp = {};
    for (int t = 0; t < kWarpLanes; ++t) {
      tw_tile& lane = warp[static_cast<size_t>(t)];
      lane.type = TypeOf(op.type);
      lane.depth = static_cast<int>(op.depth);
      lane.to = sums.Of(t);
      lane.left = left.Of(t);
      lane.right = right.Of(t);
    }
    Multiply(warp);
    for (int64_t t = 0; t < kWarpThreads; ++t) {
      for (int64_t i = 0; i < 4; ++i) {
        const MatrixPlace at = FragmentOf(op, Fragment::kSums, t, i);
        double want = d[at.row][at.column];
        for (int64_t k = 0; k < op.depth; ++k) want += a[at.row][k] * b[k][at.column];
        ASSERT_EQ(sums.values.AsDouble(t * 4 + i), want) << t << " " << i << " seed " << kSeed;
      }
    }
  }
}

// Word t % 4 of row t / 4, or of the transposed matrix of 16-bit elements.
TEST(EmulatedTiles, LoadMatricesByRowsOfLanes) {
  Bytes shared(32 * 16);
  for (int i = 0; i < 32 * 16; ++i) shared.data()[i] = static_cast<char>(i * 7 + i / 16);
  Memory memory(&shared, 0, 32 * 16, kSharedMemory);
  const auto half = [&](int matrix, int row, int column) {
    uint16_t value;
    std::memcpy(&value, shared.data() + (matrix * 8 + row) * 16 + column * 2, 2);
    return value;
  };
  for (const int transposed : {0, 1}) {
    uint16_t to[32][8] = {};
    WarpTile warp = {};
    for (int t = 0; t < kWarpLanes; ++t) {
      warp[static_cast<size_t>(t)] = {
          .matrices = 4, .transposed = transposed, .to = to[t], .rows = &memory, .row = t * 16};
    }
    LoadMatrices(warp);
    for (int t = 0; t < kWarpLanes; ++t) {
      for (int i = 0; i < 8; ++i) {
        const int row = t / 4, column = t % 4 * 2 + i % 2;
        ASSERT_EQ(to[t][i], transposed != 0 ? half(i / 2, column, row) : half(i / 2, row, column));
      }
    }
  }
}

TEST(TouchLog, FindsTouchesThatNoBarrierOrders) {
  TouchLog log(16);
  Clock clock{.phase = 5, .block_start = 5, .launch_start = 5};
  EXPECT_THAT(log.Touch(0, 4, true, 1, clock), IsNull());
  EXPECT_THAT(log.Touch(0, 4, false, 1, clock), IsNull());
  EXPECT_THAT(log.Touch(3, 1, false, 2, clock), HasSubstr("another thread"));
  EXPECT_THAT(log.Touch(4, 4, false, 1, clock), IsNull());
  EXPECT_THAT(log.Touch(4, 4, false, 2, clock), IsNull());
  EXPECT_THAT(log.Touch(4, 4, true, 1, clock), HasSubstr("another thread"));
  ++clock.phase;
  EXPECT_THAT(log.Touch(0, 4, false, 2, clock), IsNull());
  EXPECT_THAT(log.Touch(0, 4, false, 3, clock), IsNull());
}

TEST(TouchLog, FindsTouchesOfTwoBlocks) {
  TouchLog log(16);
  Clock clock{.phase = 5, .block_start = 5, .launch_start = 5};
  EXPECT_THAT(log.Touch(0, 4, true, 1, clock), IsNull());
  clock.phase = clock.block_start = 7;
  EXPECT_THAT(log.Touch(0, 4, true, 1, clock), HasSubstr("another block"));
  clock.phase = clock.block_start = clock.launch_start = 9;
  EXPECT_THAT(log.Touch(0, 4, true, 1, clock), IsNull());
}

std::vector<int64_t> Addresses(int64_t count, int64_t stride) {
  std::vector<int64_t> addresses;
  for (int64_t i = 0; i < count; ++i) addresses.push_back(i * stride);
  return addresses;
}

TEST(CountPasses, OfAWarpsAccesses) {
  const auto conflicts = [](int64_t count, int64_t stride, int64_t bytes) {
    return CountPasses(Addresses(count, stride), bytes).conflicts;
  };
  EXPECT_EQ(conflicts(32, 4, 4), 0);
  EXPECT_EQ(conflicts(32, 0, 4), 0);  // one word for all
  EXPECT_EQ(conflicts(32, 2, 2), 0);  // two of a word
  EXPECT_EQ(conflicts(32, 8, 4), 1);  // every other bank
  EXPECT_EQ(conflicts(32, 128, 4), 31);
  EXPECT_EQ(conflicts(32, 16, 16), 0);  // eight lanes a pass
  EXPECT_EQ(CountPasses(Addresses(32, 16), 16).passes, 4);
  EXPECT_EQ(conflicts(8, 128, 16), 7);  // rows of ldmatrix, not padded
  EXPECT_EQ(conflicts(8, 144, 16), 0);
}

}  // namespace
}  // namespace tilewright::runtime
