#include "compiler/schedule/rows.h"

#include <algorithm>
#include <utility>

#include "compiler/core/tensor.h"
#include "compiler/schedule/parallel_loops.h"
#include "compiler/schedule/schedule.h"

namespace tilewright {
namespace {

// Accumulators of a reduction, enough to hide the latency of an add: rows, or vectors of one row.
constexpr int64_t kAccumulators = 8;
// Of a block's rows and scratch: they stay in the second cache beside what streams through it.
constexpr int64_t kBlockBytes = 64 << 10;

int64_t ElementsOf(const std::vector<Axis>& axes) {
  int64_t elements = 1;
  for (const Axis& axis : axes) elements *= axis.extent;
  return elements;
}

int64_t RowBytes(const Compute& compute) {
  int64_t bytes = ElementsOf(OwnAxes(compute)) * SizeOf(compute.output->dtype);
  for (const Compute& stage : compute.stages) {
    bytes += ElementsOf(stage.axes) * SizeOf(stage.output->dtype);
  }
  return bytes;
}

int64_t WorkOfRows(const Compute& compute) {
  int64_t row = ElementsOf(OwnAxes(compute)) * ElementsOf(compute.reduce);
  for (const Compute& stage : compute.stages) {
    row += ElementsOf(stage.axes) * ElementsOf(stage.reduce);
  }
  const auto first = compute.axes.begin();
  return row * ElementsOf({first, first + static_cast<ptrdiff_t>(compute.rows)});
}

// The innermost axis of more than one element; none: the number of axes.
size_t Innermost(const std::vector<Axis>& axes) {
  for (size_t i = axes.size(); i-- > 0;) {
    if (axes[i].extent > 1) return i;
  }
  return axes.size();
}

// One definition over `count` rows from `first` on: its axes are the row within the block, then
// its own.
class RowNest {
 public:
  RowNest(Compute nest, int64_t lanes, StorePlace to)
      : nest_(std::move(nest)), lanes_(lanes), to_(std::move(to)), column_(Innermost(nest_.axes)) {
    if (column_ == 0) column_ = nest_.axes.size();  // that is the row
  }

  Stmt Lower() const {
    if (nest_.reducer == Reducer::kNone) return Map();
    return WalksColumns() ? ReduceColumns() : ReduceRow();
  }

 private:
  bool HasColumns() const { return column_ < nest_.axes.size(); }
  bool WalksColumns() const {
    return HasColumns() && EveryLoad(nest_, [&](const Expr& load) {
             return WalksMemory(load, nest_.axes[column_].var);
           });
  }

  Stmt LowerTo(Schedule* sch) const {
    sch->StoreAt(to_.buffer, to_.indices);
    return sch->Lower().body;
  }

  Stmt Map() const {
    Schedule sch(nest_);
    if (!HasColumns()) return LowerTo(&sch);
    std::vector<Loop> order;
    for (size_t i = 0; i < nest_.axes.size(); ++i) {
      if (i != column_) order.push_back(sch.axis(i));
    }
    const int64_t extent = nest_.axes[column_].extent;
    const auto [columns, lane] = sch.Split(sch.axis(column_), std::min(lanes_, extent));
    order.insert(order.end(), {columns, lane});
    sch.Vectorize(lane);
    sch.Reorder(order);
    sch.AccumulateAt(static_cast<int>(order.size()) - 1);
    return LowerTo(&sch);
  }

  // Vectors of columns, several at once and of all rows.
  Stmt ReduceColumns() const {
    Schedule sch(nest_);
    const int64_t extent = nest_.axes[column_].extent;
    std::vector<Loop> order;
    for (size_t i = 1; i < nest_.axes.size(); ++i) {
      if (i != column_) order.push_back(sch.axis(i));
    }
    const auto [all, lane] = sch.Split(sch.axis(column_), std::min(lanes_, extent));
    const auto [outer, vector] = sch.Split(all, extent % lanes_ == 0 ? VectorsOf(extent) : 1);
    order.push_back(outer);
    sch.AccumulateAt(static_cast<int>(order.size()));
    for (size_t i = 0; i < nest_.reduce.size(); ++i) order.push_back(sch.reduce(i));
    order.insert(order.end(), {sch.axis(0), vector, lane});
    sch.Unroll(sch.axis(0));
    sch.Unroll(vector);
    sch.Vectorize(lane);
    sch.Reorder(order);
    return LowerTo(&sch);
  }

