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

// The rows of a warpgroup's matrices, 32 bytes of each, where TMA's swizzle puts them.
struct SwizzledRows {
  std::vector<char> bytes = std::vector<char>(256 * 128);
  std::vector<std::vector<double>> values;

  void Put(int64_t at, const char* from, int64_t count) {
    for (int64_t b = at; b < at + count; ++b) {
      bytes[static_cast<size_t>(b ^ (b / 128 % 8 * 16))] = from[b - at];
    }
  }
};

// Transposed, 16 rows of 64 columns, the next columns' 8192 bytes on.
SwizzledRows MakeColumns(DType type, int64_t count, Rng& rng) {
  SwizzledRows columns;
  for (int64_t n = 0; n < count; ++n) {
    columns.values.emplace_back();
    for (int64_t k = 0; k < 16; ++k) {
      Tensor element(TensorType{.dtype = type, .shape = {1}});
      element.Set(0, static_cast<double>(rng.Below(9)) - 4);
      columns.values.back().push_back(element.AsDouble(0));
      columns.Put(n / 64 * 8192 + k * 128 + n % 64 * 2, static_cast<const char*>(element.data()),
                  2);
    }
  }
  return columns;
}

SwizzledRows MakeRows(DType type, int64_t count, Rng& rng) {
  SwizzledRows rows;
  const int64_t size = static_cast<int64_t>(SizeOf(type));
  for (int64_t r = 0; r < count; ++r) {
    Tensor row(TensorType{.dtype = type, .shape = {32 / size}});
    rows.values.emplace_back();
    for (int64_t i = 0; i < row.size(); ++i) {
      row.Set(i, static_cast<double>(rng.Below(9)) - 4);
      rows.values.back().push_back(row.AsDouble(i));
    }
    rows.Put(r * 128, static_cast<const char*>(row.data()), 32);
  }
  return rows;
}

TEST(EmulatedTiles, MultiplyRowsOfDescriptorsAsTheTableOfFragmentsSays) {
  Rng rng(kSeed);
  constexpr int64_t kRight = 64 * 1024;
  const auto descriptor = [](int64_t address) {
    return static_cast<unsigned long long>(address >> 4) | 512ULL << 16 | 64ULL << 32 | 1ULL << 62;
  };
  for (const TileOp& op : TileOps()) {
    if (op.columns == 0) continue;
    SCOPED_TRACE(op.name);
    const SwizzledRows left = MakeRows(op.type, kGroupRows, rng);
    const SwizzledRows right =
        op.transposed ? MakeColumns(op.type, op.columns, rng) : MakeRows(op.type, op.columns, rng);
    const ReadShared read = [&](int64_t at) {
      return at < kRight ? &left.bytes[static_cast<size_t>(at)]
                         : &right.bytes[static_cast<size_t>(at - kRight)];
    };
    for (int quarter = 0; quarter < 4; ++quarter) {
      Bytes sums(static_cast<size_t>(kWarpThreads * op.columns * 2));
      std::memset(sums.data(), 0, static_cast<size_t>(kWarpThreads * op.columns * 2));
      Memory memory(&sums, 0, static_cast<size_t>(kWarpThreads * op.columns * 2), kPrivateMemory);
      WarpTile warp = {};
      for (int t = 0; t < kWarpLanes; ++t) {
        tw_tile& lane = warp[static_cast<size_t>(t)];
        lane = {.type = TypeOf(op.type),
                .transposed = op.transposed ? 1 : 0,
                .columns = static_cast<int>(op.columns),
                .sums = &memory,
                .sum = t * op.columns * 2,
                .descriptors = {descriptor(0), descriptor(kRight)}};
      }
      ASSERT_TRUE(MultiplyQuarter(warp, quarter, read));
      for (int64_t t = 0; t < kWarpThreads; ++t) {
        for (int64_t i = 0; i < op.columns / 2; ++i) {
          const MatrixPlace at = FragmentOf(op, Fragment::kSums, quarter * kWarpThreads + t, i);
          double want = 0;
          for (size_t k = 0; k < left.values[0].size(); ++k) {
            want += left.values[at.row][k] * right.values[at.column][k];
          }
          const char* sum = sums.data() + (t * op.columns / 2 + i) * 4;
          float real;
          int32_t whole;
          std::memcpy(&real, sum, 4);
          std::memcpy(&whole, sum, 4);
          ASSERT_EQ(op.type == DType::kI8 ? whole : real, want) << t << " " << i;
        }
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
