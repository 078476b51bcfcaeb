// Unique: slices are sorted by merging, then equal neighbours are one. n slices of m elements take
// O(m n log n). The number of different ones depends on data (compiler/onnx/bounds.h).
#include <numeric>
#include <optional>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "compiler/onnx/concatenate.h"
#include "compiler/onnx/steps.h"
#include "compiler/onnx/tensor_ops.h"

namespace tilewright::onnx_ops {
namespace {

// Compares slices of x [n, m] by their elements in order; NaN counts as the largest number.
class SliceOrder {
 public:
  explicit SliceOrder(Buffer x) : x_(std::move(x)) {}

  // Sets the order of slices a and b; they are read after.
  Stmt Compare(const Expr& a, const Expr& b) const {
    return Seq({order_.Set(Int(0)), InOrder("m", Int(x_->shape[1]), [&](const Expr& m) {
                  const Expr x = At(a, m), y = At(b, m);
                  const Stmt decide =
                      If(Less(x, y), order_.Set(Int(-1)), If(Less(y, x), order_.Set(Int(1))));
                  return If(Eq(order_.Get(), Int(0)), decide);
                })});
  }
  Expr FirstIsLess() const { return Lt(order_.Get(), Int(0)); }
  Expr SecondIsLess() const { return Lt(Int(0), order_.Get()); }
  Expr Differ() const { return Binary(BinaryOp::kNe, order_.Get(), Int(0)); }
  const Cell& cell() const { return order_; }

 private:
  Expr At(const Expr& slice, const Expr& m) const {
    return Load(x_, {Min(Max(slice, Int(0)), Int(x_->shape[0] - 1)), m});
  }
  static Expr Less(const Expr& x, const Expr& y) {
    if (x->dtype == DType::kBool) return And(Call("not", {x}, DType::kBool), y);
    if (!IsFloat(x->dtype)) return Lt(x, y);
    return Or(Lt(x, y), And(IsNan(y), Call("not", {IsNan(x)}, DType::kBool)));
  }

  const Buffer x_;
  const Cell order_{"order", DType::kI64};
};

int64_t MergeRounds(int64_t n) {
  int64_t rounds = 0;
  while ((int64_t{1} << rounds) < n) ++rounds;
  return rounds;
}

// One output of the slice order: out [2, n] holds positions, of which each round merges runs of
// `width` from row `from` into the other.
class SliceMerge {
 public:
  SliceMerge(const Buffer& x, Buffer out) : order_(x), out_(std::move(out)), n_(x->shape[0]) {}

  Stmt Sort() const {
    const Stmt start =
        InOrder("s", Int(n_), [&](const Expr& i) { return Store(out_, {Int(0), i}, i); });
    std::vector<Stmt> rounds = {start};
    for (int64_t r = 0; r < MergeRounds(n_); ++r) rounds.push_back(Round(r));
    return With({left_, right_, order_.cell()}, Seq(rounds));
  }

 private:
  Stmt Round(int64_t round) const {
    const int64_t width = int64_t{1} << round, from = round % 2;
    return InOrder(absl::StrCat("p", round), Int(n_), [&](const Expr& place) {
      const Expr first = FloorDiv(place, 2 * width) * (2 * width);
      const Expr middle = Min(first + width, Int(n_)), last = Min(first + 2 * width, Int(n_));
      const Expr left = Load(out_, {Int(from), left_.Index(n_)});
      const Expr right = Load(out_, {Int(from), right_.Index(n_)});
      const auto take = [&](const Cell& side, const Expr& position) {
        return Seq({Store(out_, {Int(1 - from), place}, position), side.Set(side.Get() + 1)});
      };
      // A tie takes the left one: the sort is stable.
      const Stmt choose = Seq({order_.Compare(left, right),
                               If(order_.SecondIsLess(), take(right_, right), take(left_, left))});
      return Seq({If(Eq(place, first), Seq({left_.Set(first), right_.Set(middle)})),
                  If(Le(middle, left_.Get()), take(right_, right),
                     If(Le(last, right_.Get()), take(left_, left), choose))});
    });
  }

