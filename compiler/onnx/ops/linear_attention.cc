// LinearAttention (opset 27): attention whose past is one matrix a head, which each token decays,
// corrects and adds to; hybrid language models decode with it. The columns of the matrix do not
// touch each other: each is a row of the procedure, which keeps it behind its outputs.
#include <cmath>
#include <map>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "compiler/onnx/steps.h"
#include "compiler/onnx/tensor_ops.h"

namespace tilewright::onnx_ops {
namespace {

constexpr size_t kQueries = 0, kKeys = 1, kValues = 2, kPastState = 3, kDecay = 4, kRate = 5;

struct LinearHeads {
  int64_t batch, length, heads, group, key, value;  // `group` query heads share one of `heads`
  bool decays = false, corrects = false;
  double scale = 0;
  Shape Columns() const { return {batch, heads, value}; }
  Shape State() const { return {batch, heads, key, value}; }
};

// Of [batch, length, heads * size] the size.
absl::StatusOr<int64_t> HeadSize(OpBuilder& b, size_t input, int64_t heads, const char* name) {
  TW_RETURN_IF_ERROR(CheckRank(b, b.Input(input), 3, 3));
  TW_RETURN_IF_ERROR(CheckSameType(b, {b.Input(kQueries), b.Input(input)}));
  const int64_t columns = b.ShapeOf(b.Input(input))[2];
  if (columns % heads == 0 && columns > 0) return columns / heads;
  return absl::InvalidArgumentError(
      absl::StrCat(name, " has ", columns, " columns for ", heads, " heads"));
}

// An input that the rule needs, [batch, length, one of these]; or forbids.
struct Gate {
  size_t input;
  bool needed;
  std::pair<int64_t, int64_t> columns;
};

absl::Status CheckGate(OpBuilder& b, const LinearHeads& heads, const Gate& gate) {
  auto [input, needed, columns] = gate;
  if (b.HasInput(input) != needed) {
    return absl::InvalidArgumentError(
        absl::StrCat("its update_rule ", needed ? "needs" : "has no", " input ", input));
  }
  if (!needed) return absl::OkStatus();
  TW_RETURN_IF_ERROR(CheckRank(b, b.Input(input), 3, 3));
  TW_RETURN_IF_ERROR(CheckSameType(b, {b.Input(kQueries), b.Input(input)}));
  const int64_t found = b.ShapeOf(b.Input(input))[2];
  if (found != columns.first) columns.first = columns.second;
  return CheckShapeIs(b, b.Input(input), {heads.batch, heads.length, columns.first}, "a gate");
}

absl::Status ReadRule(OpBuilder& b, LinearHeads& heads) {
  const std::string rule = b.Str("update_rule", "gated_delta");
  heads.decays = rule == "gated" || rule == "gated_delta";
  heads.corrects = rule == "delta" || rule == "gated_delta";
  if (heads.decays || heads.corrects || rule == "linear") return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("unknown update_rule \"", rule, "\" (linear, gated, delta or gated_delta)"));
}

absl::StatusOr<LinearHeads> ReadHeads(OpBuilder& b) {
  LinearHeads heads{};
  const int64_t queries = b.Int("q_num_heads", 0);
  heads.heads = b.Int("kv_num_heads", 0);
  if (heads.heads < 1 || queries < 1 || queries % heads.heads != 0) {
    return absl::InvalidArgumentError(absl::StrCat("has ", queries, " heads of queries for ",
                                                   heads.heads, " of keys and values"));
  }
  heads.group = queries / heads.heads;
  TW_RETURN_IF_ERROR(ReadRule(b, heads));
  TW_ASSIGN_OR_RETURN(heads.key, HeadSize(b, kQueries, queries, "query"));
  TW_ASSIGN_OR_RETURN(heads.value, HeadSize(b, kValues, heads.heads, "value"));
  heads.batch = b.ShapeOf(b.Input(kQueries))[0], heads.length = b.ShapeOf(b.Input(kQueries))[1];
  const Shape rows = {heads.batch, heads.length};
  TW_RETURN_IF_ERROR(CheckSameType(b, {b.Input(kQueries), b.Input(kKeys)}));
  TW_RETURN_IF_ERROR(
      CheckShapeIs(b, b.Input(kKeys), {rows[0], rows[1], heads.heads * heads.key}, "key"));
  TW_RETURN_IF_ERROR(
      CheckShapeIs(b, b.Input(kValues), {rows[0], rows[1], heads.heads * heads.value}, "value"));
  TW_RETURN_IF_ERROR(
      CheckGate(b, heads, {kDecay, heads.decays, {heads.heads, heads.heads * heads.key}}));
  TW_RETURN_IF_ERROR(CheckGate(b, heads, {kRate, heads.corrects, {heads.heads, 1}}));
  heads.scale = b.Float("scale", 0);
  if (heads.scale == 0) heads.scale = 1 / std::sqrt(static_cast<double>(heads.key));
  return heads;
}

// One column's statements. Operands by input; absent ones are not there.
struct LinearColumn {
  const LinearHeads& heads;
  std::map<size_t, Buffer> in;
  Buffer out;
  Exprs at;  // batch, head, column

