// Whether the samples of a batch stay apart in a graph: what lets a run be padded to a larger
// batch.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "compiler/graph/graph.h"

namespace tilewright {

// A constant as it is compared between two graphs of one model.
struct ConstantPrint {
  Shape shape;
  size_t hash = 0;
  // Along axes as long as the batch: the hash of a slice, where all slices are equal.
  std::map<int, size_t> slices;
};

// What a graph computes of each sample of a batch.
struct SampleFunction {
  struct Step {
    std::string node, text;  // its name; its definition, in which the batch's extent is left open
  };
  std::vector<int> output_axes;  // where the samples of each output lie, -1 where it has none
  std::vector<Step> steps;
  std::map<std::string, ConstantPrint> constants;  // by value
};

// Follows the samples from the inputs (input_axes[i] is their axis in input i, -1 where it has
// none) to the outputs: every element must be computed from elements of its own sample alone.
// FailedPrecondition names the first node where that cannot be shown: it mixes samples, or is a
// procedure. REQUIRES: the inputs that have samples have as many, at least two.
absl::StatusOr<SampleFunction> SeparateSamples(const Graph& graph,
                                               const std::vector<int>& input_axes);

// That two graphs of one model, imported with batches of different extents, compute the same of
// every sample: no definition and no constant depends on the extent. FailedPrecondition names the
// first that does. Both arguments are of SeparateSamples.
absl::Status SameOfEverySample(const SampleFunction& a, const SampleFunction& b);

}  // namespace tilewright
