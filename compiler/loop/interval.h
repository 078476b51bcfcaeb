// Bounds of an integer, each side possibly unknown. Values; saturating arithmetic.
#pragma once

#include <algorithm>
#include <cstdint>

#include "compiler/loop/integer_math.h"

namespace tilewright {

struct Interval {
  // Bounds at or beyond these are unknown; index arithmetic stays far below.
  static constexpr int64_t kInfinity = int64_t{1} << 62;

  int64_t lo = -kInfinity, hi = kInfinity;

  bool bounded() const { return lo > -kInfinity && hi < kInfinity; }
  bool empty() const { return lo > hi; }

  static int64_t Clamp(__int128 value) {
    return static_cast<int64_t>(std::clamp<__int128>(value, -kInfinity, kInfinity));
  }

  Interval Plus(const Interval& other) const { return {Sum(lo, other.lo), Sum(hi, other.hi)}; }

  Interval Times(int64_t factor) const {
    if (factor == 0) return {0, 0};
    const int64_t a = Product(lo, factor), b = Product(hi, factor);
    return {std::min(a, b), std::max(a, b)};
  }

  // Of x / c for c > 0.
  Interval DividedBy(int64_t c) const {
    return {lo <= -kInfinity ? -kInfinity : DivFloor(lo, c),
            hi >= kInfinity ? kInfinity : DivFloor(hi, c)};
  }

  Interval Intersect(const Interval& other) const {
    return {std::max(lo, other.lo), std::min(hi, other.hi)};
  }

  Interval Union(const Interval& other) const {
    return {std::min(lo, other.lo), std::max(hi, other.hi)};
  }

 private:
  static bool Infinite(int64_t value) { return value <= -kInfinity || value >= kInfinity; }
  static int64_t Sum(int64_t a, int64_t b) {
    if (Infinite(a)) return a;
    return Infinite(b) ? b : Clamp(static_cast<__int128>(a) + b);
  }
  static int64_t Product(int64_t a, int64_t b) { return Clamp(static_cast<__int128>(a) * b); }
};

}  // namespace tilewright
