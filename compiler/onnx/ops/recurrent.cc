// LSTM, GRU and RNN: one step of each (compiler/onnx/recurrent.h has the rest).
#include "compiler/onnx/recurrent.h"

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "compiler/onnx/concatenate.h"
#include "compiler/onnx/multiply_matrices.h"
#include "compiler/onnx/quantized.h"

namespace tilewright::onnx_ops {
namespace {

absl::StatusOr<RecurrentStates> NoFurtherStates(const RecurrentLayer&) { return RecurrentStates{}; }

absl::StatusOr<Outputs> Rnn(OpBuilder& b) {
  const auto step = [](const RecurrentStep& s,
                       const RecurrentStates& states) -> absl::StatusOr<RecurrentStates> {
    TW_ASSIGN_OR_RETURN(const ValueId product, s.Multiply(states[0]));
    TW_ASSIGN_OR_RETURN(const ValueId h,
                        s.Emit("rnn_step", states[0], {product}, [](const StepPoint& p) {
                          return p.Activate(0, p.Clip(p.Input(0) + p.Extra(0)));
                        }));
    return RecurrentStates{h};
  };
  return Recur(b, {.gates = 1, .default_activations = {"Tanh"}}, NoFurtherStates, step);
}

// Gates: update z, reset r, hidden. Where the reset acts on the state before it is multiplied there
// are two products a step.
constexpr int64_t kZ = 0, kReset = 1, kHidden = 2;

Expr GruGate(const StepPoint& p, int64_t gate) {
  return p.Activate(0, p.Clip(p.Input(gate) + p.Extra(0, gate)));
}

Expr GruMix(const StepPoint& p, const Expr& hidden) {
  const Expr z = GruGate(p, kZ);
  return (Const(1, z->dtype) - z) * hidden + z * p.Previous();
}

absl::StatusOr<RecurrentStates> GruResetAfter(const RecurrentStep& s, ValueId h) {
  TW_ASSIGN_OR_RETURN(const ValueId product, s.Multiply(h));
  std::vector<ValueId> extras = {product};
  if (s.layer.bias != kNoValue) extras.push_back(s.layer.bias);
  TW_ASSIGN_OR_RETURN(const ValueId next, s.Emit("gru_step", h, extras, [&](const StepPoint& p) {
    Expr recurrent = p.Extra(0, kHidden);
    if (extras.size() > 1) recurrent = recurrent + p.Extra(1);
    return GruMix(p, p.Activate(1, p.Clip(p.Input(kHidden) + GruGate(p, kReset) * recurrent)));
  }));
  return RecurrentStates{next};
}

absl::StatusOr<RecurrentStates> GruResetBefore(const RecurrentStep& s, ValueId h) {
  TW_ASSIGN_OR_RETURN(const ValueId gates, s.Multiply(h, 0));
  TW_ASSIGN_OR_RETURN(const ValueId reset,
                      s.EmitAlways("gru_reset", h, {gates}, [](const StepPoint& p) {
                        return GruGate(p, kReset) * p.Previous();
                      }));
  TW_ASSIGN_OR_RETURN(const ValueId hidden, s.Multiply(reset, 1));
  TW_ASSIGN_OR_RETURN(const ValueId next,
                      s.Emit("gru_step", h, {gates, hidden}, [](const StepPoint& p) {
                        return GruMix(p, p.Activate(1, p.Clip(p.Input(kHidden) + p.Extra(1))));
                      }));
  return RecurrentStates{next};
}

absl::StatusOr<Outputs> Gru(OpBuilder& b) {
  const bool after = b.Int("linear_before_reset", 0) != 0;
  const RecurrentKind kind{.gates = 3,
                           .default_activations = {"Sigmoid", "Tanh"},
                           .late_bias = after ? kHidden : -1,
                           .first = after ? 0 : kHidden};
  return Recur(b, kind, NoFurtherStates,
               [after](const RecurrentStep& s, const RecurrentStates& states) {
                 return after ? GruResetAfter(s, states[0]) : GruResetBefore(s, states[0]);
               });
}

// Gates: input i, output o, forget f, cell. Peepholes, one vector a gate in the order i, o, f, add
// the cell's old value (for o the new one) to a gate.
constexpr int64_t kI = 0, kO = 1, kF = 2, kC = 3;
constexpr size_t kInitialC = 6, kPeepholes = 7;

struct Lstm {
  bool coupled = false;            // input_forget: f = 1 - i
  std::vector<ValueId> peepholes;  // by direction; empty: none
};

// Extras: 0 is the product with R, 1 the cell that peepholes read, 2 the peepholes.
Expr LstmGate(const Lstm& lstm, const StepPoint& p, int64_t gate, const Expr& cell) {
  Expr sum = p.Input(gate) + p.Extra(0, gate);
  if (!lstm.peepholes.empty()) sum = sum + cell * p.Extra(2, gate);
  return p.Activate(0, p.Clip(sum));
}

Expr LstmCell(const Lstm& lstm, const StepPoint& p) {
  const Expr cell = p.Extra(1);
  const Expr i = LstmGate(lstm, p, kI, cell);
  const Expr f = lstm.coupled ? Const(1, i->dtype) - i : LstmGate(lstm, p, kF, cell);
  return f * cell + i * p.Activate(1, p.Clip(p.Input(kC) + p.Extra(0, kC)));
}

absl::StatusOr<RecurrentStates> LstmStep(const Lstm& lstm, const RecurrentStep& s,
                                         const RecurrentStates& states) {
  TW_ASSIGN_OR_RETURN(const ValueId product, s.Multiply(states[0]));
  std::vector<ValueId> extras = {product, states[1]};
  if (!lstm.peepholes.empty()) {
    extras.push_back(lstm.peepholes[static_cast<size_t>(s.layer.direction)]);
  }
  TW_ASSIGN_OR_RETURN(const ValueId cell,
                      s.Emit("lstm_cell", states[1], extras,
                             [&](const StepPoint& p) { return LstmCell(lstm, p); }));
  extras[1] = cell;
  TW_ASSIGN_OR_RETURN(const ValueId h,
                      s.Emit("lstm_step", states[0], extras, [&](const StepPoint& p) {
                        const Expr now = p.Extra(1);
                        return LstmGate(lstm, p, kO, now) * p.Activate(2, now);
                      }));
  return RecurrentStates{h, cell};
}

absl::StatusOr<Lstm> ReadLstm(OpBuilder& b) {
  Lstm lstm{.coupled = b.Int("input_forget", 0) != 0};
  if (!b.HasInput(kPeepholes)) return lstm;
  TW_RETURN_IF_ERROR(CheckRank(b, b.Input(kPeepholes), 2, 2));
  TW_RETURN_IF_ERROR(CheckSameType(b, {b.Input(0), b.Input(kPeepholes)}));
  const int64_t hidden = b.Int("hidden_size", b.ShapeOf(b.Input(2)).back());
  const int64_t directions = b.ShapeOf(b.Input(2))[0];
  TW_RETURN_IF_ERROR(CheckShapeIs(b, b.Input(kPeepholes), {directions, 3 * hidden}, "P"));
  for (int64_t d = 0; d < directions; ++d) {
    TW_ASSIGN_OR_RETURN(lstm.peepholes.emplace_back(), ElementAt(b, b.Input(kPeepholes), 0, d));
  }
  return lstm;
}

absl::StatusOr<Outputs> LstmOf(OpBuilder& b, RecurrentKind kind) {
  TW_RETURN_IF_ERROR(CheckRank(b, b.Input(2), 3, 3));
  TW_ASSIGN_OR_RETURN(const Lstm lstm, ReadLstm(b));
  const auto start = [&](const RecurrentLayer& layer) -> absl::StatusOr<RecurrentStates> {
    TW_ASSIGN_OR_RETURN(const ValueId cell, InitialState(b, kInitialC, layer));
    return RecurrentStates{cell};
  };
  return Recur(b, kind, start, [&](const RecurrentStep& s, const RecurrentStates& states) {
    return LstmStep(lstm, s, states);
  });
}

const RecurrentKind kLstm{.gates = 4, .default_activations = {"Sigmoid", "Tanh", "Tanh"}};

absl::StatusOr<Outputs> Lstm7(OpBuilder& b) { return LstmOf(b, kLstm); }

// W or R of DynamicQuantizeLSTM: integers [directions, K, 4 * hidden] with a scale and a zero point
// that broadcast to them.
struct QuantizedWeights {
  ValueId values, scale, zero_point;
};

absl::StatusOr<QuantizedWeights> ReadWeights(OpBuilder& b, size_t weights, size_t scale) {
  QuantizedWeights w{b.Input(weights), b.Input(scale), b.Input(scale + 1)};
  const Shape shape = b.ShapeOf(w.values);
  TW_RETURN_IF_ERROR(CheckRank(b, w.values, 3, 3));
  TW_RETURN_IF_ERROR(CheckSameType(b, {w.values, w.zero_point}));
  TW_RETURN_IF_ERROR(CheckScale(b, w.scale));
  for (ValueId* each : {&w.scale, &w.zero_point}) {
    const int64_t count = NumElements(b.ShapeOf(*each));
    const bool by_direction = count == shape[0], by_column = count == shape[0] * shape[2];
    if (count != 1 && !by_direction && !by_column) {
      return absl::InvalidArgumentError(absl::StrCat("a scale or zero point has ", count,
                                                     " elements where 1, ", shape[0], " or ",
                                                     shape[0] * shape[2], " fit"));
    }
    const int64_t columns = by_column ? shape[2] : 1;
    TW_ASSIGN_OR_RETURN(*each,
                        Reshape(b, *each, {by_column || by_direction ? shape[0] : 1, 1, columns}));
    TW_ASSIGN_OR_RETURN(*each, ExpandTo(b, *each, {shape[0], 1, columns}));
  }
  return w;
}

// The integers as LSTM's real weights, [directions, 4 * hidden, K].
absl::StatusOr<ValueId> Real(OpBuilder& b, const QuantizedWeights& w) {
  TW_ASSIGN_OR_RETURN(const ValueId real,
                      Map(b, "dequantize", {w.values, w.scale, w.zero_point}, [](const Exprs& x) {
                        return (Cast(x[0], DType::kF32) - Cast(x[2], DType::kF32)) * x[1];
                      }));
  return Transpose(b, real, {0, 2, 1});
}

// Rows [M, K], rounded to 8 bits by their own range, by a direction's weights.
absl::StatusOr<ValueId> MultiplyQuantized(OpBuilder& b, ValueId rows, const QuantizedWeights& w,
                                          int64_t direction) {
  TW_ASSIGN_OR_RETURN(const DynamicallyQuantized q, QuantizeDynamically(b, rows));
  TW_ASSIGN_OR_RETURN(const ValueId left, Centered(b, q.values, q.zero_point, 0));
  TW_ASSIGN_OR_RETURN(const ValueId values, ElementAt(b, w.values, 0, direction));
  TW_ASSIGN_OR_RETURN(const ValueId scale, ElementAt(b, w.scale, 0, direction));
  TW_ASSIGN_OR_RETURN(ValueId zero_point, ElementAt(b, w.zero_point, 0, direction));
  TW_ASSIGN_OR_RETURN(zero_point, Reshape(b, zero_point, {b.ShapeOf(zero_point)[1]}));
  TW_ASSIGN_OR_RETURN(const ValueId right, Centered(b, values, zero_point, 1));
  TW_ASSIGN_OR_RETURN(const ValueId sum, MultiplyMatrices(b, left, right));
  return Map(b, "scale", {sum, q.scale, scale},
             [](const Exprs& x) { return Cast(x[0], DType::kF32) * (x[1] * x[2]); });
}

// com.microsoft: LSTM whose products are of 8-bit integers. Inputs: LSTM's, then scale and zero
// point of W and of R. As in ONNX Runtime the data are rounded before each product, by the range
// of all rows that it takes (onnxruntime/core/providers/cpu/rnn/rnn_helpers.cc).
absl::StatusOr<Outputs> DynamicQuantizeLstm(OpBuilder& b) {
  constexpr size_t kLstmInputs = 8;
  for (size_t i = kLstmInputs; i < kLstmInputs + 4; ++i) {
    if (!b.HasInput(i)) return absl::InvalidArgumentError("lacks a scale or zero point of W or R");
  }
  TW_ASSIGN_OR_RETURN(const QuantizedWeights w, ReadWeights(b, 1, 8));
  TW_ASSIGN_OR_RETURN(const QuantizedWeights r, ReadWeights(b, 2, 10));
  std::vector<ValueId> inputs(b.Inputs().begin(), b.Inputs().begin() + kLstmInputs);
  TW_ASSIGN_OR_RETURN(inputs[1], Real(b, w));
  TW_ASSIGN_OR_RETURN(inputs[2], Real(b, r));
  OpBuilder real = b.WithInputs(std::move(inputs));
  RecurrentKind kind = kLstm;
  kind.multiply = [&](ValueId rows, bool recurrent, int64_t direction) {
    return MultiplyQuantized(real, rows, recurrent ? r : w, direction);
  };
  absl::StatusOr<Outputs> outputs = LstmOf(real, kind);
  TW_RETURN_IF_ERROR(real.status());
  return outputs;
}

}  // namespace

OpList recurrent() {
  return {{"RNN", 7, 3, Rnn, kFloats},
          {"GRU", 7, 3, Gru, kFloats},
          {"LSTM", 7, 3, Lstm7, kFloats},
          {"com.microsoft.DynamicQuantizeLSTM", 1, 3, DynamicQuantizeLstm, {DType::kF32}}};
}

}  // namespace tilewright::onnx_ops
