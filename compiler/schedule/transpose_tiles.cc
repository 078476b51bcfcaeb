#include "compiler/schedule/transpose_tiles.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "compiler/loop/simplify.h"
#include "compiler/loop/visit.h"
#include "compiler/schedule/parallel_loops.h"

namespace tilewright {
namespace {

constexpr int64_t kShortest = 4;    // axes with fewer elements are not worth a tile
constexpr int64_t kMostStride = 4;  // between lanes, of loads that need no transpose
constexpr int64_t kCacheLine = 64;  // bytes

Expr PointValue(const Compute& compute) {
  Expr value = compute.result != nullptr ? compute.result : compute.body;
  if (compute.predicate != nullptr) {
    value = Select(compute.predicate, value, InitialValue(Reducer::kNone, value->dtype));
  }
  return Cast(value, compute.output->dtype);
}

// Row-major offset of what a load reads.
Expr OffsetOf(const Expr& load) {
  Expr offset = Int(0);
  for (size_t d = 0; d < load->operands.size(); ++d) {
    offset = offset * load->buffer->shape[d] + load->operands[d];
  }
  return offset;
}

// How loads move along one axis within tiles of it that start at multiples of `side`.
class AxisSteps {
 public:
  AxisSteps(const Compute& compute, size_t axis, int64_t side) : lane_(Var("lane")) {
    const Axis& stepped = compute.axes[axis];
    const Expr tile = Var("tile");
    for (const Axis& other : compute.axes) ranges_[other.var.get()] = {0, other.extent - 1};
    ranges_[lane_.get()] = {0, std::min(side, stepped.extent) - 1};
    ranges_[tile.get()] = {0, (stepped.extent - 1) / side};
    in_tile_ = {{stepped.var.get(), tile * side + lane_}};
  }

  // True when every load in `e` moves by 0 to `most` elements from one lane to the next.
  bool Fit(const Expr& e, int64_t most) const {
    bool fit = true;
    ForEachExpr(e, [&](const Expr& part) {
      if (part->kind != ExprKind::kLoad) return;
      const std::optional<int64_t> step = StepOf(part);
      fit = fit && step && *step >= 0 && *step <= most;
    });
    return fit;
  }

  bool HasContiguousLoad(const Expr& e) const {
    bool found = false;
    ForEachExpr(e, [&](const Expr& part) {
      found = found || (part->kind == ExprKind::kLoad && StepOf(part) == 1);
    });
    return found;
  }

 private:
  std::optional<int64_t> StepOf(const Expr& load) const {
    const std::optional<Affine> affine =
        AffineIn(Simplify(Substitute(OffsetOf(load), in_tile_), ranges_), lane_);
    if (!affine) return std::nullopt;
    return affine->coefficient;
  }

  Expr lane_;
  Ranges ranges_;
  Substitution in_tile_;
};

// One expression that is computed row by row, and where its values wait.
struct StagedTile {
  Expr value;
  Buffer tile;
};

class TileNest {
 public:
  // Tiles of the innermost axis, along which results are stored, and of axis `across`.
  TileNest(const Compute& compute, size_t across, int64_t side)
      : compute_(compute),
        store_axis_(compute.axes.back()),
        load_axis_(compute.axes[across]),
        across_(across),
        side_(side),
        row_(Var("row")),
        column_(Var("column")),
        along_(compute, compute.axes.size() - 1, side),
        steps_(compute, across, side) {
    value_ = Staged(PointValue(compute));
  }

  // False when the definition is none of those that TransposeTiles is for.
  bool Fits() const {
    return value_ != nullptr &&
           std::any_of(tiles_.begin(), tiles_.end(), [&](const StagedTile& staged) {
             return steps_.HasContiguousLoad(staged.value);
           });
  }

  // REQUIRES: Fits.
  Program Lower() const {
    Program program{.name = compute_.name, .params = compute_.inputs};
    program.params.push_back(compute_.output);
    const Expr block = Var("block");
    std::vector<Axis> loops;
    for (size_t i = 0; i + 1 < compute_.axes.size(); ++i) {
      if (i != across_) loops.push_back(compute_.axes[i]);
    }
    loops.push_back({block, (load_axis_.extent + BlockSize() - 1) / BlockSize()});
    int64_t work = 1;
    for (const Axis& axis : compute_.axes) work *= axis.extent;
    program.body = Simplify(ParallelNest(loops, work, Block(block)));
    return program;
  }

