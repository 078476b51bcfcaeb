#include "runtime/device/emulator/tiles.h"

#include <cmath>
#include <cstdint>
#include <cstring>

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
      // Sums of int32 wrap around.
      const auto whole = integers ? static_cast<int32_t>(static_cast<int64_t>(sum)) : 0;
      const auto rounded = static_cast<float>(sum);
      std::memcpy(sums + 4 * i, integers ? static_cast<const void*>(&whole) : &rounded, 4);
    }
  }
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
