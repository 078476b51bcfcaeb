#include "compiler/templates/support/row_stages.h"

#include <algorithm>

#include "compiler/schedule/schedule.h"

namespace tilewright {
namespace {

// Rows that are reduced together, so that one's operations hide another's latency.
constexpr int64_t kReducedRows = 8;
constexpr int64_t kUnroll = 4;  // steps of a product's sum

int64_t LargestDivisor(int64_t extent, int64_t limit) {
  int64_t best = 1;
  for (int64_t d = 2; d <= std::min(extent, limit); ++d) best = extent % d == 0 ? d : best;
  return best;
}

// Columns in vectors of so many lanes.
struct Columns {
  int64_t first, count, lanes;
};

std::vector<Columns> ColumnsOf(int64_t extent, int64_t lanes) {
  const int64_t whole = extent / lanes * lanes;
  std::vector<Columns> parts;
  if (whole > 0) parts.push_back({0, whole, lanes});
  if (whole < extent) parts.push_back({whole, extent - whole, extent - whole});
  return parts;
}

// Over rows and one part's columns. Only its nest is used, so that nobody asks for its inputs.
Compute OverRows(int64_t rows, const Columns& part, const Buffer& output) {
  Compute c{.name = "stage", .output = output};
  c.axes = {{Var("r"), rows}, {Var("c"), part.count}};
  return c;
}

Stmt LowerTo(const Destination& to, const Expr& row, const Expr& column, Schedule* sch) {
  sch->StoreAt(to.buffer, to.at(row, column));
  if (to.only != nullptr) sch->StoreOnlyIf(to.only(row));
  return sch->Lower().body;
}

}  // namespace

Stmt RowStages::Map(int64_t columns, const Destination& to, const ElementFn& value) const {
  std::vector<Stmt> parts;
  for (const Columns& part : ColumnsOf(columns, lanes)) {
    Compute c = OverRows(rows, part, to.buffer);
    const Expr row = c.axes[0].var, column = c.axes[1].var + part.first;
    c.body = value(row, column);
    Schedule sch(std::move(c));
    sch.Vectorize(sch.Split(sch.axis(1), part.lanes).second);
    parts.push_back(LowerTo(to, row, column, &sch));
  }
  return Seq(std::move(parts));
}

Stmt RowStages::Multiply(int64_t columns, const RegisterTile& tile, const Sum& sum,
                         const Destination& to) const {
  std::vector<Stmt> parts;
  for (const Columns& part : ColumnsOf(columns, lanes)) {
    Compute c = OverRows(rows, part, to.buffer);
    c.reduce = {{Var("k"), sum.extent}};
    c.reducer = Reducer::kSum;
    c.acc = Var("sum", DType::kF32);
    const Expr row = c.axes[0].var, column = c.axes[1].var + part.first;
    c.body = sum.product(row, column, c.reduce[0].var);
    c.result = sum.result(c.acc, row, column);
    Schedule sch(std::move(c));
    const auto [tiles, tile_row] = sch.Split(sch.axis(0), tile.rows);
    const auto [all, lane] = sch.Split(sch.axis(1), part.lanes);
    const auto [outer, vector] =
        sch.Split(all, LargestDivisor(part.count / part.lanes, tile.vectors));
    const auto [k, step] = sch.Split(sch.reduce(0), LargestDivisor(sum.extent, kUnroll));
    sch.Reorder({outer, tiles, k, step, tile_row, vector, lane});
    sch.AccumulateAt(2);
    for (const Loop& loop : {step, tile_row, vector}) sch.Unroll(loop);
    sch.Vectorize(lane);
    parts.push_back(LowerTo(to, row, column, &sch));
  }
  return Seq(std::move(parts));
}

Stmt RowStages::Reduce(Reducer reducer, const RowSource& from, const Buffer& into,
                       bool holds) const {
  std::vector<Stmt> parts;
  for (const Columns& part : ColumnsOf(from.columns, lanes)) {
    Compute c{.name = "reduction", .output = into};
    c.axes = {{Var("r"), rows}};
    c.reduce = {{Var("c"), part.count}};
    c.reducer = reducer;
    c.acc = Var("reduced", DType::kF32);
    const Expr row = c.axes[0].var;
    c.body = Load(from.buffer, {row, c.reduce[0].var + part.first});
    c.result = holds || part.first > 0 ? Combine(reducer, c.acc, Load(into, {row})) : c.acc;
    Schedule sch(std::move(c));
    const auto [tiles, tile_row] = sch.Split(sch.axis(0), LargestDivisor(rows, kReducedRows));
    const auto [vectors, lane] = sch.Split(sch.reduce(0), part.lanes);
    sch.Reorder({tiles, vectors, tile_row, lane});
    sch.AccumulateAt(1);
    sch.Unroll(tile_row);
    sch.Vectorize(lane);
    parts.push_back(sch.Lower().body);
  }
  return Seq(std::move(parts));
}

Stmt RowStages::ForRows(const std::vector<std::pair<Buffer, RowFn>>& stores) const {
  const Expr row = Var("r");
  std::vector<Stmt> body;
  for (const auto& [to, value] : stores) body.push_back(Store(to, {row}, value(row)));
  return For(row, rows, LoopKind::kVectorized, Seq(std::move(body)));
}

}  // namespace tilewright
