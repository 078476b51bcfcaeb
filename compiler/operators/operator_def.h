// What a tunable operator is: the one place that a check, a key, a log, a graph pass, a worker and
// a template's reference ask. Catalogue: each file of this folder, NAME.cc, is one operator and
// gives `const OperatorDef& NAME()`. Values; thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "compiler/core/workload.h"
#include "compiler/loop/compute.h"

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

// The layouts of a workload's data, weight and output, by name.
struct WorkloadLayouts {
  std::string data, weight, out;
};

struct OperatorDef {
  LayoutRule data, weight, out;
  // Ranks of the inputs after data and weight, which have plain layouts and what types `check`
  // allows; the last `optional` of them may be absent.
  std::vector<size_t> further = {};
  size_t optional = 0;
  std::vector<AttributeRule> attributes;  // in the order of an AutoTVM argument list
  // The workload's `definition` says what is computed: one or more inputs of any types and ranks,
  // no epilogue, no attributes and no layouts (nest.cc is the only one).
  bool by_definition = false;
  // The second input is a model's weights, as a rule constant; else both are activations.
  bool weighted = true;
  // The logical dimension of the output that a bias is over, and that of the weight whose entries
  // belong to different output channels (of one group, where a dimension before it is grouped).
  size_t channel, weight_channel = 0;
  // The attribute "padding" puts zeros around the last two dimensions of the data, so that a
  // graph's zero padding before the operator may become a part of it.
  bool pads_with_zeros = false;
  // What the general rules leave open. Called when they hold.
  absl::Status (*check)(const Workload&);
  // Any dimension may be out of range where the check has not passed; never overflows where the
  // general rules hold.
  Shape (*output_shape)(const Workload&);
  // For the rest, REQUIRES: CheckWorkload(workload).ok().
  // Multiply-adds of one call.
  double (*multiply_adds)(const Workload&);
  // The definition, in the workload's physical layouts (see Define).
  Compute (*define)(const Workload&);
  // Layouts with channels in blocks of `lanes`, for a workload in plain ones whose weight is
  // constant; nullopt where they would waste more than half of the lanes.
  std::optional<WorkloadLayouts> (*blocked)(const Workload&, int64_t lanes);
};

struct OperatorEntry {
  std::string name;  // "conv2d"
  const OperatorDef* def;
};

// Sorted by name.
const std::vector<OperatorEntry>& Operators();

// Null when no operator has that name.
const OperatorDef* FindOperator(std::string_view name);

// REQUIRES: the workload's operator is known.
const OperatorDef& OperatorOf(const Workload& workload);

}  // namespace tilewright
