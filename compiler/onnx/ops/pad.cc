// Pad by a constant, the edge, reflection or wrapping. Negative pads cut off.
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "compiler/onnx/tensor_ops.h"

namespace tilewright::onnx_ops {
namespace {

constexpr int64_t kMaxPad = int64_t{1} << 30;

// Elements before and after, for every dimension.
struct Pads {
  std::vector<int64_t> before, after;
};

// Before opset 11 ONNX's pads and value were attributes; ONNX Runtime's never were.
bool HasAttributesOnly(const OpBuilder& b) { return b.opset() < 11 && b.num_inputs() < 2; }

absl::StatusOr<Pads> ReadPads(OpBuilder& b) {
  const size_t rank = b.RankOf(b.Input(0));
  std::vector<int64_t> listed = b.Ints("pads", {}), axes(rank);
  if (!HasAttributesOnly(b)) {
    TW_ASSIGN_OR_RETURN(listed, b.ConstInts(1, "pads"));
  }
  for (size_t d = 0; d < rank; ++d) axes[d] = static_cast<int64_t>(d);
  if (b.HasInput(3)) {
    TW_ASSIGN_OR_RETURN(axes, b.ConstInts(3, "axes"));
  }
  TW_RETURN_IF_ERROR(NormalizeAxes(axes, rank).status());
  if (listed.size() != 2 * axes.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("pads has ", listed.size(), " values for ", axes.size(), " dimensions"));
  }
  Pads pads{std::vector<int64_t>(rank), std::vector<int64_t>(rank)};
  for (size_t i = 0; i < axes.size(); ++i) {
    TW_ASSIGN_OR_RETURN(const size_t d, NormalizeAxis(axes[i], rank));
    pads.before[d] = listed[i];
    pads.after[d] = listed[axes.size() + i];
    if (std::abs(pads.before[d]) > kMaxPad || std::abs(pads.after[d]) > kMaxPad) {
      return absl::InvalidArgumentError("a pad is out of range");
    }
  }
  return pads;
}

// The value of constant padding: a literal when known, else loaded from input 1 of the node.
absl::StatusOr<Expr> Fill(OpBuilder& b, std::vector<ValueId>& inputs) {
  const DType dtype = b.DTypeOf(b.Input(0));
  if (HasAttributesOnly(b)) return Const(b.Float("value", 0), dtype);
  if (!b.HasInput(2)) return Const(0, dtype);
  TW_RETURN_IF_ERROR(CheckSameType(b, {b.Input(0), b.Input(2)}));
  TW_ASSIGN_OR_RETURN(const ValueId scalar, Reshape(b, b.Input(2), {}));
  if (!b.IsConstant(scalar)) {
    inputs.push_back(scalar);
    return Expr();
  }
  TW_ASSIGN_OR_RETURN(const Tensor value, b.ConstInput(2, "value"));
  return IsFloat(dtype) ? Float(value.AsDouble(0), dtype) : Int(value.AsInt(0), dtype);
}

// Where position `at` of an extent finds its value in the other modes.
Expr Source(const std::string& mode, const Expr& at, int64_t extent) {
  if (mode == "edge") return Min(Max(at, Int(0)), Int(extent - 1));
  if (mode == "wrap") return FloorMod(at, extent);
  if (extent == 1) return Int(0);
  const int64_t period = 2 * (extent - 1);
  const Expr phase = FloorMod(at, period);
  return Min(phase, Int(period) - phase);
}

absl::StatusOr<Outputs> Pad(OpBuilder& b) {
  const std::string mode = b.Str("mode", "constant");
  if (mode != "constant" && mode != "edge" && mode != "reflect" && mode != "wrap") {
    return absl::UnimplementedError(absl::StrCat("mode ", mode, " is not supported"));
  }
  TW_ASSIGN_OR_RETURN(const Pads pads, ReadPads(b));
  const Shape from = b.ShapeOf(b.Input(0));
  Definition d{.op = "pad", .inputs = {b.Input(0)}, .type = {b.DTypeOf(b.Input(0)), from}};
  for (size_t i = 0; i < from.size(); ++i) d.type.shape[i] += pads.before[i] + pads.after[i];
  Expr fill;
  if (mode == "constant") {
    TW_ASSIGN_OR_RETURN(fill, Fill(b, d.inputs));
  }
  d.body = [&](const Point& p) {
    Exprs at;
    Expr inside;
    for (size_t i = 0; i < from.size(); ++i) {
      const Expr position = p.axes[i] - pads.before[i];
      at.push_back(mode == "constant" ? position : Source(mode, position, from[i]));
      if (pads.before[i] > 0) inside = And(inside, Le(Int(pads.before[i]), p.axes[i]));
      if (pads.after[i] > 0) {
        inside = And(inside, Lt(p.axes[i], Int(from[i] + pads.before[i])));
      }
    }
    const Expr value = p.Load(0, std::move(at));
    if (mode != "constant" || !inside) return value;
    return Select(inside, value, fill ? Cast(fill, value->dtype) : p.Load(1, {}));
  };
  return b.Emit(std::move(d));
}

}  // namespace

OpList pad() { return {{"Pad", 2, 1, Pad}, {"Pad", 11, 2, Pad}, {"com.microsoft.Pad", 1, 2, Pad}}; }

}  // namespace tilewright::onnx_ops
