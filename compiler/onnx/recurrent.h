// What LSTM, GRU and RNN share. The inputs of all steps are multiplied by their weights at once, as
// one dense layer; then each step is one dense layer of the state and a few elementwise nodes. The
// steps differ in data alone (a constant says which they are), so that they share their kernels:
// code and compile time do not grow with the length.
#pragma once

#include <functional>
#include <vector>

#include "compiler/onnx/formulas.h"
#include "compiler/onnx/tensor_ops.h"

namespace tilewright {

// What is the same in every operator of the kind. Inputs: X, W, R, B, sequence_lens, initial_h at
// 0 to 5, of which those from B on may be absent; attributes direction, hidden_size, activations,
// activation_alpha, activation_beta, clip, layout.
struct RecurrentKind {
  int64_t gates;                                 // of W, R and B, each of hidden_size rows
  std::vector<const char*> default_activations;  // of one direction
  // The gate whose recurrent bias is added inside the step and not with the input's; -1: none.
  int64_t late_bias = -1;
  // Gates of R that one product of a step takes: [0, first), [first, gates); 0: one product for
  // all.
  int64_t first = 0;
  // Rows [M, K] by the weights of a direction, W or (`recurrent`) R: [M, gates * hidden]. Null: by
  // the node's own. REQUIRES: `first` is 0.
  std::function<absl::StatusOr<ValueId>(ValueId rows, bool recurrent, int64_t direction)> multiply =
      nullptr;
};

// One direction, made ready for its steps.
struct RecurrentLayer {
  int64_t length, batch, hidden, direction;
  bool backward;
  ValueId projected;             // [length, batch, gates * hidden]: x W' + biases
  std::vector<ValueId> weights;  // R: [gates * hidden, hidden], one for each product
  ValueId bias;                  // of the late gate: [hidden], or kNoValue
  ValueId lengths;               // [batch] or kNoValue
  ValueId initial;               // [batch, hidden]
  double clip;                   // 0: none
  // State by R, where `weights` do not say it.
  std::function<absl::StatusOr<ValueId>(ValueId state)> multiply;
  std::vector<std::function<Expr(const Expr&)>> activations;
};

// Where a step's element is computed: batch entry and hidden unit.
class StepPoint {
 public:
  StepPoint(const RecurrentLayer& layer, const Point& point, size_t first_extra)
      : layer_(layer), p_(point), first_extra_(first_extra) {}

  // The step's input at a gate.
  Expr Input(int64_t gate) const;
  Expr Previous() const { return p_.Here(2); }
  // Another operand [batch, k * hidden], at the k-th hidden vector; or a vector [k * hidden].
  Expr Extra(size_t index, int64_t k = 0) const;
  // Clipped as the attribute says.
  Expr Clip(Expr x) const;
  Expr Activate(size_t which, const Expr& x) const { return layer_.activations[which](x); }
  // Whether the sequence still runs; null: it always does.
  Expr Runs() const;

 private:
  Expr Row() const;

  const RecurrentLayer& layer_;
  const Point& p_;
  size_t first_extra_;
};

using StepFormula = std::function<Expr(const StepPoint&)>;

// One step of a layer.
struct RecurrentStep {
  OpBuilder& b;
  const RecurrentLayer& layer;
  ValueId position;  // int64[2]: how many steps came before, how many will follow

  // formula over [batch, hidden], with the operands that it reads; Emit: where the sequence has
  // ended the previous value.
  absl::StatusOr<ValueId> Emit(std::string op, ValueId previous, std::vector<ValueId> extras,
                               const StepFormula& formula) const;
  absl::StatusOr<ValueId> EmitAlways(std::string op, ValueId previous, std::vector<ValueId> extras,
                                     const StepFormula& formula) const;
  // state [batch, hidden] by the gates of R that belong to a product.
  absl::StatusOr<ValueId> Multiply(ValueId state, size_t product = 0) const;
};

// From the states (the first is h) to the next ones.
using RecurrentStates = std::vector<ValueId>;
using RecurrentStepFn =
    std::function<absl::StatusOr<RecurrentStates>(const RecurrentStep&, const RecurrentStates&)>;

// Element `direction` of an optional state input, [batch, hidden]; zeros when it is absent.
absl::StatusOr<ValueId> InitialState(OpBuilder& b, size_t input, const RecurrentLayer& layer);

// Converts the node: `start` gives a layer's further states, `step` the next ones. Outputs: Y, then
// the last value of each state. InvalidArgument for shapes and attributes that do not fit,
// Unimplemented for unknown activations and more than 16384 steps.
absl::StatusOr<Outputs> Recur(
    OpBuilder& b, const RecurrentKind& kind,
    const std::function<absl::StatusOr<RecurrentStates>(const RecurrentLayer&)>& start,
    const RecurrentStepFn& step);

}  // namespace tilewright
