#include "compiler/onnx/recurrent.h"

#include <algorithm>
#include <numeric>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "compiler/onnx/concatenate.h"
#include "compiler/onnx/multiply_matrices.h"

namespace tilewright {
namespace {

constexpr int64_t kMaxSteps = 16384;
constexpr size_t kX = 0, kW = 1, kR = 2, kB = 3, kLengths = 4, kInitialH = 5;

// The operands of every step come first.
constexpr size_t kProjected = 0, kPosition = 1, kSequenceLengths = 3;

struct Sizes {
  int64_t length, batch, input, hidden, directions;
};

absl::StatusOr<int64_t> Directions(OpBuilder& b) {
  const std::string direction = b.Str("direction", "forward");
  if (direction == "bidirectional") return 2;
  if (direction == "forward" || direction == "reverse") return 1;
  return absl::InvalidArgumentError(
      absl::StrCat("unknown direction ", direction, " (forward, reverse or bidirectional)"));
}

bool BatchFirst(OpBuilder& b) { return b.Int("layout", 0) != 0; }

absl::StatusOr<Sizes> ReadSizes(OpBuilder& b, const RecurrentKind& kind) {
  TW_RETURN_IF_ERROR(CheckRank(b, b.Input(kX), 3, 3));
  TW_RETURN_IF_ERROR(CheckRank(b, b.Input(kR), 3, 3));
  TW_ASSIGN_OR_RETURN(const int64_t directions, Directions(b));
  const Shape x = b.ShapeOf(b.Input(kX));
  const bool batch_first = BatchFirst(b);
  const Sizes s{.length = x[batch_first ? 1 : 0],
                .batch = x[batch_first ? 0 : 1],
                .input = x[2],
                .hidden = b.Int("hidden_size", b.ShapeOf(b.Input(kR))[2]),
                .directions = directions};
  if (!IsFloat(b.DTypeOf(b.Input(kX)))) {
    return absl::InvalidArgumentError("input is not a float tensor");
  }
  if (s.hidden < 1 || s.hidden > kMaxElements / (2 * kind.gates)) {
    return absl::InvalidArgumentError(absl::StrCat("hidden_size ", s.hidden, " is no size"));
  }
  if (s.length < 1 || s.length > kMaxSteps) {
    return absl::UnimplementedError(
        absl::StrCat("has ", s.length, " steps; 1 to ", kMaxSteps, " are supported"));
  }
  const int64_t rows = kind.gates * s.hidden;
  TW_RETURN_IF_ERROR(CheckShapeIs(b, b.Input(kW), {directions, rows, s.input}, "W"));
  TW_RETURN_IF_ERROR(CheckShapeIs(b, b.Input(kR), {directions, rows, s.hidden}, "R"));
  TW_RETURN_IF_ERROR(CheckSameType(b, {b.Input(kX), b.Input(kW), b.Input(kR)}));
  if (b.HasInput(kB)) {
    TW_RETURN_IF_ERROR(CheckShapeIs(b, b.Input(kB), {directions, 2 * rows}, "B"));
    TW_RETURN_IF_ERROR(CheckSameType(b, {b.Input(kX), b.Input(kB)}));
  }
  if (!b.HasInput(kLengths)) return s;
  if (b.DTypeOf(b.Input(kLengths)) != DType::kI32) {
    return absl::InvalidArgumentError("sequence_lens is not an int32 tensor");
  }
  TW_RETURN_IF_ERROR(CheckShapeIs(b, b.Input(kLengths), {s.batch}, "sequence_lens"));
  return s;
}

// The activations of all directions; parameters are taken in order by those that have some.
using Activations = std::vector<std::function<Expr(const Expr&)>>;
absl::StatusOr<Activations> ReadActivations(OpBuilder& b, const RecurrentKind& kind,
                                            int64_t directions) {
  std::vector<std::string> names = b.Strings("activations");
  if (names.empty()) {
    for (int64_t d = 0; d < directions; ++d) {
      names.insert(names.end(), kind.default_activations.begin(), kind.default_activations.end());
    }
  }
  if (names.size() != static_cast<size_t>(directions) * kind.default_activations.size()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "has ", names.size(), " activations where ",
        static_cast<size_t>(directions) * kind.default_activations.size(), " are needed"));
  }
  const std::vector<float> alphas = b.Floats("activation_alpha"),
                           betas = b.Floats("activation_beta");
  size_t next_alpha = 0, next_beta = 0;
  Activations found;
  for (const std::string& name : names) {
    TW_ASSIGN_OR_RETURN(formulas::Activation f, formulas::FindActivation(name));
    if (f.has_alpha && next_alpha < alphas.size()) f.alpha = alphas[next_alpha++];
    if (f.has_beta && next_beta < betas.size()) f.beta = betas[next_beta++];
    found.push_back([f](const Expr& x) { return f.formula(x, f.alpha, f.beta); });
  }
  return found;
}