  // How many vectors of so many columns are enough accumulators beside the rows.
  int64_t VectorsOf(int64_t columns) const {
    int64_t vectors = std::max<int64_t>(1, kAccumulators / nest_.axes[0].extent);
    while (columns / lanes_ % vectors != 0) --vectors;
    return vectors;
  }

  // Lanes along the innermost reduction, whole vectors first.
  Stmt ReduceRow() const {
    const size_t axis = Innermost(nest_.reduce);
    if (axis == nest_.reduce.size()) {
      Schedule sch(nest_);
      return LowerTo(&sch);
    }
    const int64_t extent = nest_.reduce[axis].extent, whole = extent / lanes_ * lanes_;
    if (whole == 0 || whole == extent) {
      return ReducePart(nest_, axis, whole == 0 ? extent : RowVectorOf(extent), to_);
    }
    Shape shape;
    for (const Axis& each : nest_.axes) shape.push_back(each.extent);
    const Buffer partial =
        MakeBuffer("partial", nest_.body->dtype, std::move(shape), Scope::kStack);
    const StorePlace kept{partial, Vars(nest_.axes)};
    Compute most = PartOf(axis, 0, whole), rest = PartOf(axis, whole, extent - whole);
    most.result = nullptr;
    if (rest.result == nullptr) {
      rest.acc = Var("acc", rest.body->dtype);
      rest.result = rest.acc;
    }
    const Expr all = Combine(rest.reducer, Load(partial, kept.indices), rest.acc);
    rest.result = Substitute(rest.result, Substitution{{rest.acc.get(), all}});
    return Alloc(partial, Seq({ReducePart(most, axis, RowVectorOf(whole), kept),
                               ReducePart(rest, axis, extent - whole, to_)}));
  }

  // Lanes of one accumulator: of two or four registers where rows and columns are too few.
  int64_t RowVectorOf(int64_t extent) const {
    int64_t vectors = HasColumns() ? 1 : 4;
    while (vectors > 1 &&
           (vectors * nest_.axes[0].extent > kAccumulators || extent / lanes_ % vectors != 0)) {
      vectors /= 2;
    }
    return lanes_ * vectors;
  }

  Compute PartOf(size_t axis, int64_t first, int64_t extent) const {
    Compute part = nest_;
    Axis& reduced = part.reduce[axis];
    reduced.extent = extent;
    part.body = Substitute(part.body, Substitution{{reduced.var.get(), reduced.var + first}});
    return part;
  }

  // Results of several rows and columns at once, each with lanes of its own.
  Stmt ReducePart(const Compute& part, size_t axis, int64_t vector, const StorePlace& to) const {
    Schedule sch(part);
    std::vector<Loop> order, tile;
    for (size_t i = 0; i < part.axes.size(); ++i) {
      if (i != 0 && i != column_) {
        order.push_back(sch.axis(i));
        continue;
      }
      const int64_t rows = part.axes[0].extent, extent = part.axes[i].extent;
      const int64_t together = i == 0 ? rows : std::max<int64_t>(1, kAccumulators / rows);
      const auto [outer, inner] = sch.Split(sch.axis(i), std::min(together, extent));
      order.push_back(outer);
      tile.push_back(inner);
      sch.Unroll(inner);
    }
    sch.AccumulateAt(static_cast<int>(order.size()));
    for (size_t i = 0; i < part.reduce.size(); ++i) {
      if (i != axis) order.push_back(sch.reduce(i));
    }
    const auto [vectors, lane] = sch.Split(sch.reduce(axis), vector);
    order.push_back(vectors);
    order.insert(order.end(), tile.begin(), tile.end());
    order.push_back(lane);
    sch.Vectorize(lane);
    sch.Reorder(order);
    sch.StoreAt(to.buffer, to.indices);
    return sch.Lower().body;
  }