  const SliceOrder order_;
  const Buffer out_;
  const int64_t n_;
  const Cell left_{"left", DType::kI64}, right_{"right", DType::kI64};
};

// Positions of the slices of x [n, m] in ascending order, int64 [n].
absl::StatusOr<ValueId> SortSlices(OpBuilder& b, ValueId x) {
  const int64_t n = b.ShapeOf(x)[0];
  TW_ASSIGN_OR_RETURN(
      const ValueId both,
      b.EmitProcedure({.op = "unique_sort",
                       .inputs = {x},
                       .type = {DType::kI64, {2, n}},
                       .body = [](const std::vector<Buffer>& in, const Buffer& out) {
                         return SliceMerge(in[0], out).Sort();
                       }}));
  return ElementAt(b, both, 0, MergeRounds(n) % 2);
}

// int64 [1 + 3n]: how many different slices there are; for each its first position and how often it
// occurs; and which of them every slice is. In ascending order.
absl::StatusOr<ValueId> GroupSlices(OpBuilder& b, ValueId x, ValueId sorted) {
  const int64_t n = b.ShapeOf(x)[0];
  const Cell group("group", DType::kI64);
  const auto body = [&](const std::vector<Buffer>& in, const Buffer& out) {
    const SliceOrder order(in[0]);
    const auto visit = [&](const Expr& i) {
      const Expr here = Load(in[1], {i}), before = Load(in[1], {Max(i - 1, Int(0))});
      const Expr g = group.Index(n), counts = g + 1 + n;
      const Stmt fresh = Seq(
          {group.Set(group.Get() + 1), Store(out, {g + 1}, here), Store(out, {counts}, Int(0))});
      const Expr safe = Min(Max(here, Int(0)), Int(n - 1));
      return Seq({order.Compare(before, here), If(Or(Eq(i, Int(0)), order.Differ()), fresh),
                  Store(out, {counts}, Load(out, {counts}) + 1),
                  Store(out, {safe + (1 + 2 * n)}, g)});
    };
    return With(
        {group, order.cell()},
        Seq({InOrder("c", Int(3 * n + 1), [&](const Expr& i) { return Store(out, {i}, Int(0)); }),
             group.Set(Int(-1)), InOrder("i", Int(n), visit),
             Store(out, {Int(0)}, group.Get() + 1)}));
  };
  return b.EmitProcedure({.op = "unique_group",
                          .inputs = {x, sorted},
                          .type = {DType::kI64, {1 + 3 * n}},
                          .body = body});
}

// The same with the groups in the order of their first positions.
absl::StatusOr<ValueId> InOrderOfAppearance(OpBuilder& b, ValueId groups, int64_t n) {
  const Cell next("next", DType::kI64);
  // Behind the output's [1 + 3n] lies each group's place.
  const auto body = [&](const std::vector<Buffer>& in, const Buffer& out) {
    const auto visit = [&](const Expr& i) {
      const Expr g = Min(Max(Load(in[0], {i + (1 + 2 * n)}), Int(0)), Int(n - 1));
      const Expr place = next.Index(n), known = g + (1 + 3 * n);
      const Stmt fresh = Seq({Store(out, {known}, place), Store(out, {place + 1}, i),
                              Store(out, {place + (1 + n)}, Load(in[0], {g + (1 + n)})),
                              next.Set(next.Get() + 1)});
      return Seq({If(Eq(Load(in[0], {g + 1}), i), fresh),
                  Store(out, {i + (1 + 2 * n)}, Load(out, {known}))});
    };
    return With(
        {next},
        Seq({InOrder("c", Int(4 * n + 1), [&](const Expr& i) { return Store(out, {i}, Int(0)); }),
             next.Set(Int(0)), InOrder("i", Int(n), visit),
             Store(out, {Int(0)}, Load(in[0], {Int(0)}))}));
  };
  return b.EmitProcedure(
      {.op = "unique_order", .inputs = {groups}, .type = {DType::kI64, {1 + 4 * n}}, .body = body});
}

// x as [slices, elements of each]: along `axis`, or without one each element for itself.
absl::StatusOr<ValueId> AsSlices(OpBuilder& b, ValueId x, std::optional<size_t> axis) {
  if (!axis) return Reshape(b, x, {NumElements(b.ShapeOf(x)), 1});
  std::vector<size_t> order(b.RankOf(x));
  std::iota(order.begin(), order.end(), 0);
  order.erase(order.begin() + static_cast<std::ptrdiff_t>(*axis));
  order.insert(order.begin(), *axis);
  const int64_t n = b.ShapeOf(x)[*axis], m = NumElements(b.ShapeOf(x)) / n;
  TW_ASSIGN_OR_RETURN(const ValueId first, Transpose(b, x, order));
  return Reshape(b, first, {n, m});
}

// Outputs: the different slices, their first positions, which every slice is, how many of each.
absl::StatusOr<Outputs> TakeGroups(OpBuilder& b, ValueId data, size_t axis, ValueId packed) {
  const int64_t n = b.ShapeOf(data)[axis];
  TW_ASSIGN_OR_RETURN(const ValueId count, ElementAt(b, packed, 0, 0));
  const absl::StatusOr<Tensor> known = b.ConstValue(count);
  const int64_t room = known.ok() ? known->AsInt(0) : n;
  TW_ASSIGN_OR_RETURN(const ValueId first, RangeOf(b, packed, {0, 1, 1 + room}));
  TW_ASSIGN_OR_RETURN(const ValueId counts, RangeOf(b, packed, {0, 1 + n, 1 + n + room}));
  TW_ASSIGN_OR_RETURN(const ValueId inverse, RangeOf(b, packed, {0, 1 + 2 * n, 1 + 3 * n}));
  if (!known.ok()) {
    for (ValueId value : {first, counts}) b.SetBound(value, {0, count});
  }
  TensorType type = b.TypeOf(data);
  type.shape[axis] = room;
  TW_ASSIGN_OR_RETURN(
      const ValueId y,
      b.Emit({.op = "unique", .inputs = {data, first}, .type = type, .body = [&](const Point& p) {
                Exprs at = p.axes;
                at[axis] = SafeIndex(p.Load(1, {at[axis]}), n);
                return p.Load(0, std::move(at));
              }}));
  return Outputs({y, first, inverse, counts});
}

absl::StatusOr<Outputs> Unique(OpBuilder& b) {
  ValueId data = b.Input(0);
  std::optional<size_t> axis;
  if (b.HasAttr("axis")) {
    TW_ASSIGN_OR_RETURN(axis, NormalizeAxis(b.Int("axis", 0), b.RankOf(data)));
  } else {
    TW_ASSIGN_OR_RETURN(data, Reshape(b, data, {NumElements(b.ShapeOf(data))}));
  }
  if (NumElements(b.ShapeOf(data)) == 0) {
    const ValueId none = b.Constant(Tensor({DType::kI64, {0}}));
    return Outputs({data, none, none, none});
  }
  TW_ASSIGN_OR_RETURN(const ValueId slices, AsSlices(b, data, axis));
  TW_ASSIGN_OR_RETURN(const ValueId sorted, SortSlices(b, slices));
  TW_ASSIGN_OR_RETURN(ValueId groups, GroupSlices(b, slices, sorted));
  if (b.Int("sorted", 1) == 0) {
    TW_ASSIGN_OR_RETURN(groups, InOrderOfAppearance(b, groups, b.ShapeOf(slices)[0]));
  }
  return TakeGroups(b, data, axis.value_or(0), groups);
}

}  // namespace

OpList unique() { return {{"Unique", 11, 1, Unique}}; }

}  // namespace tilewright::onnx_ops