 private:
  // `e` at (row_, column_) of a tile, reading parts that stride from the tiles they are staged in;
  // null when a part fits neither direction, or stands behind a condition that guards its reads.
  Expr Staged(const Expr& e) {
    if (along_.Fit(e, kMostStride)) return e;
    if (steps_.Fit(e, 1)) return Load(TileOf(e), {row_, column_});
    const bool guards = e->kind == ExprKind::kSelect || e->dtype == DType::kBool;
    if (guards || e->kind == ExprKind::kLoad) return nullptr;
    ExprNode node = *e;
    for (Expr& operand : node.operands) {
      operand = Staged(operand);
      if (operand == nullptr) return nullptr;
    }
    return std::make_shared<const ExprNode>(std::move(node));
  }

  const Buffer& TileOf(const Expr& value) {
    for (const StagedTile& staged : tiles_) {
      if (Equal(staged.value, value)) return staged.tile;
    }
    tiles_.push_back({value, MakeBuffer(absl::StrCat("tile", tiles_.size()), value->dtype,
                                        {side_, side_}, Scope::kRegister)});
    return tiles_.back().tile;
  }

  // Positions of `load_axis_` that are taken together, so that cache lines are read whole.
  int64_t BlockSize() const {
    const int64_t bytes = side_ * static_cast<int64_t>(SizeOf(tiles_[0].value->dtype));
    return side_ * std::max<int64_t>(1, kCacheLine / bytes);
  }

  // All of `store_axis_` for one block of `load_axis_`.
  Stmt Block(const Expr& block) const {
    const int64_t whole = load_axis_.extent / BlockSize(), rest = load_axis_.extent % BlockSize();
    const Stmt last = rest == 0 ? nullptr : Strip(Int(whole * BlockSize()), rest);
    if (whole == 0) return last;
    const Stmt full = Strip(block * BlockSize(), BlockSize());
    return last == nullptr ? full : If(Lt(block, Int(whole)), full, last);
  }

  // A last tile that would be short begins earlier: stores some elements twice, all by vectors.
  Stmt Strip(const Expr& first, int64_t count) const {
    const int64_t extent = store_axis_.extent;
    if (extent < side_) return Tiles(Int(0), extent, first, count);
    const Expr tile = Var("tile");
    Stmt whole =
        For(tile, extent / side_, LoopKind::kSerial, Tiles(tile * side_, side_, first, count));
    if (extent % side_ == 0) return whole;
    return Seq({std::move(whole), Tiles(Int(extent - side_), side_, first, count)});
  }

  Stmt Tiles(const Expr& store_first, int64_t rows, const Expr& load_first, int64_t count) const {
    std::vector<Stmt> tiles;
    for (int64_t at = 0; at < count; at += side_) {
      tiles.push_back(Tile(store_first, rows, load_first + at, std::min(side_, count - at)));
    }
    return Seq(std::move(tiles));
  }

  Stmt Tile(const Expr& store_first, int64_t rows, const Expr& load_first, int64_t columns) const {
    const Substitution at = {{store_axis_.var.get(), store_first + row_},
                             {load_axis_.var.get(), load_first + column_}};
    std::vector<Stmt> body;
    for (const StagedTile& staged : tiles_) {
      const Stmt store = Store(staged.tile, {row_, column_}, Substitute(staged.value, at));
      body.push_back(For(row_, rows, LoopKind::kUnrolled,
                         For(column_, columns, LoopKind::kVectorized, store)));
    }
    std::vector<Expr> position = Vars(compute_.axes);
    for (Expr& index : position) index = Substitute(index, at);
    const Stmt store = Store(compute_.output, std::move(position), Substitute(value_, at));
    body.push_back(
        For(column_, columns, LoopKind::kUnrolled, For(row_, rows, LoopKind::kVectorized, store)));
    Stmt tile = Seq(std::move(body));
    for (const StagedTile& staged : tiles_) tile = Alloc(staged.tile, std::move(tile));
    return tile;
  }

  const Compute& compute_;
  const Axis &store_axis_, &load_axis_;
  const size_t across_;
  const int64_t side_;
  const Expr row_, column_;  // within a tile: along store_axis_, along load_axis_
  const AxisSteps along_, steps_;
  std::vector<StagedTile> tiles_;
  Expr value_;
};

}  // namespace

std::optional<Program> TransposeTiles(const Compute& compute, int64_t lanes) {
  const bool map = compute.reducer == Reducer::kNone && compute.axes.size() >= 2;
  if (!map || compute.axes.back().extent < kShortest) return std::nullopt;
  for (size_t across = compute.axes.size() - 1; across-- > 0;) {
    if (compute.axes[across].extent < kShortest) continue;
    const TileNest nest(compute, across, lanes);
    if (nest.Fits()) return nest.Lower();
  }
  return std::nullopt;
}

}  // namespace tilewright
