// Ensembles of decision trees, as ai.onnx.ml's operators describe them.
#pragma once

#include <vector>

#include "compiler/onnx/op_builder.h"

namespace tilewright {

// What a node asks of a feature; a leaf asks nothing.
enum class Branch { kLeq, kLt, kGte, kGt, kEq, kNeq, kMember, kLeaf };

struct TreeNode {
  Branch branch = Branch::kLeaf;
  int64_t feature = 0;
  double split = 0;
  std::vector<double> members;  // of kMember
  bool nan_is_true = false;     // a NaN takes the true branch whatever is asked
  int64_t yes = 0, no = 0;      // nodes: where true and false lead
};

struct LeafWeight {
  int64_t node, target;
  double weight;
};

struct Forest {
  std::vector<TreeNode> nodes;
  std::vector<int64_t> roots;
  std::vector<LeafWeight> weights;
  int64_t targets = 1;
  Reducer reducer = Reducer::kSum;  // of the weights of a target, over the trees in order
};

// The forest as tables. Every node asks whether its feature is at most its split: other questions
// are such nodes with their branches exchanged, or two in a row. A leaf leads to itself.
struct ForestTables {
  std::vector<int32_t> feature;
  std::vector<double> split;
  std::vector<bool> nan_is_true;
  std::vector<int32_t> next;           // [nodes, 2]: where false and true lead
  std::vector<int64_t> roots, depths;  // of each tree: where it begins, the most steps to a leaf
  std::vector<int64_t> weights_begin;  // [nodes + 1]: a leaf's weights are a range of the next two
  std::vector<int32_t> weight_target;
  std::vector<double> weight;
};

// For features of `dtype`, a float. InvalidArgument for nodes, features and targets that do not
// exist and for trees with a cycle.
absl::StatusOr<ForestTables> TabulateForest(const Forest& forest, int64_t features, DType dtype);

// x [N, features] of float32 or float64 -> [N, targets] of the same type: what the leaves that a
// row reaches weigh, reduced; 0 where no leaf has a weight.
absl::StatusOr<ValueId> EvaluateForest(OpBuilder& b, const Forest& forest, ValueId x);

}  // namespace tilewright
