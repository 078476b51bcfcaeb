// ONNX Runtime's fused operators as what they were fused from: the graph passes fuse them again.
#include <algorithm>
#include <limits>
#include <numeric>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "compiler/onnx/catalog.h"
#include "compiler/onnx/convolve.h"
#include "compiler/onnx/formulas.h"
#include "compiler/onnx/multiply_matrices.h"
#include "compiler/onnx/normalize.h"
#include "compiler/onnx/softmax.h"
#include "compiler/onnx/tensor_ops.h"

namespace tilewright::onnx_ops {
namespace {

absl::StatusOr<ValueId> Add(OpBuilder& b, ValueId x, ValueId y) {
  TW_RETURN_IF_ERROR(CheckSameType(b, {x, y}));
  const Shape shape = b.ShapeOf(x);
  TW_ASSIGN_OR_RETURN(const ValueId sum,
                      Map(b, "add", {x, y}, [](const Exprs& v) { return v[0] + v[1]; }));
  TW_RETURN_IF_ERROR(CheckShapeIs(b, sum, shape, "the sum with the bias"));
  return sum;
}

// formula(x + bias), of which the bias may be absent.
OpRow Activation(const char* op_type, size_t min_inputs, const char* name,
                 std::function<Expr(OpBuilder&, const Expr&)> formula) {
  return {op_type, 1, min_inputs,
          [=](OpBuilder& b) -> absl::StatusOr<Outputs> {
            ValueId x = b.Input(0);
            if (b.HasInput(1)) {
              TW_ASSIGN_OR_RETURN(x, Add(b, x, b.Input(1)));
            }
            return Map(b, name, {x}, [&](const Exprs& v) { return formula(b, v[0]); });
          },
          kFloats};
}

// The dimensions of a matrix product's operand in the order [batch..., rows, columns].
// `batch_first`: its first dimension belongs behind the others of the batch.
std::vector<size_t> OperandOrder(size_t rank, bool transposed, bool batch_first) {
  std::vector<size_t> order(rank);
  std::iota(order.begin(), order.end(), 0);
  if (rank < 2) return order;
  if (batch_first) std::rotate(order.begin(), order.begin() + 1, order.end() - 1);
  if (transposed) std::swap(order[rank - 1], order[rank - 2]);
  return order;
}

// alpha * A' * B'; trans_batch moves the first dimension behind the others of the batch.
absl::StatusOr<Outputs> FusedMatMul(OpBuilder& b) {
  ValueId x = b.Input(0), y = b.Input(1);
  TW_ASSIGN_OR_RETURN(x, Transpose(b, x,
                                   OperandOrder(b.RankOf(x), b.Int("transA", 0) != 0,
                                                b.Int("transBatchA", 0) != 0)));
  TW_ASSIGN_OR_RETURN(y, Transpose(b, y,
                                   OperandOrder(b.RankOf(y), b.Int("transB", 0) != 0,
                                                b.Int("transBatchB", 0) != 0)));
  TW_ASSIGN_OR_RETURN(const ValueId product, MultiplyMatrices(b, x, y));
  const double alpha = b.Float("alpha", 1);
  if (alpha == 1) return product;
  return Map(b, "scale", {product},
             [alpha](const Exprs& v) { return v[0] * formulas::Lit(v[0], alpha); });
}

// The activation that FusedConv and FusedGemm name; its parameters are a list.
absl::StatusOr<ValueId> Activate(OpBuilder& b, ValueId x, const std::vector<float>& parameters) {
  const std::string name = b.Str("activation", "");
  if (name.empty()) return x;
  const auto parameter = [&](size_t i, double otherwise) {
    return i < parameters.size() ? static_cast<double>(parameters[i]) : otherwise;
  };
  if (name == "Clip") {
    return Map(b, "clip", {x}, [&](const Exprs& v) {
      constexpr double kInfinity = std::numeric_limits<double>::infinity();
      return Min(Max(v[0], formulas::Lit(v[0], parameter(0, -kInfinity))),
                 formulas::Lit(v[0], parameter(1, kInfinity)));
    });
  }
  TW_ASSIGN_OR_RETURN(const formulas::Activation f, formulas::FindActivation(name));
  return Map(b, "activation", {x}, [&](const Exprs& v) {
    return f.formula(v[0], parameter(0, f.alpha), parameter(1, f.beta));
  });
}

// Inputs: data, weight, bias, and something to add before the activation.
absl::StatusOr<Outputs> FusedConv(OpBuilder& b) {
  TW_ASSIGN_OR_RETURN(ValueId x,
                      Convolve(b, b.Input(0), b.Input(1), b.HasInput(2) ? b.Input(2) : kNoValue));
  if (b.HasInput(3)) {
    TW_ASSIGN_OR_RETURN(x, Add(b, x, b.Input(3)));
  }
  return Activate(b, x, b.Floats("activation_params"));
}

absl::StatusOr<Outputs> FusedGemm(OpBuilder& b) {
  TW_ASSIGN_OR_RETURN(const ValueId x, ConvertAs(b, "Gemm", b.Inputs()));
  std::vector<float> parameters;
  for (const char* name : {"activation_alpha", "activation_beta"}) {
    if (b.HasAttr(name)) parameters.push_back(static_cast<float>(b.Float(name, 0)));
  }
  return Activate(b, x, parameters);
}

absl::StatusOr<Outputs> BiasSplitGelu(OpBuilder& b) {
  TW_ASSIGN_OR_RETURN(const ValueId x, Add(b, b.Input(0), b.Input(1)));
  TensorType type = b.TypeOf(x);
  if (type.shape.empty() || type.shape.back() % 2 != 0) {
    return absl::InvalidArgumentError("the last dimension is not even");
  }
  const int64_t half = type.shape.back() /= 2;
  return b.Emit({.op = "split_gelu", .inputs = {x}, .type = type, .body = [&](const Point& p) {
                   Exprs gate = p.axes;
                   gate.back() = gate.back() + half;
                   return p.Load(0, p.axes) * formulas::Gelu(p.Load(0, std::move(gate)));
                 }});
}

absl::StatusOr<Outputs> BiasAdd(OpBuilder& b) {
  TW_ASSIGN_OR_RETURN(const ValueId sum, Add(b, b.Input(0), b.Input(1)));
  return Add(b, sum, b.Input(2));
}

// FastGelu of a product and a bias.
absl::StatusOr<Outputs> GemmFastGelu(OpBuilder& b) {
  TW_ASSIGN_OR_RETURN(ValueId x, MultiplyMatrices(b, b.Input(0), b.Input(1)));
  if (b.HasInput(2)) {
    TW_ASSIGN_OR_RETURN(x, Add(b, x, b.Input(2)));
  }
  return Map(b, "gelu", {x}, [](const Exprs& v) { return formulas::GeluByTanh(v[0]); });
}

// data + bias + residual: no element is dropped where nothing is trained.
absl::StatusOr<Outputs> BiasDropout(OpBuilder& b) {
  if (b.HasInput(4)) {
    TW_ASSIGN_OR_RETURN(const Tensor training, b.ConstInput(4, "training_mode"));
    if (training.size() != 1 || training.AsInt(0) != 0) {
      return absl::UnimplementedError("training_mode drops elements at random");
    }
  }
  TW_ASSIGN_OR_RETURN(const ValueId sum, Add(b, b.Input(0), b.Input(1)));
  if (!b.HasInput(2)) return sum;
  return Add(b, sum, b.Input(2));
}

// Softmax over the dimensions from `axis` on of data + bias. The bias lacks dimensions of the data,
// or has extent 1 there: those just before `axis`, or the first ones.
absl::StatusOr<Outputs> BiasSoftmax(OpBuilder& b) {
  const Shape data = b.ShapeOf(b.Input(0)), bias = b.ShapeOf(b.Input(1));
  TW_ASSIGN_OR_RETURN(const size_t axis, NormalizeAxis(b.Int("axis", 1), data.size()));
  Shape shape = bias;
  if (b.Int("is_inner_broadcast", 0) != 0 && bias.size() < data.size()) {
    if (bias.size() + axis < data.size()) {
      return absl::InvalidArgumentError("the bias has too few dimensions");
    }
    const auto outer = static_cast<int64_t>(bias.size() + axis - data.size());
    shape.insert(shape.begin() + outer, data.size() - bias.size(), 1);
  }
  TW_ASSIGN_OR_RETURN(const ValueId row, Reshape(b, b.Input(1), shape));
  TW_ASSIGN_OR_RETURN(const ValueId sum, Add(b, b.Input(0), row));
  return SoftmaxOver(b, sum, AxesFrom(axis, data.size()));
}

}  // namespace

OpList fused() {
  const auto gelu = [](OpBuilder&, const Expr& x) { return formulas::Gelu(x); };
  const auto fast = [](OpBuilder&, const Expr& x) { return formulas::GeluByTanh(x); };
  const auto quick = [](OpBuilder& b, const Expr& x) {
    return formulas::QuickGelu(x, b.Float("alpha", 1.702));
  };
  return {Activation("com.microsoft.Gelu", 1, "gelu", gelu),
          Activation("com.microsoft.BiasGelu", 2, "gelu", gelu),
          Activation("com.microsoft.FastGelu", 1, "gelu", fast),
          Activation("com.microsoft.QuickGelu", 1, "quick_gelu", quick),
          {"com.microsoft.BiasSplitGelu", 1, 2, BiasSplitGelu, kFloats},
          {"com.microsoft.BiasAdd", 1, 3, BiasAdd, kFloats},
          {"com.microsoft.BiasDropout", 1, 2, BiasDropout, kFloats},
          {"com.microsoft.BiasSoftmax", 1, 2, BiasSoftmax, kFloats},
          {"com.microsoft.GemmFastGelu", 1, 2, GemmFastGelu, kFloats},
          {"com.microsoft.FusedConv", 1, 2, FusedConv, kFloats},
          {"com.microsoft.FusedGemm", 1, 2, FusedGemm, kFloats},
          {"com.microsoft.FusedMatMul", 1, 2, FusedMatMul, kFloats},
          {"com.microsoft.TransposeMatMul", 1, 2, FusedMatMul, kFloats}};
}

}  // namespace tilewright::onnx_ops
