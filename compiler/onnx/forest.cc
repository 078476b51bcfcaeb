#include "compiler/onnx/forest.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace tilewright {
namespace {

constexpr size_t kMaxTreeNodes = size_t{1} << 28;
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

absl::Status CheckIndex(int64_t index, size_t extent, const char* what) {
  if (index >= 0 && index < static_cast<int64_t>(extent)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(what, " ", index, " is outside [0, ", extent, ")"));
}

absl::Status CheckForest(const Forest& forest, int64_t features) {
  const size_t nodes = forest.nodes.size();
  for (const TreeNode& node : forest.nodes) {
    if (node.branch == Branch::kLeaf) continue;
    TW_RETURN_IF_ERROR(CheckIndex(node.feature, static_cast<size_t>(features), "feature"));
    TW_RETURN_IF_ERROR(CheckIndex(node.yes, nodes, "the node of a true branch"));
    TW_RETURN_IF_ERROR(CheckIndex(node.no, nodes, "the node of a false branch"));
  }
  for (int64_t root : forest.roots) TW_RETURN_IF_ERROR(CheckIndex(root, nodes, "root"));
  for (const LeafWeight& each : forest.weights) {
    TW_RETURN_IF_ERROR(CheckIndex(each.node, nodes, "the node of a weight"));
    TW_RETURN_IF_ERROR(
        CheckIndex(each.target, static_cast<size_t>(forest.targets), "the target of a weight"));
  }
  return absl::OkStatus();
}

// The largest number of the type below x, so that "below x" is "at most that"; NaN, which nothing
// is at most, for the lowest.
double NumberBelow(double x, DType dtype) {
  constexpr double kLowest = -std::numeric_limits<double>::infinity();
  if (x == kLowest) return kNan;
  if (dtype == DType::kF64) return std::nextafter(x, kLowest);
  return std::nextafter(static_cast<float>(x), static_cast<float>(kLowest));
}

// Writes nodes as ones that ask "feature <= split".
class NodeTables {
 public:
  NodeTables(size_t nodes, DType dtype) : dtype_(dtype) {
    while (tables_.feature.size() < nodes) Add();
  }

  // In place of node `at`.
  void Put(int32_t at, const TreeNode& node) {
    const bool nan = node.nan_is_true;
    const auto yes = static_cast<int32_t>(node.yes), no = static_cast<int32_t>(node.no);
    const auto feature = static_cast<int32_t>(node.feature);
    const double below = NumberBelow(node.split, dtype_);
    switch (node.branch) {
      case Branch::kLeaf: return;
      case Branch::kLeq: return Leq(at, {feature, node.split, yes, no, nan});
      case Branch::kLt: return Leq(at, {feature, below, yes, no, nan});
      // Where the branches are exchanged, so is what a NaN does.
      case Branch::kGt: return Leq(at, {feature, node.split, no, yes, !nan});
      case Branch::kGte: return Leq(at, {feature, below, no, yes, !nan});
      case Branch::kEq: return Equals(at, {feature, node.split, yes, no, nan});
      case Branch::kNeq: return Equals(at, {feature, node.split, no, yes, false});
      case Branch::kMember: break;
    }
    Member(at, node);
  }

  ForestTables Take() && { return std::move(tables_); }

 private:
  struct Test {
    int32_t feature;
    double split;
    int32_t yes, no;
    bool nan_is_true;
  };

  int32_t Add() {
    const auto at = static_cast<int32_t>(tables_.feature.size());
    tables_.feature.push_back(0);
    tables_.split.push_back(kNan);
    tables_.nan_is_true.push_back(false);
    tables_.next.insert(tables_.next.end(), {at, at});
    return at;
  }

  void Leq(int32_t at, const Test& test) {
    tables_.feature[at] = test.feature;
    tables_.split[at] = test.split;
    tables_.nan_is_true[at] = test.nan_is_true;
    tables_.next[2 * static_cast<size_t>(at)] = test.no;
    tables_.next[2 * static_cast<size_t>(at) + 1] = test.yes;
  }

