#include "compiler/graph/epilogue_steps.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>

#include "compiler/graph/function_text.h"
#include "compiler/graph/rewrite.h"
#include "compiler/operators/define.h"

namespace tilewright {
namespace {

bool IsLiteral(const Expr& e, double value) {
  return e->kind == ExprKind::kFloat && e->fvalue == value;
}

bool IsBinary(const Expr& e, BinaryOp op) { return e->kind == ExprKind::kBinary && e->op == op; }

// The operand of exp in exp(-x); null for anything else.
Expr NegatedExponent(const Expr& e) {
  if (e->kind != ExprKind::kCall || e->name != "exp") return nullptr;
  const Expr& power = e->operands[0];
  if (power->kind == ExprKind::kCall && power->name == "neg") return power->operands[0];
  const bool difference = IsBinary(power, BinaryOp::kSub) && IsLiteral(power->operands[0], 0);
  return difference ? power->operands[1] : nullptr;
}

// x of 1 / (1 + exp(-x)); null for anything else.
Expr SigmoidOperand(const Expr& e) {
  if (!IsBinary(e, BinaryOp::kDiv) || !IsLiteral(e->operands[0], 1)) return nullptr;
  const Expr& sum = e->operands[1];
  if (!IsBinary(sum, BinaryOp::kAdd)) return nullptr;
  for (int one : {0, 1}) {
    if (IsLiteral(sum->operands[one], 1)) return NegatedExponent(sum->operands[1 - one]);
  }
  return nullptr;
}

// x of a sum, difference, product or quotient with a finite literal; null for anything else.
Expr LinearOperand(const Expr& e, EpilogueOp* step) {
  if (e->kind != ExprKind::kBinary || !IsFloat(e->dtype)) return nullptr;
  const bool left = e->operands[0]->kind == ExprKind::kFloat;
  const Expr &literal = e->operands[left ? 0 : 1], &x = e->operands[left ? 1 : 0];
  if (literal->kind != ExprKind::kFloat) return nullptr;
  const double value = literal->fvalue;
  *step = {.kind = EpilogueKind::kLinear, .a = 1, .b = 0};
  switch (e->op) {
    case BinaryOp::kAdd: step->b = value; break;
    case BinaryOp::kSub: *step = {step->kind, left ? -1.0 : 1.0, left ? value : -value}; break;
    case BinaryOp::kMul: step->a = value; break;
    case BinaryOp::kDiv: step->a = left ? NAN : 1 / value; break;
    default: return nullptr;
  }
  return std::isfinite(step->a) && std::isfinite(step->b) ? x : nullptr;
}

class Matcher {
 public:
  Matcher(const Compute& map, const Buffer& anchor) : map_(map), anchor_(anchor) {}

  // Appends the steps that make `e` from the anchor's output, innermost first.
  bool Match(const Expr& value, std::vector<FusedStep>* steps) {
    const Expr e = Unrounded(value);
    if (e->kind == ExprKind::kLoad && e->buffer == anchor_) return true;
    if (IsConversion(e)) return MatchConverted(e->operands[0], steps);
    if (IsWholeFloat(e)) return true;
    if (MatchScaledSum(e, steps)) return true;
    if (const std::optional<FusedStep> step = WholeStep(e)) {
      steps->push_back(*step);
      return true;
    }
    FusedStep step;
    const Expr inner = Peel(e, &step);
    if (inner == nullptr || !Match(inner, steps)) return false;
    Append(step, steps);
    return true;
  }

  // The conversion of sums comes with the first step that needs floats: a step that changes nothing
  // if the next one does not.
  void PlaceConversion(std::vector<FusedStep>* steps) const {
    if (!converted_) return;
    const auto next = steps->begin() + static_cast<ptrdiff_t>(*converted_);
    if (next != steps->end() && NeedsFloat(next->op.kind)) return;
    steps->insert(next, {.op = {.kind = EpilogueKind::kLinear, .a = 1, .b = 0}});
  }

 private:
  static bool IsConversion(const Expr& e) {
    return e->kind == ExprKind::kCast && e->dtype == DType::kF32 &&
           e->operands[0]->dtype == DType::kI32;
  }

  // What narrow integers were made of: whole floats within their range (IsWhole, which the caller
  // asks).
  bool IsWholeFloat(const Expr& e) const {
    return e->kind == ExprKind::kCast && e->dtype == DType::kF32 &&
           e->operands[0]->kind == ExprKind::kLoad && e->operands[0]->buffer == anchor_ &&
           SizeOf(anchor_->dtype) <= 2;
  }

  // x of x + a literal, which goes to `shift`.
  static Expr Unshifted(const Expr& e, double* shift) {
    const bool shifts = IsBinary(e, BinaryOp::kAdd) && e->operands[1]->kind == ExprKind::kFloat;
    if (shifts) *shift = e->operands[1]->fvalue;
    return shifts ? e->operands[0] : e;
  }

