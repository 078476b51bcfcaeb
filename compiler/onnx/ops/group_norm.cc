// ONNX Runtime's GroupNorm and SkipGroupNorm, of diffusion models: channels are last unless the
// node says otherwise.
#include "base/status_macros.h"
#include "compiler/onnx/channels_last.h"
#include "compiler/onnx/formulas.h"
#include "compiler/onnx/normalize.h"

namespace tilewright::onnx_ops {
namespace {

// `x` has its channels second.
absl::StatusOr<ValueId> NormalizedAndActivated(OpBuilder& b, ValueId x) {
  ChannelGroups groups{.count = b.Int("groups", 0), .epsilon = b.Float("epsilon", 1e-5)};
  TW_ASSIGN_OR_RETURN(groups.scale, CastTo(b, b.Input(1), b.DTypeOf(x)));
  TW_ASSIGN_OR_RETURN(groups.bias, CastTo(b, b.Input(2), b.DTypeOf(x)));
  TW_ASSIGN_OR_RETURN(const ValueId y, NormalizeGroups(b, x, groups));
  if (b.Int("activation", 0) == 0) return y;
  return Map(b, "swish", {y}, [](const Exprs& v) { return formulas::QuickGelu(v[0], 1); });
}

absl::StatusOr<ValueId> NormalizeWhereChannelsAre(OpBuilder& b, ValueId x) {
  if (b.Int("channels_last", 1) == 0) return NormalizedAndActivated(b, x);
  TW_ASSIGN_OR_RETURN(x, ChannelsSecond(b, x));
  TW_ASSIGN_OR_RETURN(const ValueId y, NormalizedAndActivated(b, x));
  return ChannelsLast(b, y);
}

absl::StatusOr<Outputs> GroupNorm(OpBuilder& b) { return NormalizeWhereChannelsAre(b, b.Input(0)); }

// Inputs: x, scale and bias of the normalisation, skip [N,H,W,C], [N,1,1,C] or [N,C], and a vector
// of the channels. Outputs: normalised, and the sum of the three.
absl::StatusOr<Outputs> SkipGroupNorm(OpBuilder& b) {
  TW_RETURN_IF_ERROR(CheckRank(b, b.Input(0), 4, 4));
  if (b.Int("channels_last", 1) == 0) {
    return absl::UnimplementedError("channels_last 0 is not supported");
  }
  std::vector<ValueId> terms = {b.Input(0), b.Input(3)};
  if (b.RankOf(terms[1]) == 2) {
    const Shape shape = b.ShapeOf(terms[1]);
    TW_ASSIGN_OR_RETURN(terms[1], Reshape(b, terms[1], {shape[0], 1, 1, shape[1]}));
  }
  if (b.HasInput(4)) terms.push_back(b.Input(4));
  TW_RETURN_IF_ERROR(CheckSameType(b, terms));
  TW_ASSIGN_OR_RETURN(const ValueId sum, Map(b, "add", terms, [](const Exprs& v) {
                        return v.size() > 2 ? v[0] + v[1] + v[2] : v[0] + v[1];
                      }));
  TW_RETURN_IF_ERROR(CheckShapeIs(b, sum, b.ShapeOf(b.Input(0)), "the sum with skip"));
  TW_ASSIGN_OR_RETURN(const ValueId y, NormalizeWhereChannelsAre(b, sum));
  return Outputs({y, sum});
}

}  // namespace

OpList group_norm() {
  return {{"com.microsoft.GroupNorm", 1, 3, GroupNorm, kFloats},
          {"com.microsoft.SkipGroupNorm", 1, 4, SkipGroupNorm, kFloats}};
}

}  // namespace tilewright::onnx_ops
