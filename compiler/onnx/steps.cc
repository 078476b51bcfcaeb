#include "compiler/onnx/steps.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "compiler/onnx/tensor_ops.h"

namespace tilewright {
namespace {

// Below this many elements threads cost more than they save.
constexpr int64_t kWorthThreads = 1 << 14;

// A heap of positions in the output along an axis, the worst on top.
class Heap {
 public:
  Heap(Buffer x, Buffer out, const ElementOrder& order, std::vector<Expr> row)
      : x_(std::move(x)),
        out_(std::move(out)),
        axis_(order.axis),
        largest_(order.largest),
        row_(std::move(row)) {}

  // Keeps the first k of all.
  Stmt KeepFirst() const {
    const int64_t n = x_->shape[axis_];
    return With({child_, best_, moved_},
                Seq({InOrder("i", Int(k()), [&](const Expr& i) { return Insert(i, i); }),
                     InOrder("j", Int(n - k()), [&](const Expr& j) { return Replace(j + k()); }),
                     InOrder("m", Int(k() - 1),
                             [&](const Expr& m) { return TakeWorst(Int(k() - 1) - m); })}));
  }

  // Keeps those above a limit, in order, and -1 in the places that are left. REQUIRES: k is the
  // extent.
  Stmt KeepAbove(const Expr& limit) const {
    const Cell count("count", DType::kI64);
    const auto take = [&](const Expr& i) {
      const Stmt insert = Seq({Insert(count.Index(k()), i), count.Set(count.Get() + 1)});
      return If(Lt(limit, Value(i)), insert);
    };
    const auto place = [&](const Expr& at) { return Min(Max(at, Int(0)), Int(k() - 1)); };
    return With({child_, best_, moved_, count},
                Seq({count.Set(Int(0)), InOrder("i", Int(k()), take),
                     InOrder("m", Max(count.Get() - 1, Int(0)),
                             [&](const Expr& m) { return TakeWorst(place(count.Get() - 1 - m)); }),
                     InOrder("rest", Int(k()) - count.Get(), [&](const Expr& r) {
                       return Keep(place(count.Get() + r), Int(-1));
                     })}));
  }

 private:
  int64_t k() const { return out_->shape[axis_]; }
  std::vector<Expr> At(Expr index) const {
    std::vector<Expr> at = row_;
    at[axis_] = std::move(index);
    return at;
  }
  Expr Kept(const Expr& place) const { return Load(out_, At(place)); }
  Stmt Keep(const Expr& place, Expr position) const {
    return Store(out_, At(place), std::move(position));
  }
  Expr Value(const Expr& position) const {
    const int64_t last = x_->shape[axis_] - 1;
    return Load(x_, At(Min(Max(position, Int(0)), Int(last))));
  }
  // Whether position a comes before b.
  Expr Before(const Expr& a, const Expr& b) const {
    const Expr x = Value(a), y = Value(b);
    const Expr x_nan = IsNan(x), y_nan = IsNan(y), earlier = Lt(a, b);
    const Expr neither =
        largest_ ? Or(Lt(y, x), And(Eq(x, y), earlier)) : Or(Lt(x, y), And(Eq(x, y), earlier));
    if (!IsFloat(x->dtype)) return neither;
    const Expr one = largest_ ? x_nan : y_nan;
    return Select(Or(x_nan, y_nan), Select(And(x_nan, y_nan), earlier, one), neither);
  }
  // Levels of a heap of k.
  int64_t Levels() const {
    int64_t levels = 0;
    while ((int64_t{1} << levels) <= k()) ++levels;
    return levels;
  }

  // A position is put at the first free place and rises.
  Stmt Insert(const Expr& place, const Expr& position) const {
    const Expr here = child_.Index(k());
    const Expr parent = Max(FloorDiv(here - 1, 2), Int(0));
    const Expr rises = And(Lt(Int(0), here), Before(Kept(parent), Kept(here)));
    const Stmt swap = Seq({moved_.Set(Kept(parent)), Keep(parent, Kept(here)),
                           Keep(here, moved_.Get()), child_.Set(parent)});
    return Seq({Keep(place, position), child_.Set(place),
                InOrder("level", Int(Levels()), [&](const Expr&) { return If(rises, swap); })});
  }

