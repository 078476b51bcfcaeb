#include "compiler/targets/support/c_expr.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/strings.h"
#include "compiler/core/dtype_suffix.h"
#include "compiler/loop/syntax.h"

namespace tilewright {
namespace {

// The type that a value is computed with.
DType Computed(DType dtype) { return IsNarrowFloat(dtype) ? DType::kF32 : dtype; }

// A value of a 16-bit float type must have been rounded to it.
std::string Rounded(DType dtype, std::string text) {
  if (!IsNarrowFloat(dtype)) return text;
  return absl::StrCat("tw_round_to_", SuffixOf(dtype), "(", text, ")");
}

std::string FloatText(const ExprNode& e) {
  const std::string type = SuffixOf(Computed(e.dtype));
  const double value = e.fvalue;
  if (std::isnan(value)) return absl::StrCat("TW_NAN_", type);
  if (std::isinf(value)) return absl::StrCat(value < 0 ? "-" : "", "TW_INF_", type);
  return absl::StrFormat("%a%s", value, type == "f32" ? "f" : "");
}

std::string IntText(const ExprNode& e) {
  if (e.dtype == DType::kU64) {
    return absl::StrCat("TW_U64(", static_cast<uint64_t>(e.ivalue), ")");
  }
  if (e.dtype == DType::kU32) return absl::StrCat(e.ivalue, "u");
  if (e.dtype == DType::kI64 && (e.ivalue > INT32_MAX || e.ivalue < -INT32_MAX)) {
    return absl::StrCat("TW_I64(", e.ivalue, ")");  // never the lowest: -2^63 is written by parts
  }
  const std::string digits = e.ivalue == INT32_MIN ? "(-2147483647 - 1)" : absl::StrCat(e.ivalue);
  return e.ivalue < 0 ? absl::StrCat("(", digits, ")") : digits;
}

// Integers that C computes with as int.
bool IsPromoted(DType dtype) { return IsInteger(dtype) && SizeOf(dtype) < 4; }

class Writer {
 public:
  explicit Writer(const CNames& names) : names_(names) {}

  std::string Text(const Expr& e) const {
    const auto named = names_.exprs.find(e.get());
    if (named != names_.exprs.end()) return named->second;
    switch (e->kind) {
      case ExprKind::kInt: return IntText(*e);
      case ExprKind::kFloat: return FloatText(*e);
      case ExprKind::kVar: return e->name;
      case ExprKind::kLoad: return LoadText(*e);
      case ExprKind::kCall: return CallText(*e);
      case ExprKind::kSelect:
        return absl::StrCat("(", Text(e->operands[0]), " ? ", Text(e->operands[1]), " : ",
                            Text(e->operands[2]), ")");
      case ExprKind::kCast: return CastText(*e);
      case ExprKind::kBinary: return BinaryText(*e);
    }
    return "";
  }

  std::string Element(const Buffer& buffer, const std::vector<Expr>& indices) const {
    Expr flat = Int(0);
    for (size_t d = 0; d < indices.size(); ++d) flat = flat * buffer->shape[d] + indices[d];
    return absl::StrCat(names_.buffers.at(buffer.get()), "[", Text(Simplify(flat, names_.ranges)),
                        "]");
  }

  // The bits of a 16-bit float that is only copied: a load, a zero, or a choice between such. ""
  // for any other value.
  std::string Bits(const Expr& e) const {
    if (!IsNarrowFloat(e->dtype)) return "";
    if (e->kind == ExprKind::kLoad) return Element(e->buffer, e->operands);
    if (IsZeroBits(e)) return "0";
    if (e->kind != ExprKind::kSelect) return "";
    const std::string yes = Bits(e->operands[1]), no = Bits(e->operands[2]);
    if (yes.empty() || no.empty()) return "";
    return absl::StrCat("(", Text(e->operands[0]), " ? ", yes, " : ", no, ")");
  }

 private:
  std::string LoadText(const ExprNode& e) const {
    const std::string element = Element(e.buffer, e.operands);
    if (!IsNarrowFloat(e.dtype)) return element;
    return absl::StrCat("tw_load_", SuffixOf(e.dtype), "(", element, ")");
  }

