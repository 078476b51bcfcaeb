// com.microsoft's weights of 2, 4 or 8 bits, each block of a row with a scale and a zero point of
// its own. MatMulNBits multiplies by them: they become real numbers, those of constants when the
// model is compiled. GatherBlockQuantized picks rows (an embedding's), and these alone become real.
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "compiler/onnx/multiply_matrices.h"
#include "compiler/onnx/quantized.h"

namespace tilewright::onnx_ops {
namespace {

constexpr size_t kWeights = 1, kScales = 2, kZeroPoints = 3, kOrder = 4, kBias = 5;

struct NBits {
  int64_t k, n, bits, block, blocks;

  int64_t PerByte() const { return 8 / bits; }
  // Bytes that hold the integers of one row.
  int64_t BytesFor(int64_t integers) const { return (integers + PerByte() - 1) / PerByte(); }
};

// Integer `index` of bytes in which the first is lowest.
Expr Unpacked(const NBits& m, const Expr& byte, const Expr& index) {
  const Expr value = Cast(byte, DType::kI32);
  if (m.bits == 8) return value;
  const Expr shift = Cast(FloorMod(index, m.PerByte()) * m.bits, DType::kI32);
  const Expr mask = Int((1 << m.bits) - 1, DType::kI32);
  return Binary(BinaryOp::kAnd, Call("shr", {value, shift}, DType::kI32), mask);
}

absl::Status CheckCount(const OpBuilder& b, size_t i, int64_t count) {
  const int64_t found = NumElements(b.ShapeOf(b.Input(i)));
  if (found == count) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("input ", i, " has ", found, " elements where ", count, " fit"));
}

absl::StatusOr<NBits> ReadNBits(OpBuilder& b) {
  NBits m{.k = b.Int("K", 0),
          .n = b.Int("N", 0),
          .bits = b.Int("bits", 4),
          .block = b.Int("block_size", 0)};
  constexpr int64_t kMost = 1 << 24;
  const bool fits = m.k > 0 && m.n > 0 && m.k < kMost && m.n < kMost && m.block >= 16 &&
                    m.block <= kMost && (m.block & (m.block - 1)) == 0;
  if (!fits || (m.bits != 2 && m.bits != 4 && m.bits != 8)) {
    return absl::InvalidArgumentError(
        absl::StrCat("K ", m.k, ", N ", m.n, ", bits ", m.bits, ", block_size ", m.block,
                     " where sizes, 2, 4 or 8, and a power of two of at least 16 are needed"));
  }
  m.blocks = (m.k + m.block - 1) / m.block;
  if (b.DTypeOf(b.Input(kWeights)) != DType::kU8) {
    return absl::InvalidArgumentError("the weights are no uint8 tensor");
  }
  TW_RETURN_IF_ERROR(CheckCount(b, kWeights, m.n * m.blocks * m.BytesFor(m.block)));
  TW_RETURN_IF_ERROR(CheckCount(b, kScales, m.n * m.blocks));
  TW_RETURN_IF_ERROR(CheckSameType(b, {b.Input(0), b.Input(kScales)}));
  if (!b.HasInput(kOrder)) return m;
  TW_RETURN_IF_ERROR(CheckShapeIs(b, b.Input(kOrder), {m.k}, "g_idx"));
  if (IsInteger(b.DTypeOf(b.Input(kOrder)))) return m;
  return absl::InvalidArgumentError("g_idx is not integer");
}

// [N, blocks], of the scales' type or packed as the weights are; kNoValue where all are the middle.
absl::StatusOr<ValueId> ZeroPoints(OpBuilder& b, const NBits& m) {
  if (!b.HasInput(kZeroPoints)) return kNoValue;
  const bool packed = b.DTypeOf(b.Input(kZeroPoints)) == DType::kU8;
  const int64_t row = packed ? m.BytesFor(m.blocks) : m.blocks;
  TW_RETURN_IF_ERROR(CheckCount(b, kZeroPoints, m.n * row));
  if (!packed) TW_RETURN_IF_ERROR(CheckSameType(b, {b.Input(0), b.Input(kZeroPoints)}));
  return Reshape(b, b.Input(kZeroPoints), {m.n, row});
}

// [N, K], as the data are.
absl::StatusOr<ValueId> RealMatrix(OpBuilder& b, const NBits& m) {
  std::vector<ValueId> inputs(2);
  TW_ASSIGN_OR_RETURN(inputs[0],
                      Reshape(b, b.Input(kWeights), {m.n, m.blocks * m.BytesFor(m.block)}));
  TW_ASSIGN_OR_RETURN(inputs[1], Reshape(b, b.Input(kScales), {m.n, m.blocks}));
  TW_ASSIGN_OR_RETURN(const ValueId zero_points, ZeroPoints(b, m));
  const bool has_zeros = zero_points != kNoValue, in_order = !b.HasInput(kOrder);
  if (has_zeros) inputs.push_back(zero_points);
  if (!in_order) inputs.push_back(b.Input(kOrder));
  return b.Emit({.op = "dequantize",
                 .inputs = inputs,
                 .type = {b.DTypeOf(b.Input(0)), {m.n, m.k}},
                 .body = [&](const Point& p) {
                   const Expr &n = p.axes[0], &k = p.axes[1];
                   const Expr block = in_order
                                          ? FloorDiv(k, m.block)
                                          : SafeIndex(p.Load(inputs.size() - 1, {k}), m.blocks);
                   const Expr scale = p.Load(1, {n, block});
                   const Expr weight = Unpacked(m, p.Load(0, {n, FloorDiv(k, m.PerByte())}), k);
                   Expr zero = Int(int64_t{1} << (m.bits - 1), DType::kI32);
                   if (has_zeros && b.DTypeOf(inputs[2]) == DType::kU8) {
                     zero = Unpacked(m, p.Load(2, {n, FloorDiv(block, m.PerByte())}), block);
                   } else if (has_zeros) {
                     zero = p.Load(2, {n, block});
                   }
                   return (Cast(weight, scale->dtype) - Cast(zero, scale->dtype)) * scale;
                 }});
}

absl::StatusOr<Outputs> MatMulNBits(OpBuilder& b) {
  TW_ASSIGN_OR_RETURN(const NBits m, ReadNBits(b));
  TW_ASSIGN_OR_RETURN(const ValueId weight, RealMatrix(b, m));
  TW_ASSIGN_OR_RETURN(const ValueId turned, Transpose(b, weight, {1, 0}));
  TW_ASSIGN_OR_RETURN(const ValueId product, MultiplyMatrices(b, b.Input(0), turned));
  if (!b.HasInput(kBias)) return product;
  TW_RETURN_IF_ERROR(CheckShapeIs(b, b.Input(kBias), {m.n}, "bias"));
  TW_RETURN_IF_ERROR(CheckSameType(b, {product, b.Input(kBias)}));
  return Map(b, "add", {product, b.Input(kBias)}, [](const Exprs& x) { return x[0] + x[1]; });
}

// Rows of a matrix [rows, columns] in bytes, for GatherBlockQuantized.
absl::StatusOr<NBits> ReadRows(OpBuilder& b) {
  TW_RETURN_IF_ERROR(CheckRank(b, b.Input(0), 2, 2));
  NBits m{
      .n = b.ShapeOf(b.Input(0))[0], .bits = b.Int("bits", 4), .block = b.Int("block_size", 128)};
  if (m.bits != 2 && m.bits != 4 && m.bits != 8) {
    return absl::InvalidArgumentError(absl::StrCat("bits is ", m.bits, ", not 2, 4 or 8"));
  }
  const int64_t rows = b.Int("gather_axis", 0), blocks = b.Int("quantize_axis", 1);
  if ((rows != 0 && rows != -2) || (blocks != 1 && blocks != -1)) {
    return absl::UnimplementedError("gathers other than rows whose columns are in blocks");
  }
  m.k = b.ShapeOf(b.Input(0))[1] * m.PerByte();
  if (m.block < 16 || m.block > kMaxElements || (m.block & (m.block - 1)) != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("block_size is ", m.block, ", no power of two of at least 16"));
  }
  m.blocks = (m.k + m.block - 1) / m.block;
  TW_RETURN_IF_ERROR(CheckShapeIs(b, b.Input(2), {m.n, m.blocks}, "scales"));
  if (!b.HasInput(3)) return m;
  TW_RETURN_IF_ERROR(CheckSameType(b, {b.Input(0), b.Input(3)}));
  TW_RETURN_IF_ERROR(CheckShapeIs(b, b.Input(3), {m.n, m.BytesFor(m.blocks)}, "zero_points"));
  return m;
}