  // The top, changed, sinks within `size` places.
  Stmt Sink(const Expr& size) const {
    const Expr here = child_.Index(k());
    const auto consider = [&](int64_t which) {
      const Expr next = here * 2 + which, safe = Min(next, Int(k() - 1));
      return If(And(Lt(next, size), Before(Kept(best_.Index(k())), Kept(safe))), best_.Set(next));
    };
    const Expr best = best_.Index(k());
    const Stmt swap = If(Lt(here, best), Seq({moved_.Set(Kept(best)), Keep(best, Kept(here)),
                                              Keep(here, moved_.Get()), child_.Set(best)}));
    return Seq({child_.Set(Int(0)), InOrder("level", Int(Levels()), [&](const Expr&) {
                  return Seq({best_.Set(here), consider(1), consider(2), swap});
                })});
  }

  Stmt Replace(const Expr& position) const {
    return If(Before(position, Kept(Int(0))), Seq({Keep(Int(0), position), Sink(Int(k()))}));
  }

  Stmt TakeWorst(const Expr& last) const {
    return Seq(
        {moved_.Set(Kept(Int(0))), Keep(Int(0), Kept(last)), Keep(last, moved_.Get()), Sink(last)});
  }

  const Buffer x_, out_;
  const size_t axis_;
  const bool largest_;
  const std::vector<Expr> row_;
  const Cell child_{"child", DType::kI64}, best_{"best", DType::kI64}, moved_{"moved", DType::kI64};
};

}  // namespace

Cell::Cell(std::string name, DType dtype)
    : buffer_(MakeBuffer(std::move(name), dtype, {1}, Scope::kStack)) {}

Stmt With(const std::vector<Cell>& cells, Stmt body) {
  for (const Cell& cell : cells) body = Alloc(cell.buffer(), std::move(body));
  return body;
}

Stmt InOrder(const std::string& name, Expr extent, const std::function<Stmt(const Expr&)>& body) {
  const Expr var = Var(name);
  return For(var, {Int(0), std::move(extent)}, LoopKind::kSerial, body(var));
}

Stmt ForEach(const std::string& prefix, const Shape& extents,
             const std::function<Stmt(const std::vector<Expr>&)>& body) {
  const std::vector<Axis> axes = MakeAxes(extents, prefix);
  Stmt all = body(Vars(axes));
  for (size_t d = axes.size(); d-- > 0;) {
    all = For(axes[d].var, axes[d].extent, LoopKind::kSerial, std::move(all));
  }
  return all;
}

Stmt ForRows(const Shape& extents, size_t except,
             const std::function<Stmt(std::vector<Expr>)>& body) {
  std::vector<Expr> position(extents.size());
  for (size_t d = 0; d < extents.size(); ++d) {
    if (d != except) position[d] = Var(absl::StrCat("a", d));
  }
  Stmt all = body(position);
  const bool threads = NumElements(extents) >= kWorthThreads;
  size_t outermost = 0;
  while (outermost < extents.size() && (outermost == except || extents[outermost] == 1)) {
    ++outermost;
  }
  for (size_t d = extents.size(); d-- > 0;) {
    if (d == except || d == outermost) continue;
    all = For(position[d], extents[d], LoopKind::kSerial, std::move(all));
  }
  if (outermost == extents.size()) return all;
  return For(position[outermost], extents[outermost],
             threads ? LoopKind::kParallel : LoopKind::kSerial, std::move(all));
}

absl::StatusOr<ValueId> FirstPositions(OpBuilder& b, ValueId x, const ElementOrder& order,
                                       int64_t k) {
  const Shape from = b.ShapeOf(x);
  TensorType type{DType::kI64, from};
  type.shape[order.axis] = k;
  return b.EmitProcedure({.op = "top_k_positions",
                          .inputs = {x},
                          .type = type,
                          .body = [&](const std::vector<Buffer>& in, const Buffer& out) {
                            return ForRows(from, order.axis, [&](std::vector<Expr> row) {
                              return Heap(in[0], out, order, std::move(row)).KeepFirst();
                            });
                          }});
}

absl::StatusOr<ValueId> PositionsAbove(OpBuilder& b, ValueId x, size_t axis, ValueId limit) {
  const Shape from = b.ShapeOf(x);
  return b.EmitProcedure(
      {.op = "positions_above",
       .inputs = {x, limit},
       .type = {DType::kI64, from},
       .body = [&](const std::vector<Buffer>& in, const Buffer& out) {
         return ForRows(from, axis, [&](std::vector<Expr> row) {
           return Heap(in[0], out, {axis, true}, std::move(row)).KeepAbove(Load(in[1], {Int(0)}));
         });
       }});
}

}  // namespace tilewright
