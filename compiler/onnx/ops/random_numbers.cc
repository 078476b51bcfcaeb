// Random numbers: those of element i are a hash of i and the node's seed (C. Wellons,
// hash-prospector: lowbias32), so that a definition makes them and every run has the same ones. A
// node without a seed has that of its name.
#include <bit>
#include <numbers>

#include "base/status_macros.h"
#include "compiler/onnx/formulas.h"
#include "compiler/onnx/tensor_ops.h"
#include "compiler/onnx/tensor_proto.h"

namespace tilewright::onnx_ops {
namespace {

Expr Word(uint32_t value) { return Int(static_cast<int64_t>(value), DType::kU32); }

Expr Shifted(const Expr& x, uint32_t bits) { return Call("shr", {x, Word(bits)}, DType::kU32); }

Expr Hash(Expr x) {
  const auto fold = [](const Expr& y, uint32_t bits) {
    return Binary(BinaryOp::kXor, y, Shifted(y, bits));
  };
  x = fold(x, 16) * Word(0x7feb352d);
  x = fold(x, 15) * Word(0x846ca68b);
  return fold(x, 16);
}

// FNV-1a.
uint32_t HashOf(const std::string& text) {
  uint32_t hash = 2166136261;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619;
  return hash;
}

uint32_t SeedOf(OpBuilder& b) {
  if (!b.HasAttr("seed")) return HashOf(b.name());
  return std::bit_cast<uint32_t>(static_cast<float>(b.Float("seed", 0)));
}

// Element `at` of stream `stream`, uniform in [0, 1) in steps of 2^-24.
struct Uniform {
  uint32_t seed;
  DType dtype;
  Shape shape;

  Expr At(const Point& p, uint32_t stream) const {
    Expr place = Int(0);
    for (size_t d = 0; d < shape.size(); ++d) place = place * shape[d] + p.axes[d];
    const Expr word = Hash(Hash(Cast(place, DType::kU32) + Word(seed)) + Word(stream));
    return Cast(Shifted(word, 8), dtype) * Const(0x1p-24, dtype);
  }
};

// What a draw's elements are computed in.
DType DrawType(DType dtype) { return IsNarrowFloat(dtype) ? DType::kF32 : dtype; }

absl::StatusOr<ValueId> DrawUniform(OpBuilder& b, const TensorType& type) {
  const double low = b.Float("low", 0), high = b.Float("high", 1);
  const Uniform uniform{SeedOf(b), DrawType(type.dtype), type.shape};
  return b.Emit({.op = "random_uniform", .type = type, .body = [&](const Point& p) {
                   const Expr u = uniform.At(p, 0);
                   return u * formulas::Lit(u, high - low) + formulas::Lit(u, low);
                 }});
}

// Box and Muller, A Note on the Generation of Random Normal Deviates, 1958.
absl::StatusOr<ValueId> DrawNormal(OpBuilder& b, const TensorType& type) {
  const double mean = b.Float("mean", 0), scale = b.Float("scale", 1);
  const Uniform uniform{SeedOf(b), DrawType(type.dtype), type.shape};
  return b.Emit({.op = "random_normal", .type = type, .body = [&](const Point& p) {
                   const Expr u = uniform.At(p, 0), angle = uniform.At(p, 1);
                   const auto lit = [&](double value) { return formulas::Lit(u, value); };
                   const Expr radius = formulas::Sqrt(lit(-2) * formulas::Log(lit(1) - u));
                   const Expr turn = Call("cos", {angle * lit(2 * std::numbers::pi)}, angle->dtype);
                   return radius * turn * lit(scale) + lit(mean);
                 }});
}

using DrawFn = absl::StatusOr<ValueId> (*)(OpBuilder&, const TensorType&);

// Of the attribute "dtype", by default `otherwise`.
absl::StatusOr<Outputs> Drawn(OpBuilder& b, DrawFn draw, TensorType type) {
  if (b.HasAttr("dtype")) {
    TW_ASSIGN_OR_RETURN(type.dtype, FromOnnxType(static_cast<int32_t>(b.Int("dtype", 0))));
  }
  if (!IsFloat(type.dtype)) return absl::InvalidArgumentError("the output's type is no float");
  return draw(b, type);
}

OpRow DrawRow(const char* op_type, DrawFn draw) {
  return {op_type, 1, 0,
          [draw](OpBuilder& b) { return Drawn(b, draw, {DType::kF32, b.Ints("shape", {})}); },
          kFloats};
}

OpRow DrawLikeRow(const char* op_type, DrawFn draw) {
  return {op_type, 1, 1, [draw](OpBuilder& b) { return Drawn(b, draw, b.TypeOf(b.Input(0))); }};
}

// 1 with the probability that the input says.
absl::StatusOr<Outputs> Bernoulli(OpBuilder& b) {
  TensorType type = b.TypeOf(b.Input(0));
  const Uniform uniform{SeedOf(b), DrawType(type.dtype), type.shape};
  if (b.HasAttr("dtype")) {
    TW_ASSIGN_OR_RETURN(type.dtype, FromOnnxType(static_cast<int32_t>(b.Int("dtype", 0))));
  }
  return b.Emit(
      {.op = "bernoulli", .inputs = {b.Input(0)}, .type = type, .body = [&](const Point& p) {
         return Cast(Lt(uniform.At(p, 0), p.Here(0)), type.dtype);
       }});
}

}  // namespace

OpList random_numbers() {
  return {DrawRow("RandomUniform", DrawUniform),
          DrawRow("RandomNormal", DrawNormal),
          DrawLikeRow("RandomUniformLike", DrawUniform),
          DrawLikeRow("RandomNormalLike", DrawNormal),
          {"Bernoulli", 15, 1, Bernoulli, kFloats}};
}

}  // namespace tilewright::onnx_ops