  // At most the split, and not at most the number below it. A NaN comes to the second node only
  // where it is to be true, and is not at most anything there.
  void Equals(int32_t at, const Test& test) {
    const int32_t second = Add();
    Leq(at, {test.feature, test.split, second, test.no, test.nan_is_true});
    Leq(second, {test.feature, NumberBelow(test.split, dtype_), test.no, test.yes, false});
  }

  void Member(int32_t at, const TreeNode& node) {
    const auto yes = static_cast<int32_t>(node.yes), no = static_cast<int32_t>(node.no);
    const auto feature = static_cast<int32_t>(node.feature);
    if (node.members.empty()) return Leq(at, {feature, kNan, yes, no, node.nan_is_true});
    for (size_t i = 0; i < node.members.size(); ++i) {
      const int32_t next = i + 1 < node.members.size() ? Add() : no;
      Equals(at, {feature, node.members[i], yes, next, node.nan_is_true});
      at = next;
    }
  }

  const DType dtype_;
  ForestTables tables_;
};

// Steps from each root to its deepest leaf.
absl::Status MeasureDepths(ForestTables& tables) {
  constexpr int64_t kNew = -1, kOpen = -2;
  std::vector<int64_t> depth(tables.feature.size(), kNew);
  std::vector<int32_t> stack;
  const auto visit = [&](int32_t at) {
    const int32_t* next = &tables.next[2 * static_cast<size_t>(at)];
    if (next[0] == at && next[1] == at) depth[at] = 0;
    if (depth[at] == kOpen) depth[at] = 1 + std::max(depth[next[0]], depth[next[1]]);
    if (depth[at] >= 0) return stack.pop_back(), true;
    depth[at] = kOpen;
    for (int side : {0, 1}) {
      if (depth[next[side]] == kOpen) return false;
      if (depth[next[side]] == kNew) stack.push_back(next[side]);
    }
    return true;
  };
  for (int64_t root : tables.roots) {
    stack = {static_cast<int32_t>(root)};
    while (!stack.empty()) {
      if (!visit(stack.back()))
        return absl::InvalidArgumentError("the nodes of a tree form a cycle");
    }
    tables.depths.push_back(depth[root]);
  }
  return absl::OkStatus();
}

void TabulateWeights(std::vector<LeafWeight> weights, ForestTables& tables) {
  std::stable_sort(weights.begin(), weights.end(),
                   [](const LeafWeight& a, const LeafWeight& b) { return a.node < b.node; });
  tables.weights_begin.assign(tables.feature.size() + 1, 0);
  for (const LeafWeight& each : weights) {
    ++tables.weights_begin[static_cast<size_t>(each.node) + 1];
    tables.weight_target.push_back(static_cast<int32_t>(each.target));
    tables.weight.push_back(each.weight);
  }
  for (size_t i = 1; i < tables.weights_begin.size(); ++i) {
    tables.weights_begin[i] += tables.weights_begin[i - 1];
  }
}

// Nodes once each asks one question of one kind.
size_t CountNodes(const Forest& forest) {
  size_t nodes = forest.nodes.size();
  for (const TreeNode& node : forest.nodes) nodes += 1 + 2 * node.members.size();
  return nodes;
}

}  // namespace

absl::StatusOr<ForestTables> TabulateForest(const Forest& forest, int64_t features, DType dtype) {
  TW_RETURN_IF_ERROR(CheckForest(forest, features));
  if (CountNodes(forest) > kMaxTreeNodes) {
    return absl::InvalidArgumentError(absl::StrCat("has ", forest.nodes.size(), " nodes; at most ",
                                                   kMaxTreeNodes, " are supported"));
  }
  NodeTables nodes(forest.nodes.size(), dtype);
  for (size_t i = 0; i < forest.nodes.size(); ++i) {
    nodes.Put(static_cast<int32_t>(i), forest.nodes[i]);
  }
  ForestTables tables = std::move(nodes).Take();
  tables.roots = forest.roots;
  TW_RETURN_IF_ERROR(MeasureDepths(tables));
  TabulateWeights(forest.weights, tables);
  return tables;
}

}  // namespace tilewright