// What the layer of one direction is read from.
struct LayerSource {
  OpBuilder& b;
  const RecurrentKind& kind;
  const Sizes& sizes;
  int64_t direction;
};

// W's bias plus R's, [gates * hidden], R's left out at the late gate; kNoValue without B.
absl::StatusOr<ValueId> EarlyBias(const LayerSource& from) {
  OpBuilder& b = from.b;
  const RecurrentKind& kind = from.kind;
  const Sizes& s = from.sizes;
  if (!b.HasInput(kB)) return kNoValue;
  const int64_t rows = kind.gates * s.hidden;
  return b.Emit({.op = "bias",
                 .inputs = {b.Input(kB)},
                 .type = {b.DTypeOf(b.Input(kB)), {rows}},
                 .body = [&](const Point& p) {
                   const Expr& row = p.axes[0];
                   const Expr ours = p.Load(0, {Int(from.direction), row});
                   const Expr both = ours + p.Load(0, {Int(from.direction), row + rows});
                   if (kind.late_bias < 0) return both;
                   const Expr late = Le(Int(kind.late_bias * s.hidden), row);
                   return Select(And(late, Lt(row, Int((kind.late_bias + 1) * s.hidden))), ours,
                                 both);
                 }});
}

absl::StatusOr<ValueId> LateBias(const LayerSource& from) {
  const auto& [b, kind, s, direction] = from;
  if (!b.HasInput(kB) || kind.late_bias < 0) return kNoValue;
  TW_ASSIGN_OR_RETURN(const ValueId all, ElementAt(b, b.Input(kB), 0, direction));
  const int64_t begin = (kind.gates + kind.late_bias) * s.hidden;
  return RangeOf(b, all, {0, begin, begin + s.hidden});
}

// x [length, batch, input] by W, plus the bias.
absl::StatusOr<ValueId> Project(const LayerSource& from, ValueId x, ValueId bias) {
  const auto& [b, kind, s, direction] = from;
  TW_ASSIGN_OR_RETURN(const ValueId rows, Reshape(b, x, {s.length * s.batch, s.input}));
  TW_ASSIGN_OR_RETURN(const ValueId weight, ElementAt(b, b.Input(kW), 0, direction));
  const int64_t columns = b.ShapeOf(weight)[0];
  TW_ASSIGN_OR_RETURN(ValueId product, kind.multiply ? kind.multiply(rows, false, direction)
                                                     : MultiplyByTransposed(b, rows, weight));
  if (bias != kNoValue) {
    TW_ASSIGN_OR_RETURN(product,
                        Map(b, "add", {product, bias}, [](const Exprs& v) { return v[0] + v[1]; }));
  }
  return Reshape(b, product, {s.length, s.batch, columns});
}

absl::StatusOr<std::vector<ValueId>> Weights(const LayerSource& from) {
  const auto& [b, kind, s, direction] = from;
  TW_ASSIGN_OR_RETURN(const ValueId all, ElementAt(b, b.Input(kR), 0, direction));
  if (kind.first == 0) return std::vector<ValueId>{all};
  const int64_t rows = kind.gates * s.hidden, split = kind.first * s.hidden;
  TW_ASSIGN_OR_RETURN(const ValueId first, RangeOf(b, all, {0, 0, split}));
  TW_ASSIGN_OR_RETURN(const ValueId second, RangeOf(b, all, {0, split, rows}));
  return std::vector<ValueId>{first, second};
}

