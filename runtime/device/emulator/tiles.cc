#include "runtime/device/emulator/tiles.h"

#include <cmath>
#include <cstdint>
#include <cstring>
#include <optional>
#include <vector>

#include "runtime/device/emulator/slots.h"

namespace tilewright::runtime {
namespace {

// PTX's names: groupID = lane / 4, threadID_in_group = lane % 4.
struct Lane {
  explicit Lane(int lane) : group(lane >> 2), within(lane & 3) {}
  int group, within;
};
struct Place {
  int row, column;
};

Place PlaceInLeft(int type, Lane lane, int i) {
  switch (type) {
    case kTileTf32:  // a0: (group, within), a1: row + 8, a2: column + 4, a3: both
      return {lane.group + (i & 1) * 8, lane.within + (i >> 1) * 4};
    case kTileI8:  // four a register: a0..a3, a4..a7 of row + 8, a8..a11 of column + 16
      return {lane.group + ((i >> 2) & 1) * 8, lane.within * 4 + (i & 3) + (i >> 3) * 16};
    default:  // two a register: a0, a1; a2, a3 of row + 8; a4, a5 of column + 8
      return {lane.group + ((i >> 1) & 1) * 8, lane.within * 2 + (i & 1) + (i >> 2) * 8};
  }
}

Place PlaceInRight(int type, Lane lane, int i) {
  switch (type) {
    case kTileTf32: return {lane.within + i * 4, lane.group};
    case kTileI8: return {lane.within * 4 + (i & 3) + (i >> 2) * 16, lane.group};
    default: return {lane.within * 2 + (i & 1) + (i >> 1) * 8, lane.group};
  }
}

Place PlaceInSums(Lane lane, int i) {
  return {lane.group + (i >> 1) * 8, lane.within * 2 + (i & 1)};
}

template <typename T>
T At(const void* data, int i) {
  T value;
  std::memcpy(&value, static_cast<const char*>(data) + static_cast<size_t>(i) * sizeof(T),
              sizeof(T));
  return value;
}

double FromHalf(uint16_t bits) {
  const int exponent = bits >> 10 & 31, fraction = bits & 1023;
  double value =
      exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(1024 + fraction, exponent - 25);
  if (exponent == 31) value = fraction == 0 ? HUGE_VAL : NAN;
  return bits >> 15 ? -value : value;
}

double FromBits(uint32_t bits) { return At<float>(&bits, 0); }

// To 10 bits of fraction, ties away from zero.
double RoundedToTf32(uint32_t bits) {
  const bool finite = (bits >> 23 & 255) != 255;
  return FromBits(finite ? (bits + (1u << 12)) >> 13 << 13 : bits);
}

double Element(int type, const void* data, int i) {
  switch (type) {
    case kTileF16: return FromHalf(At<uint16_t>(data, i));
    case kTileBF16: return FromBits(uint32_t{At<uint16_t>(data, i)} << 16);
    case kTileTf32: return RoundedToTf32(At<uint32_t>(data, i));
    default: return At<int8_t>(data, i);
  }
}

// Sums of int32 wrap around.
void Put(char* sums, int i, double sum, bool integers) {
  const auto whole = integers ? static_cast<int32_t>(static_cast<int64_t>(sum)) : 0;
  const auto rounded = static_cast<float>(sum);
  std::memcpy(sums + 4 * i, integers ? static_cast<const void*>(&whole) : &rounded, 4);
}

using Rows = std::vector<std::vector<double>>;

// 32 bytes of each of `count` rows of a descriptor's matrix (PTX ISA, "Matrix Descriptor Format":
// the start and the offset of eight rows are in 16 bytes).
std::optional<Rows> ReadRows(int type, unsigned long long descriptor, int first, int count,
                             const ReadShared& read) {
  const auto start = static_cast<int64_t>(descriptor & 0x3fff) << 4;
  const auto stride = static_cast<int64_t>(descriptor >> 32 & 0x3fff) << 4;
  const int piece = type == kTileI8 ? 16 : 8;
  Rows rows(static_cast<size_t>(count));
  for (int r = first; r < first + count; ++r) {
    for (int half = 0; half < 2; ++half) {
      const char* bytes = read(Swizzled(start + r / 8 * stride + r % 8 * 128 + 16 * half));
      if (bytes == nullptr) return std::nullopt;
      for (int i = 0; i < piece; ++i) {
        rows[static_cast<size_t>(r - first)].push_back(Element(type, bytes, i));
      }
    }
  }
  return rows;
}

// 16 rows of the depth, as the columns that lie along them: 64 in each 128 bytes, the next 64 at
// the leading offset.
std::optional<Rows> ReadColumns(int type, unsigned long long descriptor, int count,
                                const ReadShared& read) {
  const auto start = static_cast<int64_t>(descriptor & 0x3fff) << 4;
  const auto leading = static_cast<int64_t>(descriptor >> 16 & 0x3fff) << 4;
  const auto stride = static_cast<int64_t>(descriptor >> 32 & 0x3fff) << 4;
  Rows columns(static_cast<size_t>(count), std::vector<double>(16));
  for (int k = 0; k < 16; ++k) {
    for (int n = 0; n < count; n += 8) {
      const int64_t row = start + n / 64 * leading + k / 8 * stride + k % 8 * 128;
      const char* bytes = read(Swizzled(row + n % 64 * 2));
      if (bytes == nullptr) return std::nullopt;
      for (int i = 0; i < 8; ++i) {
        columns[static_cast<size_t>(n + i)][static_cast<size_t>(k)] = Element(type, bytes, i);
      }
    }
  }
  return columns;
}

}  // namespace

void Multiply(const WarpTile& warp) {
  const int type = warp[0].type, depth = warp[0].depth;
  double left[16][32] = {}, right[32][8] = {};
  for (int t = 0; t < kWarpLanes; ++t) {
    for (int i = 0; i < 16 * depth / kWarpLanes; ++i) {
      const Place at = PlaceInLeft(type, Lane(t), i);
      left[at.row][at.column] = Element(type, warp[static_cast<size_t>(t)].left, i);
    }
    for (int i = 0; i < 8 * depth / kWarpLanes; ++i) {
      const Place at = PlaceInRight(type, Lane(t), i);
      right[at.row][at.column] = Element(type, warp[static_cast<size_t>(t)].right, i);
    }
  }
  for (int t = 0; t < kWarpLanes; ++t) {
    char* const sums = static_cast<char*>(warp[static_cast<size_t>(t)].to);
    for (int i = 0; i < 4; ++i) {
      const Place at = PlaceInSums(Lane(t), i);
      const bool integers = type == kTileI8;
      double sum = integers ? At<int32_t>(sums, i) : At<float>(sums, i);
      for (int k = 0; k < depth; ++k) sum += left[at.row][k] * right[k][at.column];
      Put(sums, i, sum, integers);
    }
  }
}

bool IsSwizzledBy128(unsigned long long descriptor) { return descriptor >> 62 == 1; }

bool MultiplyQuarter(const WarpTile& warp, int quarter, const ReadShared& read) {
  const tw_tile& op = warp[0];
  const std::optional<Rows> left = ReadRows(op.type, op.descriptors[0], 16 * quarter, 16, read);
  const std::optional<Rows> right = op.transposed != 0
                                        ? ReadColumns(op.type, op.descriptors[1], op.columns, read)
                                        : ReadRows(op.type, op.descriptors[1], 0, op.columns, read);
  if (!left || !right) return false;
  for (int t = 0; t < kWarpLanes; ++t) {
    const tw_tile& lane = warp[static_cast<size_t>(t)];
    char* const sums = lane.sums->data + lane.sum;
    for (int i = 0; i < op.columns / 2; ++i) {  // four a tile of eight columns, as mma's
      const Place at = PlaceInSums(Lane(t), i % 4);
      const std::vector<double>& a = (*left)[static_cast<size_t>(at.row)];
      const std::vector<double>& b = (*right)[static_cast<size_t>(at.column + i / 4 * 8)];
      const bool integers = op.type == kTileI8;
      double sum = integers ? At<int32_t>(sums, i) : At<float>(sums, i);
      for (size_t k = 0; k < a.size(); ++k) sum += a[k] * b[k];
      Put(sums, i, sum, integers);
    }
  }
  return true;
}

void LoadMatrices(const WarpTile& warp) {
  const tw_tile& op = warp[0];
  for (int matrix = 0; matrix < op.matrices; ++matrix) {
    char rows[8][16];
    for (int r = 0; r < 8; ++r) {
      const tw_tile& lane = warp[static_cast<size_t>(matrix * 8 + r)];
      std::memcpy(rows[r], lane.rows->data + lane.row, 16);
    }
    for (int t = 0; t < kWarpLanes; ++t) {
      const Lane lane(t);
      char word[4];
      std::memcpy(word, &rows[lane.group][lane.within * 4], 4);
      for (int half = 0; op.transposed != 0 && half < 2; ++half) {
        std::memcpy(word + 2 * half, &rows[lane.within * 2 + half][lane.group * 2], 2);
      }
      std::memcpy(static_cast<char*>(warp[static_cast<size_t>(t)].to) + 4 * matrix, word, 4);
    }
  }
}

}  // namespace tilewright::runtime
