// RotaryEmbedding of ONNX (opset 23) and of ONNX Runtime.
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "compiler/onnx/rotary.h"
#include "compiler/onnx/tensor_ops.h"

namespace tilewright::onnx_ops {
namespace {

struct Inputs {
  size_t cosine, sine, positions;
};

absl::StatusOr<Outputs> Convert(OpBuilder& b, const Inputs& in) {
  Rotary r{.x = b.Input(0),
           .cosine = b.Input(in.cosine),
           .sine = b.Input(in.sine),
           .positions = b.HasInput(in.positions) ? b.Input(in.positions) : kNoValue};
  TW_RETURN_IF_ERROR(CheckRank(b, r.x, 3, 4));
  TW_RETURN_IF_ERROR(CheckRank(b, r.cosine, 2, 3));
  r.heads_first = b.RankOf(r.x) == 4;
  const Shape shape = b.ShapeOf(r.x);
  r.rotated = b.Int("rotary_embedding_dim", 0);
  if (!r.heads_first) {
    int64_t heads = b.Int("num_heads", 0);
    const int64_t size = 2 * b.ShapeOf(r.cosine).back();
    if (heads == 0 && r.rotated == 0 && size > 0) heads = shape[2] / size;
    if (heads < 1 || shape[2] % heads != 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("num_heads ", heads, " does not divide the ", shape[2], " features"));
    }
    TW_ASSIGN_OR_RETURN(r.x, Reshape(b, r.x, {shape[0], shape[1], heads, shape[2] / heads}));
  }
  if (r.rotated == 0) r.rotated = b.ShapeOf(r.x)[3];
  TW_ASSIGN_OR_RETURN(const ValueId y, Rotate(b, r, b.Int("interleaved", 0) != 0));
  return Reshape(b, y, shape);
}

absl::StatusOr<Outputs> RotaryEmbedding(OpBuilder& b) { return Convert(b, {1, 2, 3}); }

absl::StatusOr<Outputs> RuntimeRotaryEmbedding(OpBuilder& b) {
  if (b.Float("scale", 1) != 1) return absl::UnimplementedError("a scale is not supported");
  return Convert(b, {2, 3, 1});
}

}  // namespace

OpList rotary_embedding() {
  return {{"RotaryEmbedding", 23, 3, RotaryEmbedding, kFloats},
          {"com.microsoft.RotaryEmbedding", 1, 4, RuntimeRotaryEmbedding, kFloats}};
}

}  // namespace tilewright::onnx_ops
