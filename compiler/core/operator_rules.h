// What a workload of each operator must be, and what follows from it: the one table that checks,
// keys, logs and workers ask. Values; thread-safe.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "compiler/core/workload.h"

namespace tilewright {

// The forms a tensor's layout may have: its dimensions' letters, then inner blocks of some of
// `blocks`, in that order and each at most once. "" names the plain layout and is the only form
// where `named` is false.
struct LayoutRule {
  std::string_view letters, blocks;
  bool named = true;
};

// An attribute that every workload of the operator has: so many values, all within the bounds.
struct AttributeRule {
  std::string_view name;
  size_t count;
  int64_t least;
};
inline constexpr int64_t kMostAttributeValue = 1 << 20;

struct OperatorRules {
  std::string_view name;
  LayoutRule data, weight, out;
  std::vector<AttributeRule> attributes;  // in the order of an AutoTVM argument list
  // The second input is a model's weights, as a rule constant; else both are activations.
  bool weighted = true;
  size_t channel;  // the logical dimension of the output that a bias is over
  // What the general rules leave open. Called when they hold.
  absl::Status (*check)(const Workload&);
  // Any dimension may be out of range where the check has not passed; never overflows where the
  // general rules hold.
  Shape (*output_shape)(const Workload&);
  // Multiply-adds of one call. REQUIRES: CheckWorkload(workload).ok().
  double (*multiply_adds)(const Workload&);
};

// Sorted by name.
std::span<const OperatorRules> AllOperatorRules();

// Null when no operator has that name.
const OperatorRules* FindOperatorRules(std::string_view op);

}  // namespace tilewright