  Expr Token(size_t input, const Expr& t, Expr column) const {
    return Cast(Load(in.at(input), {at[0], t, std::move(column)}), DType::kF32);
  }
  Exprs Place(Expr position) const { return {at[0], at[1], at[2], std::move(position)}; }
  Exprs StatePlace(const Expr& d) const { return Place(d + Int(heads.group * heads.length)); }
  Expr State(const Expr& d) const { return Load(out, StatePlace(d)); }

  Stmt ForKey(const std::string& name, const std::function<Stmt(const Expr&)>& body) const {
    return tilewright::InOrder(name, Int(heads.key), body);
  }
  Expr KeyColumn(const Expr& head, const Expr& d) const { return head * heads.key + d; }

  Stmt Begin() const {
    return ForKey("d", [&](const Expr& d) {
      const auto past = in.find(kPastState);
      Expr first = Float(0);
      if (past != in.end()) first = Cast(Load(past->second, {at[0], at[1], d, at[2]}), DType::kF32);
      return Store(out, StatePlace(d), std::move(first));
    });
  }

  Stmt Decay(const Expr& t) const {
    const bool by_head = in.at(kDecay)->shape[2] == heads.heads;
    return ForKey("d", [&](const Expr& d) {
      const Expr g = Token(kDecay, t, by_head ? at[1] : KeyColumn(at[1], d));
      return Store(out, StatePlace(d), State(d) * Call("exp", {g}, DType::kF32));
    });
  }

  // sum = sum over d of the state by `operand`(d).
  Stmt Dot(const Cell& sum, const std::function<Expr(const Expr&)>& operand) const {
    return Seq({sum.Set(Float(0)), ForKey("d", [&](const Expr& d) {
                  return sum.Set(sum.Get() + State(d) * operand(d));
                })});
  }

  Stmt Correct(const Expr& t, const Cell& added, const Cell& sum) const {
    const Expr beta = Token(kRate, t, in.at(kRate)->shape[2] == 1 ? Int(0) : at[1]);
    return Seq({Dot(sum, [&](const Expr& d) { return Token(kKeys, t, KeyColumn(at[1], d)); }),
                added.Set(beta * (added.Get() - sum.Get()))});
  }

  Stmt Read(const Expr& t, const Expr& member, const Cell& sum) const {
    const Expr head = at[1] * heads.group + member;
    return Seq({Dot(sum, [&](const Expr& d) { return Token(kQueries, t, KeyColumn(head, d)); }),
                Store(out, Place(t * heads.group + member), sum.Get() * Float(heads.scale))});
  }