absl::StatusOr<RecurrentLayer> MakeLayer(const LayerSource& from, ValueId x) {
  OpBuilder& b = from.b;
  const RecurrentKind& kind = from.kind;
  const Sizes& s = from.sizes;
  const int64_t direction = from.direction;
  RecurrentLayer layer{.length = s.length,
                       .batch = s.batch,
                       .hidden = s.hidden,
                       .direction = direction,
                       .backward = direction == 1 || b.Str("direction", "forward") == "reverse",
                       .lengths = b.HasInput(kLengths) ? b.Input(kLengths) : kNoValue,
                       .clip = b.Float("clip", 0)};
  if (kind.multiply) {
    layer.multiply = [&kind, direction](ValueId state) {
      return kind.multiply(state, true, direction);
    };
  }
  if (!(layer.clip >= 0)) return absl::InvalidArgumentError("clip is negative");
  TW_ASSIGN_OR_RETURN(const Activations all, ReadActivations(b, kind, s.directions));
  const auto count = static_cast<std::ptrdiff_t>(kind.default_activations.size());
  layer.activations.assign(all.begin() + direction * count, all.begin() + (direction + 1) * count);
  TW_ASSIGN_OR_RETURN(const ValueId bias, EarlyBias(from));
  TW_ASSIGN_OR_RETURN(layer.projected, Project(from, x, bias));
  TW_ASSIGN_OR_RETURN(layer.bias, LateBias(from));
  TW_ASSIGN_OR_RETURN(layer.weights, Weights(from));
  TW_ASSIGN_OR_RETURN(layer.initial, InitialState(b, kInitialH, layer));
  return layer;
}

// h of every step as [length, batch, hidden], in the order of the sequence.
absl::StatusOr<ValueId> InOrder(OpBuilder& b, const RecurrentLayer& layer,
                                std::vector<ValueId> steps) {
  if (layer.backward && layer.lengths == kNoValue) std::reverse(steps.begin(), steps.end());
  TW_ASSIGN_OR_RETURN(const ValueId all, Stack(b, std::move(steps), 0));
  if (layer.lengths == kNoValue) return all;
  return b.Emit({.op = "sequence",
                 .inputs = {all, layer.lengths},
                 .type = b.TypeOf(all),
                 .body = [&](const Point& p) {
                   const Expr length = Cast(p.Load(1, {p.axes[1]}), DType::kI64);
                   Expr row = p.axes[0];
                   if (layer.backward) row = SafeIndex(length - 1 + row * -1, layer.length);
                   const Expr value = p.Load(0, {row, p.axes[1], p.axes[2]});
                   return Select(Lt(p.axes[0], length), value, Const(0, value->dtype));
                 }});
}

// The sequences of all directions: Y is [length, directions, batch, hidden], batch first by layout.
absl::StatusOr<ValueId> JoinSequences(OpBuilder& b, const std::vector<ValueId>& sequences) {
  TW_ASSIGN_OR_RETURN(const ValueId y, Stack(b, sequences, 1));
  return BatchFirst(b) ? Transpose(b, y, {2, 0, 1, 3}) : y;
}

absl::StatusOr<ValueId> JoinStates(OpBuilder& b, const std::vector<ValueId>& states) {
  return Stack(b, states, BatchFirst(b) ? 1 : 0);
}

struct LayerResult {
  ValueId sequence;
  RecurrentStates last;
};

absl::StatusOr<LayerResult> RunLayer(OpBuilder& b, const RecurrentLayer& layer,
                                     RecurrentStates states, const RecurrentStepFn& step) {
  std::vector<ValueId> sequence;
  for (int64_t t = 0; t < layer.length; ++t) {
    const ValueId position =
        b.Constant(Tensor({DType::kI64, {2}}, std::vector<int64_t>{t, layer.length - 1 - t}));
    TW_ASSIGN_OR_RETURN(states, step({b, layer, position}, states));
    sequence.push_back(states[0]);
  }
  TW_ASSIGN_OR_RETURN(const ValueId all, InOrder(b, layer, std::move(sequence)));
  return LayerResult{all, std::move(states)};
}

}  // namespace

// Where the step's input stands: with lengths, a backward sequence starts at its own last element.
Expr StepPoint::Row() const {
  const Expr step = p_.Load(kPosition, {Int(0)});
  if (!layer_.backward) return SafeIndex(step, layer_.length);
  if (layer_.lengths == kNoValue) return SafeIndex(p_.Load(kPosition, {Int(1)}), layer_.length);
  const Expr length = Cast(p_.Load(kSequenceLengths, {p_.axes[0]}), DType::kI64);
  return SafeIndex(length - 1 + step * -1, layer_.length);
}

Expr StepPoint::Input(int64_t gate) const {
  return p_.Load(kProjected, {Row(), p_.axes[0], p_.axes[1] + gate * layer_.hidden});
}

Expr StepPoint::Extra(size_t index, int64_t k) const {
  const size_t input = first_extra_ + index;
  const Expr unit = p_.axes[1] + k * layer_.hidden;
  if (p_.in[input]->shape.size() == 1) return p_.Load(input, {unit});
  return p_.Load(input, {p_.axes[0], unit});
}

