// TopK: the positions of the first k, kept in a heap, and the elements there.
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "compiler/onnx/steps.h"
#include "compiler/onnx/tensor_ops.h"

namespace tilewright::onnx_ops {
namespace {

absl::StatusOr<Outputs> TopK(OpBuilder& b) {
  std::vector<int64_t> k = {b.Int("k", 0)};
  if (b.opset() >= 10) {
    TW_ASSIGN_OR_RETURN(k, b.ConstInts(1, "k"));
  }
  const TensorType from = b.TypeOf(b.Input(0));
  TW_ASSIGN_OR_RETURN(const size_t axis, NormalizeAxis(b.Int("axis", -1), from.shape.size()));
  const int64_t extent = from.shape[axis];
  if (k.size() != 1 || k[0] < 0 || k[0] > extent) {
    return absl::InvalidArgumentError(absl::StrCat("k does not fit the extent ", extent));
  }
  TensorType type = from;
  type.shape[axis] = k[0];
  if (NumElements(type.shape) == 0) {
    return Outputs({b.Constant(Tensor(type)), b.Constant(Tensor({DType::kI64, type.shape}))});
  }
  TW_ASSIGN_OR_RETURN(const ValueId positions,
                      FirstPositions(b, b.Input(0), {axis, b.Int("largest", 1) != 0}, k[0]));
  TW_ASSIGN_OR_RETURN(const ValueId values, b.Emit({.op = "top_k",
                                                    .inputs = {b.Input(0), positions},
                                                    .type = type,
                                                    .body = [&](const Point& p) {
                                                      Exprs at = p.axes;
                                                      at[axis] = SafeIndex(p.Here(1), extent);
                                                      return p.Load(0, std::move(at));
                                                    }}));
  return Outputs({values, positions});
}

}  // namespace

OpList top_k() { return {{"TopK", 1, 1, TopK, kNumbers}, {"TopK", 10, 2, TopK, kNumbers}}; }

}  // namespace tilewright::onnx_ops
