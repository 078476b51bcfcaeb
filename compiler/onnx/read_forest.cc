#include "compiler/onnx/read_forest.h"

#include <cmath>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace tilewright {
namespace {

// In the order of their numbers in TreeEnsemble.
constexpr std::pair<const char*, Branch> kBranches[] = {
    {"BRANCH_LEQ", Branch::kLeq},       {"BRANCH_LT", Branch::kLt}, {"BRANCH_GTE", Branch::kGte},
    {"BRANCH_GT", Branch::kGt},         {"BRANCH_EQ", Branch::kEq}, {"BRANCH_NEQ", Branch::kNeq},
    {"BRANCH_MEMBER", Branch::kMember}, {"LEAF", Branch::kLeaf}};

absl::StatusOr<Branch> BranchOf(const std::string& mode) {
  for (const auto& [name, branch] : kBranches) {
    if (mode == name && branch != Branch::kMember) return branch;
  }
  return absl::InvalidArgumentError(absl::StrCat("unknown mode \"", mode, "\" in nodes_modes"));
}

absl::Status CheckLength(const std::string& name, size_t found, size_t expected) {
  if (found == expected) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(name, " has ", found, " elements where the other lists have ", expected));
}

absl::StatusOr<std::vector<int64_t>> ReadInts(OpBuilder& b, const std::string& name, size_t size) {
  std::vector<int64_t> ints = b.Ints(name, {});
  TW_RETURN_IF_ERROR(CheckLength(name, ints.size(), size));
  return ints;
}

// Whether each node sends NaN to its true branch; the attribute may be left out.
absl::StatusOr<std::vector<int64_t>> ReadMissing(OpBuilder& b, size_t size) {
  const char* const name = "nodes_missing_value_tracks_true";
  if (b.Ints(name, {}).empty()) return std::vector<int64_t>(size, 0);
  return ReadInts(b, name, size);
}

absl::StatusOr<std::vector<double>> ReadTensor(OpBuilder& b, const std::string& name) {
  TW_ASSIGN_OR_RETURN(const Tensor tensor, b.TensorAttr(name));
  std::vector<double> numbers(static_cast<size_t>(tensor.size()));
  for (int64_t i = 0; i < tensor.size(); ++i) numbers[static_cast<size_t>(i)] = tensor.AsDouble(i);
  return numbers;
}

// What both forms of a forest say of each node.
struct NodeLists {
  std::vector<int64_t> features, yes, no, missing;
  std::vector<double> splits;

  TreeNode At(size_t i) const {
    return {.feature = features[i], .split = splits[i], .nan_is_true = missing[i] != 0};
  }
};

absl::StatusOr<NodeLists> ReadNodeLists(OpBuilder& b, std::vector<double> splits) {
  const size_t size = splits.size();
  NodeLists nodes;
  TW_ASSIGN_OR_RETURN(nodes.features, ReadInts(b, "nodes_featureids", size));
  TW_ASSIGN_OR_RETURN(nodes.yes, ReadInts(b, "nodes_truenodeids", size));
  TW_ASSIGN_OR_RETURN(nodes.no, ReadInts(b, "nodes_falsenodeids", size));
  TW_ASSIGN_OR_RETURN(nodes.missing, ReadMissing(b, size));
  nodes.splits = std::move(splits);
  return nodes;
}

// Nodes by their tree and their number in it.
class NodeNames {
 public:
  absl::Status Add(int64_t tree, int64_t node) {
    const auto at = static_cast<int64_t>(places_.size());
    if (places_.emplace(std::pair(tree, node), at).second) return absl::OkStatus();
    return absl::InvalidArgumentError(absl::StrCat("node ", node, " of tree ", tree, " is twice"));
  }
  absl::StatusOr<int64_t> Find(int64_t tree, int64_t node) const {
    const auto found = places_.find({tree, node});
    if (found != places_.end()) return found->second;
    return absl::InvalidArgumentError(
        absl::StrCat("tree ", tree, " has no node ", node, ", which another list names"));
  }

 private:
  std::map<std::pair<int64_t, int64_t>, int64_t> places_;
};

absl::Status ReadNamedNodes(OpBuilder& b, Forest& forest, NodeNames& names) {
  const std::vector<std::string> modes = b.Strings("nodes_modes");
  const size_t size = modes.size();
  TW_ASSIGN_OR_RETURN(const auto trees, ReadInts(b, "nodes_treeids", size));
  TW_ASSIGN_OR_RETURN(const auto numbers, ReadInts(b, "nodes_nodeids", size));
  TW_ASSIGN_OR_RETURN(const auto splits, ReadNumbers(b, "nodes_values"));
  TW_RETURN_IF_ERROR(CheckLength("nodes_values", splits.size(), size));
  TW_ASSIGN_OR_RETURN(const NodeLists nodes, ReadNodeLists(b, splits));
  for (size_t i = 0; i < size; ++i) TW_RETURN_IF_ERROR(names.Add(trees[i], numbers[i]));
  std::map<int64_t, int64_t> roots;  // each tree's is the first of its nodes
  for (size_t i = 0; i < size; ++i) {
    TreeNode node = nodes.At(i);
    TW_ASSIGN_OR_RETURN(node.branch, BranchOf(modes[i]));
    if (node.branch != Branch::kLeaf) {
      TW_ASSIGN_OR_RETURN(node.yes, names.Find(trees[i], nodes.yes[i]));
      TW_ASSIGN_OR_RETURN(node.no, names.Find(trees[i], nodes.no[i]));
    }
    const auto at = static_cast<int64_t>(forest.nodes.size());
    if (roots.emplace(trees[i], at).second) forest.roots.push_back(at);
    forest.nodes.push_back(std::move(node));
  }
  return absl::OkStatus();
}