  const Compute nest_;
  const int64_t lanes_;
  const StorePlace to_;
  size_t column_;  // the axis that is vectorised; the number of axes: none
};

// Blocks of rows of the innermost shared axis.
class RowBlocks {
 public:
  RowBlocks(const Compute& compute, int64_t lanes)
      : compute_(compute), lanes_(lanes), row_(compute.axes[compute.rows - 1]) {
    const int64_t most =
        std::max<int64_t>(1, kBlockBytes / std::max<int64_t>(1, RowBytes(compute)));
    block_ = std::min({row_.extent, kAccumulators, most});
    for (const Compute& stage : compute.stages) {
      std::vector<int64_t> shape = stage.output->shape;
      shape.insert(shape.begin(), block_);
      scratch_.push_back(
          MakeBuffer(stage.output->name, stage.output->dtype, std::move(shape), Scope::kStack));
    }
  }

  Stmt Lower() const {
    const int64_t whole = row_.extent / block_, rest = row_.extent % block_;
    const Expr block = Var("block");
    Stmt body = Block(block * block_, block_);
    if (rest != 0) body = If(Lt(block, Int(whole)), body, Block(Int(whole * block_), rest));
    for (const Buffer& buffer : scratch_) body = Alloc(buffer, std::move(body));
    const auto first = compute_.axes.begin();
    std::vector<Axis> loops(first, first + static_cast<ptrdiff_t>(compute_.rows) - 1);
    loops.push_back({block, whole + (rest != 0 ? 1 : 0)});
    return ParallelNest(loops, WorkOfRows(compute_), std::move(body));
  }

 private:
  Stmt Block(const Expr& first, int64_t count) const {
    std::vector<Stmt> nests;
    for (size_t i = 0; i < compute_.stages.size(); ++i) {
      nests.push_back(StageNest(i, first, count));
    }
    nests.push_back(OutputNest(first, count));
    return Seq(std::move(nests));
  }

  Stmt StageNest(size_t i, const Expr& first, int64_t count) const {
    const Compute& stage = compute_.stages[i];
    const Expr row = Var("row");
    std::vector<Expr> indices = Vars(stage.axes);
    indices.insert(indices.begin(), row);
    return Nest(stage, stage.axes, {{row, count}, first}, {scratch_[i], std::move(indices)});
  }

  Stmt OutputNest(const Expr& first, int64_t count) const {
    const Expr row = Var("row");
    std::vector<Expr> indices = Vars(compute_.axes);
    indices[compute_.rows - 1] = first + row;
    return Nest(compute_, OwnAxes(compute_), {{row, count}, first},
                {compute_.output, std::move(indices)});
  }

  // Rows counted from the block's first one, in which scratch is indexed.
  struct RowsOfBlock {
    Axis row;
    Expr first;
  };

  Stmt Nest(const Compute& of, std::vector<Axis> own, const RowsOfBlock& rows,
            StorePlace to) const {
    Compute nest{.name = of.name, .output = to.buffer, .reduce = of.reduce, .reducer = of.reducer};
    own.insert(own.begin(), rows.row);
    nest.axes = std::move(own);
    nest.acc = of.acc;
    nest.body = InBlock(of.body, rows);
    if (of.result != nullptr) nest.result = InBlock(of.result, rows);
    return RowNest(std::move(nest), lanes_, std::move(to)).Lower();
  }

  Expr InBlock(const Expr& e, const RowsOfBlock& rows) const {
    const Expr& row = rows.row.var;
    const Expr moved = Substitute(e, Substitution{{row_.var.get(), rows.first + row}});
    return Rewrite(moved, [&](const Expr& part) {
      if (part->kind != ExprKind::kLoad) return part;
      for (size_t i = 0; i < scratch_.size(); ++i) {
        if (part->buffer != compute_.stages[i].output) continue;
        std::vector<Expr> indices = part->operands;
        indices.insert(indices.begin(), row);
        return Load(scratch_[i], std::move(indices));
      }
      return part;
    });
  }

  const Compute& compute_;
  const int64_t lanes_;
  const Axis row_;
  int64_t block_;
  std::vector<Buffer> scratch_;  // of the stages
};

}  // namespace

Program ScheduleRows(const Compute& compute, const Target& target) {
  Program program{.name = compute.name, .params = compute.inputs};
  program.params.push_back(compute.output);
  program.body = RowBlocks(compute, VectorLanes(target)).Lower();
  return program;
}

}  // namespace tilewright
