// Transpose, DepthToSpace and SpaceToDepth: permutations of dimensions.
#include <algorithm>
#include <numeric>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "compiler/onnx/tensor_ops.h"

namespace tilewright::onnx_ops {
namespace {

absl::StatusOr<Outputs> TransposeBy(OpBuilder& b) {
  const size_t rank = b.RankOf(b.Input(0));
  std::vector<int64_t> listed(rank);
  std::iota(listed.rbegin(), listed.rend(), 0);
  listed = b.Ints("perm", listed);
  TW_ASSIGN_OR_RETURN(const std::vector<size_t> sorted, NormalizeAxes(listed, rank));
  if (sorted.size() != rank) {
    return absl::InvalidArgumentError(
        absl::StrCat("perm has ", sorted.size(), " axes for ", rank, " dimensions"));
  }
  std::vector<size_t> permutation;
  for (int64_t axis : listed) {
    permutation.push_back(static_cast<size_t>(axis < 0 ? axis + static_cast<int64_t>(rank) : axis));
  }
  return Transpose(b, b.Input(0), std::move(permutation));
}

absl::StatusOr<ValueId> ReshapeTransposeReshape(OpBuilder& b, Shape split,
                                                std::vector<size_t> permutation, Shape merged) {
  TW_ASSIGN_OR_RETURN(const ValueId whole, Reshape(b, b.Input(0), std::move(split)));
  TW_ASSIGN_OR_RETURN(const ValueId moved, Transpose(b, whole, std::move(permutation)));
  return Reshape(b, moved, std::move(merged));
}

absl::StatusOr<int64_t> ReadBlock(OpBuilder& b) {
  TW_RETURN_IF_ERROR(CheckRank(b, b.Input(0), 4, 4));
  const int64_t block = b.Int("blocksize", 0);
  if (block > 0 && block <= 1 << 15) return block;
  return absl::InvalidArgumentError(absl::StrCat("blocksize ", block, " is out of range"));
}

absl::StatusOr<Outputs> DepthToSpace(OpBuilder& b) {
  TW_ASSIGN_OR_RETURN(const int64_t k, ReadBlock(b));
  const Shape s = b.ShapeOf(b.Input(0));
  const int64_t depth = s[1] / (k * k);
  const Shape merged = {s[0], depth, s[2] * k, s[3] * k};
  if (b.Str("mode", "DCR") == "CRD") {
    return ReshapeTransposeReshape(b, {s[0], depth, k, k, s[2], s[3]}, {0, 1, 4, 2, 5, 3}, merged);
  }
  return ReshapeTransposeReshape(b, {s[0], k, k, depth, s[2], s[3]}, {0, 3, 4, 1, 5, 2}, merged);
}

absl::StatusOr<Outputs> SpaceToDepth(OpBuilder& b) {
  TW_ASSIGN_OR_RETURN(const int64_t k, ReadBlock(b));
  const Shape s = b.ShapeOf(b.Input(0));
  const std::string mode = b.Str("mode", "DCR");
  if (mode != "DCR" && mode != "CRD") {
    return absl::InvalidArgumentError(absl::StrCat("unknown mode ", mode, " (DCR or CRD)"));
  }
  std::vector<size_t> order = {0, 3, 5, 1, 2, 4};
  if (mode == "CRD") order = {0, 1, 3, 5, 2, 4};
  return ReshapeTransposeReshape(b, {s[0], s[1], s[2] / k, k, s[3] / k, k}, std::move(order),
                                 {s[0], s[1] * k * k, s[2] / k, s[3] / k});
}

}  // namespace

OpList transpose() {
  return {{"Transpose", 1, 1, TransposeBy},
          {"DepthToSpace", 1, 1, DepthToSpace},
          {"SpaceToDepth", 1, 1, SpaceToDepth}};
}

}  // namespace tilewright::onnx_ops