  // x + s * (integer + shift), s and the shift literals: the sum in units of s.
  bool MatchScaledSum(const Expr& e, std::vector<FusedStep>* steps) {
    if (!IsBinary(e, BinaryOp::kAdd) || !IsInteger(map_.output->dtype)) return false;
    for (int i : {0, 1}) {
      const Expr& product = e->operands[i];
      if (!IsBinary(product, BinaryOp::kMul)) continue;
      double shift = 0;
      const Expr integer = Unshifted(product->operands[0], &shift);
      const Expr& scale = product->operands[1];
      if (scale->kind != ExprKind::kFloat || !(scale->fvalue > 0)) continue;
      if (integer->kind != ExprKind::kCast) continue;
      const Expr& load = integer->operands[0];
      if (OperandKind(load) != EpilogueOperand::kLikeOutput) continue;
      if (LoadsOf(e->operands[1 - i], anchor_).empty()) continue;
      const size_t before = steps->size();
      if (!Match(e->operands[1 - i], steps)) {
        steps->resize(before);
        continue;
      }
      Append({{EpilogueKind::kLinear, 1 / scale->fvalue, shift}, nullptr}, steps);
      steps->push_back({{.kind = EpilogueKind::kAdd}, load});
      Append({{EpilogueKind::kLinear, scale->fvalue, 0}, nullptr}, steps);
      return true;
    }
    return false;
  }

  bool MatchConverted(const Expr& sum, std::vector<FusedStep>* steps) {
    if (!Match(sum, steps)) return false;
    converted_ = steps->size();
    return true;
  }

  // Two linear steps in a row are one.
  static void Append(const FusedStep& step, std::vector<FusedStep>* steps) {
    constexpr EpilogueKind kLinear = EpilogueKind::kLinear;
    if (step.op.kind != kLinear || steps->empty() || steps->back().op.kind != kLinear) {
      steps->push_back(step);
      return;
    }
    EpilogueOp& last = steps->back().op;
    last = {kLinear, step.op.a * last.a, step.op.a * last.b + step.op.b};
  }

  // Functions that use the anchor's output more than once.
  std::optional<FusedStep> WholeStep(const Expr& e) const {
    const std::vector<Expr> loads = LoadsOf(e, anchor_);
    if (loads.size() != 1) return std::nullopt;
    if (std::optional<FusedStep> leaky = LeakyStep(e, loads[0])) return leaky;
    const std::string text = FunctionText(e, loads[0]);
    if (text.empty()) return std::nullopt;
    const Expr x = Var("x", DType::kF32);
    for (EpilogueKind kind : {EpilogueKind::kSilu, EpilogueKind::kHardSwish, EpilogueKind::kGelu,
                              EpilogueKind::kGeluTanh}) {
      const EpilogueOp op{.kind = kind};
      if (FunctionText(ApplyStep(op, x, nullptr), x) == text) return FusedStep{op, nullptr};
    }
    return std::nullopt;
  }

  // x < 0 ? x * slope : x, or the same by 0 < x.
  std::optional<FusedStep> LeakyStep(const Expr& e, const Expr& x) const {
    if (e->kind != ExprKind::kSelect || !IsBinary(e->operands[0], BinaryOp::kLt)) return {};
    const auto is_x = [&](const Expr& other) { return Equal(Unrounded(other), x); };
    const Expr &small = e->operands[0]->operands[0], &large = e->operands[0]->operands[1];
    const bool below = is_x(small) && IsLiteral(large, 0);
    if (!below && !(is_x(large) && IsLiteral(small, 0))) return {};
    const Expr scaled = Unrounded(e->operands[below ? 1 : 2]);
    if (!is_x(e->operands[below ? 2 : 1]) || !IsBinary(scaled, BinaryOp::kMul)) return {};
    const bool left = is_x(scaled->operands[0]);
    if (!left && !is_x(scaled->operands[1])) return {};
    const Expr slope = Unrounded(scaled->operands[left ? 1 : 0]);
    if (slope->kind == ExprKind::kFloat && std::isfinite(slope->fvalue)) {
      return FusedStep{{.kind = EpilogueKind::kLeakyRelu, .a = slope->fvalue}, nullptr};
    }
    if (OperandKind(slope) != EpilogueOperand::kPerChannel) return {};
    return FusedStep{{.kind = EpilogueKind::kPRelu}, slope};
  }

  Expr Peel(const Expr& e, FusedStep* step) const {
    if (Expr x = SigmoidOperand(e)) {
      step->op = {.kind = EpilogueKind::kSigmoid};
      return x;
    }
    if (e->kind == ExprKind::kCall && e->name == "round") {
      step->op = {.kind = EpilogueKind::kRound};
      return e->operands[0];
    }
    if (e->kind == ExprKind::kCall && e->name == "tanh") {
      step->op = {.kind = EpilogueKind::kTanh};
      return e->operands[0];
    }
    if (const std::optional<ClipForm> clip = MatchClip(e)) {
      const bool relu = clip->lo == 0 && std::isinf(clip->hi);
      step->op = {.kind = EpilogueKind::kRelu};
      if (!relu) step->op = {EpilogueKind::kClip, clip->lo, clip->hi};
      return clip->x;
    }
    if (Expr x = LinearOperand(e, &step->op)) return x;
    return PeelOperand(e, step);
  }