  std::string List(const std::vector<Expr>& items) const {
    std::string list;
    for (const Expr& item : items) absl::StrAppend(&list, list.empty() ? "" : ", ", Text(item));
    return list;
  }

  std::string CallText(const ExprNode& e) const {
    const DType type = e.operands[0]->dtype;
    if (e.name == "not") return absl::StrCat("(!", Text(e.operands[0]), ")");
    if (e.name == "neg" && IsFloat(type)) return absl::StrCat("(-", Text(e.operands[0]), ")");
    return Rounded(e.dtype, absl::StrCat("tw_", e.name, "_", SuffixOf(Computed(type)), "(",
                                         List(e.operands), ")"));
  }

  std::string CastText(const ExprNode& e) const {
    const DType from = e.operands[0]->dtype;
    const std::string value = Text(e.operands[0]);
    if (e.dtype == DType::kBool) return absl::StrCat("(", value, " != 0)");
    if (IsFloat(from) && !IsFloat(e.dtype)) {
      return absl::StrCat("tw_to_", SuffixOf(e.dtype), "_", SuffixOf(Computed(from)), "(", value,
                          ")");
    }
    return Rounded(e.dtype, absl::StrCat("((tw_", SuffixOf(Computed(e.dtype)), ")", value, ")"));
  }

  std::string BinaryText(const ExprNode& e) const {
    const DType type = e.operands[0]->dtype;
    const std::string a = Text(e.operands[0]), b = Text(e.operands[1]);
    const bool function = e.op == BinaryOp::kMin || e.op == BinaryOp::kMax ||
                          (!IsFloat(type) && (e.op == BinaryOp::kDiv || e.op == BinaryOp::kMod) &&
                           !IsPlainDivision(e));
    std::string_view symbol = OperatorOf(e.op, type).symbol;
    if (function) {
      if (symbol == "/") symbol = "div";
      if (symbol == "%") symbol = "mod";
      return absl::StrCat("tw_", Sv(symbol), "_", SuffixOf(Computed(type)), "(", a, ", ", b, ")");
    }
    if (names_.exact && IsFloat(type) && e.op == BinaryOp::kMul) {
      return Rounded(e.dtype,
                     absl::StrCat("tw_mul_", SuffixOf(Computed(type)), "(", a, ", ", b, ")"));
    }
    if (type == DType::kBool && e.op == BinaryOp::kXor) symbol = "!=";
    // As int, a product of two uint16 could overflow.
    const char* wide = type == DType::kU16 && e.op == BinaryOp::kMul ? "(tw_u32)" : "";
    const std::string text = absl::StrCat("(", wide, a, " ", Sv(symbol), " ", b, ")");
    if (IsPromoted(e.dtype)) return absl::StrCat("((tw_", SuffixOf(e.dtype), ")", text, ")");
    return Rounded(e.dtype, text);
  }

  // C's division, which rounds toward zero, is the floor division of the loop IR.
  bool IsPlainDivision(const ExprNode& e) const {
    const int64_t* divisor = AsInt(e.operands[1]);
    if (e.dtype != DType::kI64 || divisor == nullptr || *divisor <= 0) return false;
    const std::optional<Range> bounds = BoundsOf(e.operands[0], names_.ranges);
    return bounds && bounds->lo >= 0;
  }

  const CNames& names_;
};

}  // namespace

std::string CValueType(DType dtype) { return absl::StrCat("tw_", SuffixOf(Computed(dtype))); }

bool IsZeroBits(const Expr& e) {
  if (e->kind == ExprKind::kFloat) return e->fvalue == 0 && !std::signbit(e->fvalue);
  return e->kind == ExprKind::kInt && e->ivalue == 0;
}

std::string CStored(const Expr& value, const CNames& names) {
  if (const std::string bits = Writer(names).Bits(value); !bits.empty()) return bits;
  const std::string text = CText(value, names);
  if (!IsNarrowFloat(value->dtype)) return text;
  return absl::StrCat("tw_store_", SuffixOf(value->dtype), "(", text, ")");
}

std::string CText(const Expr& e, const CNames& names) { return Writer(names).Text(e); }

std::string CElement(const Buffer& buffer, const std::vector<Expr>& indices, const CNames& names) {
  return Writer(names).Element(buffer, indices);
}

}  // namespace tilewright