// The sets of the nodes that ask for membership, in order; each ends with a NaN.
absl::Status ReadMembers(OpBuilder& b, Forest& forest) {
  std::vector<double> values;
  if (b.HasAttr("membership_values")) {
    TW_ASSIGN_OR_RETURN(values, ReadTensor(b, "membership_values"));
  }
  size_t at = 0;
  for (TreeNode& node : forest.nodes) {
    if (node.branch != Branch::kMember) continue;
    while (at < values.size() && !std::isnan(values[at])) node.members.push_back(values[at++]);
    if (at == values.size()) {
      return absl::InvalidArgumentError(
          "membership_values has fewer sets (each ends with a NaN) than nodes ask for");
    }
    ++at;
  }
  return absl::OkStatus();
}

absl::StatusOr<Branch> BranchOf(double number) {
  const bool known = number >= 0 && number <= 6 && number == std::floor(number);
  if (known) return kBranches[static_cast<size_t>(number)].second;
  return absl::InvalidArgumentError(absl::StrCat("nodes_modes holds ", number, ", not 0 to 6"));
}

// Leaves are the nodes behind the `inner` ones.
absl::StatusOr<int64_t> ChildAt(int64_t index, int64_t is_leaf, size_t inner) {
  const auto nodes = static_cast<int64_t>(inner);
  if (is_leaf != 0 && index >= 0) return nodes + index;
  if (is_leaf == 0 && index < nodes) return index;
  return absl::InvalidArgumentError(absl::StrCat("node ", index, " is outside [0, ", nodes, ")"));
}

absl::Status ReadInnerNodes(OpBuilder& b, Forest& forest) {
  TW_ASSIGN_OR_RETURN(const auto modes, ReadTensor(b, "nodes_modes"));
  const size_t size = modes.size();
  TW_ASSIGN_OR_RETURN(const auto splits, ReadTensor(b, "nodes_splits"));
  TW_RETURN_IF_ERROR(CheckLength("nodes_splits", splits.size(), size));
  TW_ASSIGN_OR_RETURN(const NodeLists nodes, ReadNodeLists(b, splits));
  TW_ASSIGN_OR_RETURN(const auto yes_leaf, ReadInts(b, "nodes_trueleafs", size));
  TW_ASSIGN_OR_RETURN(const auto no_leaf, ReadInts(b, "nodes_falseleafs", size));
  for (size_t i = 0; i < size; ++i) {
    TreeNode node = nodes.At(i);
    TW_ASSIGN_OR_RETURN(node.branch, BranchOf(modes[i]));
    TW_ASSIGN_OR_RETURN(node.yes, ChildAt(nodes.yes[i], yes_leaf[i], size));
    TW_ASSIGN_OR_RETURN(node.no, ChildAt(nodes.no[i], no_leaf[i], size));
    forest.nodes.push_back(std::move(node));
  }
  return ReadMembers(b, forest);
}

}  // namespace

absl::StatusOr<std::vector<double>> ReadNumbers(OpBuilder& b, const std::string& name) {
  const std::string as_tensor = name + "_as_tensor";
  if (b.HasAttr(as_tensor)) return ReadTensor(b, as_tensor);
  const std::vector<float> floats = b.Floats(name);
  return std::vector<double>(floats.begin(), floats.end());
}

absl::StatusOr<Forest> ReadNamedForest(OpBuilder& b, const std::string& weights) {
  Forest forest;
  NodeNames names;
  TW_RETURN_IF_ERROR(ReadNamedNodes(b, forest, names));
  TW_ASSIGN_OR_RETURN(const auto values, ReadNumbers(b, weights + "_weights"));
  TW_ASSIGN_OR_RETURN(const auto targets, ReadInts(b, weights + "_ids", values.size()));
  TW_ASSIGN_OR_RETURN(const auto trees, ReadInts(b, weights + "_treeids", values.size()));
  TW_ASSIGN_OR_RETURN(const auto nodes, ReadInts(b, weights + "_nodeids", values.size()));
  for (size_t i = 0; i < values.size(); ++i) {
    TW_ASSIGN_OR_RETURN(const int64_t node, names.Find(trees[i], nodes[i]));
    forest.weights.push_back({node, targets[i], values[i]});
  }
  return forest;
}

absl::StatusOr<Forest> ReadIndexedForest(OpBuilder& b) {
  Forest forest{.roots = b.Ints("tree_roots", {}), .targets = b.Int("n_targets", 1)};
  TW_RETURN_IF_ERROR(ReadInnerNodes(b, forest));
  TW_ASSIGN_OR_RETURN(const auto values, ReadTensor(b, "leaf_weights"));
  TW_ASSIGN_OR_RETURN(const auto targets, ReadInts(b, "leaf_targetids", values.size()));
  const auto inner = static_cast<int64_t>(forest.nodes.size());
  for (size_t i = 0; i < values.size(); ++i) {
    forest.weights.push_back({inner + static_cast<int64_t>(i), targets[i], values[i]});
  }
  forest.nodes.resize(forest.nodes.size() + values.size());
  return forest;
}

}  // namespace tilewright