Expr StepPoint::Clip(Expr x) const {
  if (layer_.clip == 0) return x;
  return Min(Max(x, Const(-layer_.clip, x->dtype)), Const(layer_.clip, x->dtype));
}

Expr StepPoint::Runs() const {
  if (layer_.lengths == kNoValue) return nullptr;
  return Lt(p_.Load(kPosition, {Int(0)}),
            Cast(p_.Load(kSequenceLengths, {p_.axes[0]}), DType::kI64));
}

absl::StatusOr<ValueId> RecurrentStep::Emit(std::string op, ValueId previous,
                                            std::vector<ValueId> extras,
                                            const StepFormula& formula) const {
  const auto carried = [&](const StepPoint& at) {
    const Expr next = formula(at);
    const Expr runs = at.Runs();
    return runs == nullptr ? next : Select(runs, next, at.Previous());
  };
  return EmitAlways(std::move(op), previous, std::move(extras), carried);
}

absl::StatusOr<ValueId> RecurrentStep::EmitAlways(std::string op, ValueId previous,
                                                  std::vector<ValueId> extras,
                                                  const StepFormula& formula) const {
  std::vector<ValueId> inputs = {layer.projected, position, previous};
  if (layer.lengths != kNoValue) inputs.push_back(layer.lengths);
  const size_t first_extra = inputs.size();
  inputs.insert(inputs.end(), extras.begin(), extras.end());
  return b.Emit(
      {.op = std::move(op),
       .inputs = std::move(inputs),
       .type = {b.DTypeOf(layer.projected), {layer.batch, layer.hidden}},
       .body = [&](const Point& p) { return formula(StepPoint(layer, p, first_extra)); }});
}

absl::StatusOr<ValueId> RecurrentStep::Multiply(ValueId state, size_t product) const {
  if (layer.multiply) return layer.multiply(state);
  return MultiplyByTransposed(b, state, layer.weights[product]);
}

absl::StatusOr<ValueId> InitialState(OpBuilder& b, size_t input, const RecurrentLayer& layer) {
  const Shape shape = {layer.batch, layer.hidden};
  const DType dtype = b.DTypeOf(b.Input(kX));
  if (!b.HasInput(input)) return b.Constant(Tensor({dtype, shape}));
  const bool batch_first = BatchFirst(b);
  TW_ASSIGN_OR_RETURN(const int64_t directions, Directions(b));
  const Shape expected = batch_first ? Shape{layer.batch, directions, layer.hidden}
                                     : Shape{directions, layer.batch, layer.hidden};
  TW_RETURN_IF_ERROR(CheckShapeIs(b, b.Input(input), expected, "the initial state"));
  TW_RETURN_IF_ERROR(CheckSameType(b, {b.Input(kX), b.Input(input)}));
  return ElementAt(b, b.Input(input), batch_first ? 1 : 0, layer.direction);
}

absl::StatusOr<Outputs> Recur(
    OpBuilder& b, const RecurrentKind& kind,
    const std::function<absl::StatusOr<RecurrentStates>(const RecurrentLayer&)>& start,
    const RecurrentStepFn& step) {
  TW_ASSIGN_OR_RETURN(const Sizes sizes, ReadSizes(b, kind));
  ValueId x = b.Input(kX);
  if (BatchFirst(b)) {
    TW_ASSIGN_OR_RETURN(x, Transpose(b, x, {1, 0, 2}));
  }
  std::vector<ValueId> sequences;
  std::vector<std::vector<ValueId>> last;  // by state, then direction
  for (int64_t d = 0; d < sizes.directions; ++d) {
    TW_ASSIGN_OR_RETURN(const RecurrentLayer layer, MakeLayer({b, kind, sizes, d}, x));
    RecurrentStates states = {layer.initial};
    TW_ASSIGN_OR_RETURN(const RecurrentStates further, start(layer));
    states.insert(states.end(), further.begin(), further.end());
    TW_ASSIGN_OR_RETURN(const LayerResult result, RunLayer(b, layer, std::move(states), step));
    sequences.push_back(result.sequence);
    last.resize(result.last.size());
    for (size_t i = 0; i < result.last.size(); ++i) last[i].push_back(result.last[i]);
  }
  TW_ASSIGN_OR_RETURN(const ValueId y, JoinSequences(b, sequences));
  std::vector<ValueId> outputs = {y};
  for (const std::vector<ValueId>& states : last) {
    TW_ASSIGN_OR_RETURN(outputs.emplace_back(), JoinStates(b, states));
  }
  return Outputs(std::move(outputs));
}

}  // namespace tilewright