  Stmt Step(const Expr& t) const {
    const Cell added("added", DType::kF32), sum("sum", DType::kF32);
    std::vector<Stmt> steps;
    if (heads.decays) steps.push_back(Decay(t));
    steps.push_back(added.Set(Token(kValues, t, at[1] * heads.value + at[2])));
    if (heads.corrects) steps.push_back(Correct(t, added, sum));
    steps.push_back(ForKey("d", [&](const Expr& d) {
      const Expr key = Token(kKeys, t, KeyColumn(at[1], d));
      return Store(out, StatePlace(d), State(d) + key * added.Get());
    }));
    steps.push_back(tilewright::InOrder("g", Int(heads.group),
                                        [&](const Expr& member) { return Read(t, member, sum); }));
    return With({added, sum}, Seq(std::move(steps)));
  }
};

// Each column's outputs, token by token, and its last state: float32 [batch, heads, value, ...].
absl::StatusOr<ValueId> RunColumns(OpBuilder& b, const LinearHeads& heads) {
  std::vector<ValueId> inputs;
  std::vector<size_t> present;
  for (size_t i = 0; i < b.num_inputs(); ++i) {
    if (!b.HasInput(i)) continue;
    inputs.push_back(b.Input(i));
    present.push_back(i);
  }
  const auto body = [&](const std::vector<Buffer>& in, const Buffer& out) {
    return ForRows(heads.Columns(), 3, [&](Exprs at) {
      LinearColumn column{.heads = heads, .out = out, .at = std::move(at)};
      for (size_t i = 0; i < present.size(); ++i) column.in[present[i]] = in[i];
      return Seq({column.Begin(), tilewright::InOrder("t", Int(heads.length), [&](const Expr& t) {
                    return column.Step(t);
                  })});
    });
  };
  Shape shape = heads.Columns();
  shape.push_back(heads.group * heads.length + heads.key);
  return b.EmitProcedure({.op = "linear_attention",
                          .inputs = std::move(inputs),
                          .type = {DType::kF32, std::move(shape)},
                          .body = body});
}

absl::StatusOr<Outputs> LinearAttention(OpBuilder& b) {
  TW_ASSIGN_OR_RETURN(const LinearHeads heads, ReadHeads(b));
  if (b.HasInput(kPastState)) {
    TW_RETURN_IF_ERROR(CheckShapeIs(b, b.Input(kPastState), heads.State(), "past_state"));
    if (!IsFloat(b.DTypeOf(b.Input(kPastState)))) {
      return absl::InvalidArgumentError("past_state is no float tensor");
    }
  }
  TW_ASSIGN_OR_RETURN(const ValueId columns, RunColumns(b, heads));
  const DType dtype = b.DTypeOf(b.Input(kQueries));
  const int64_t outputs = heads.group * heads.length;
  TW_ASSIGN_OR_RETURN(
      const ValueId y,
      b.Emit({.op = "heads",
              .inputs = {columns},
              .type = {dtype, {heads.batch, heads.length, heads.heads * heads.group * heads.value}},
              .body = [&](const Point& p) {
                const Expr query = FloorDiv(p.axes[2], heads.value);
                const Expr position = p.axes[1] * heads.group + FloorMod(query, heads.group);
                return Cast(p.Load(0, {p.axes[0], FloorDiv(query, heads.group),
                                       FloorMod(p.axes[2], heads.value), position}),
                            dtype);
              }}));
  const DType kept = b.HasInput(kPastState) ? b.DTypeOf(b.Input(kPastState)) : dtype;
  TW_ASSIGN_OR_RETURN(
      const ValueId state,
      b.Emit({.op = "state",
              .inputs = {columns},
              .type = {kept, heads.State()},
              .body = [&](const Point& p) {
                return Cast(p.Load(0, {p.axes[0], p.axes[1], p.axes[3], p.axes[2] + Int(outputs)}),
                            kept);
              }}));
  return Outputs({y, state});
}

// ONNX Runtime's, of which ONNX's was made.
absl::StatusOr<Outputs> RuntimeLinearAttention(OpBuilder& b) {
  if (b.Int("state_window", 0) == 0) return LinearAttention(b);
  return absl::UnimplementedError("a state_window is not supported");
}

}  // namespace

OpList linear_attention() {
  return {{"LinearAttention", 27, 3, LinearAttention, kQuantizable},
          {"com.microsoft.LinearAttention", 1, 3, RuntimeLinearAttention, kQuantizable}};
}

}  // namespace tilewright::onnx_ops