// Inputs: data, indices, scales, zero points. A row that is not there is zeros.
absl::StatusOr<Outputs> GatherBlockQuantized(OpBuilder& b) {
  TW_ASSIGN_OR_RETURN(const NBits m, ReadRows(b));
  if (b.DTypeOf(b.Input(1)) != DType::kI64 && b.DTypeOf(b.Input(1)) != DType::kI32) {
    return absl::InvalidArgumentError("indices are not int64 or int32");
  }
  Shape shape = b.ShapeOf(b.Input(1));
  shape.push_back(m.k);
  const auto body = [&](const Point& p) {
    const Expr index = Cast(p.Load(1, Exprs(p.axes.begin(), p.axes.end() - 1)), DType::kI64);
    const Expr row = SafeIndex(index, m.n), k = p.axes.back();
    const Expr block = FloorDiv(k, m.block), scale = p.Load(2, {row, block});
    const Expr value = Unpacked(m, p.Load(0, {row, FloorDiv(k, m.PerByte())}), k);
    Expr zero = Int(int64_t{1} << (m.bits - 1), DType::kI32);
    if (b.HasInput(3)) {
      zero = Unpacked(m, p.Load(3, {row, FloorDiv(block, m.PerByte())}), block);
    }
    const Expr real = (Cast(value, scale->dtype) - Cast(zero, scale->dtype)) * scale;
    const Expr there = And(Le(Int(-m.n), index), Lt(index, Int(m.n)));
    return Select(there, real, Const(0, real->dtype));
  };
  std::vector<ValueId> inputs = {b.Input(0), b.Input(1), b.Input(2)};
  if (b.HasInput(3)) inputs.push_back(b.Input(3));
  return b.Emit({.op = "gather_rows",
                 .inputs = std::move(inputs),
                 .type = {b.DTypeOf(b.Input(2)), std::move(shape)},
                 .body = body});
}

}  // namespace

OpList matmul_n_bits() {
  return {{"com.microsoft.MatMulNBits", 1, 3, MatMulNBits, kQuantizable},
          {"com.microsoft.GatherBlockQuantized", 1, 3, GatherBlockQuantized, {DType::kU8}}};
}

}  // namespace tilewright::onnx_ops