  // A sum or a product with another tensor.
  Expr PeelOperand(const Expr& e, FusedStep* step) const {
    const bool sum = IsBinary(e, BinaryOp::kAdd);
    if (!sum && !(IsBinary(e, BinaryOp::kMul) && IsFloat(e->dtype))) return nullptr;
    for (int i : {0, 1}) {
      step->operand = Unrounded(e->operands[i]);
      const EpilogueOperand kind = OperandKind(step->operand);
      if (kind == EpilogueOperand::kNone || LoadsOf(e->operands[1 - i], anchor_).empty()) continue;
      const bool whole = kind == EpilogueOperand::kLikeOutput;
      if (sum) step->op.kind = whole ? EpilogueKind::kAdd : EpilogueKind::kBias;
      if (!sum) step->op.kind = whole ? EpilogueKind::kMul : EpilogueKind::kScale;
      return e->operands[1 - i];
    }
    return nullptr;
  }

  // What a load of another tensor at the map's axes could be.
  EpilogueOperand OperandKind(const Expr& load) const {
    if (load->kind != ExprKind::kLoad || load->buffer == anchor_ || !TypeFits(load)) {
      return EpilogueOperand::kNone;
    }
    if (load->buffer->shape == map_.output->shape) {
      const bool here = AreAxes(load->operands, map_.axes);
      return here ? EpilogueOperand::kLikeOutput : EpilogueOperand::kNone;
    }
    const Axis& channel = map_.axes[1];
    const auto is_channel = [&](const Expr& index) {
      const int64_t* literal = AsInt(index);
      return index == channel.var || (literal != nullptr && *literal == 0);
    };
    const bool per_channel = NumElements(load->buffer->shape) == channel.extent &&
                             std::all_of(load->operands.begin(), load->operands.end(), is_channel);
    return per_channel ? EpilogueOperand::kPerChannel : EpilogueOperand::kNone;
  }

  // What is added or multiplied has the output's type or, where that changes, one on the way.
  bool TypeFits(const Expr& load) const {
    const bool changes = !IsFloat(map_.output->dtype) || !IsFloat(anchor_->dtype);
    const bool on_the_way = load->dtype == DType::kI32 || load->dtype == DType::kF32;
    return load->dtype == map_.output->dtype || (changes && on_the_way);
  }

  const Compute& map_;
  const Buffer& anchor_;
  std::optional<size_t> converted_;  // how many steps come before the sum is a float
};

// The map's value before a float of it is saturated to narrow integers.
Expr BeforeSaturation(const Compute& map) {
  const Expr value = ValueOf(map);
  const bool narrow = IsInteger(value->dtype) && SizeOf(value->dtype) <= 2;
  const bool saturates =
      narrow && value->kind == ExprKind::kCast && value->operands[0]->dtype == DType::kF32;
  return saturates ? value->operands[0] : value;
}

// 16-bit floats to float32, which they were rounded from, or back.
bool ChangesWidth(const Buffer& anchor, const Compute& map) {
  const DType from = anchor->dtype, to = map.output->dtype;
  return (IsNarrowFloat(from) && to == DType::kF32) || (from == DType::kF32 && IsNarrowFloat(to));
}

// The types that a step may change: int32 sums to float32, float32 to narrow integers.
bool TypesFit(const Buffer& anchor, const Compute& map) {
  const DType from = anchor->dtype, to = map.output->dtype;
  const bool narrow = IsInteger(to) && SizeOf(to) <= 2;
  if (from == DType::kI32) return to == from || to == DType::kF32 || narrow;
  return to == from || ChangesWidth(anchor, map) || (from == DType::kF32 && narrow) ||
         (narrow && IsInteger(from) && SizeOf(from) <= 2);
}

}  // namespace

std::optional<std::vector<FusedStep>> MatchEpilogue(const Compute& map, const Buffer& anchor) {
  std::vector<FusedStep> steps;
  if (!IsMap(map) || !TypesFit(anchor, map) || !ReadsAtAxes(map, anchor)) return std::nullopt;
  Matcher matcher(map, anchor);
  if (LoadsOf(map, anchor).size() != 1 || !matcher.Match(BeforeSaturation(map), &steps)) {
    return std::nullopt;
  }
  matcher.PlaceConversion(&steps);
  if (steps.empty() && !ChangesWidth(anchor, map)) return std::nullopt;
  return steps;
}

}  // namespace tilewright
