#include "compiler/templates/support/warpgroup_gemm.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "compiler/loop/simplify.h"
#include "compiler/loop/threads.h"
#include "compiler/schedule/part_sums.h"
#include "compiler/templates/support/pixel_tiles.h"

namespace tilewright {
namespace {

// Beside sums: addresses, counters and the epilogue's. Compiled kernels had 26 to 28 without one.
constexpr int64_t kBesideSums = 36;
// And where the last block reads others' sums: 64 of them and an epilogue spilled 14 of 168.
constexpr int64_t kPlaces = 24;
constexpr int64_t kBarrierBytes = 16;  // of a slot

int64_t Quotient(int64_t value, int64_t by) { return (value + by - 1) / by; }

class WarpgroupLowerer {
 public:
  WarpgroupLowerer(const TensorCoreGemm& gemm, const WarpgroupSchedule& schedule,
                   const TileOp& multiply)
      : gemm_(gemm), schedule_(schedule), op_(multiply), launch_(NeedsOf(gemm, schedule).launch) {
    left_ = MakeSlots("left_slots", gemm.left, schedule.rows(), 1);
    right_ = gemm.right_rows_are_depth
                 ? MakeSlots("right_slots", gemm.right, StageDepth(op_.type), RightBoxes())
                 : MakeSlots("right_slots", gemm.right, schedule.columns, 1);
    sums_ = MakeBuffer("sums", AccumulatorOf(op_.type), {schedule.row_tiles, schedule.columns / 2},
                       Scope::kRegister);
    // Blocks run along x first: `raster` of m, then of n, then the next of m.
    const int64_t rasters = Quotient(gemm.m, schedule.rows()) / schedule.raster;
    tile_m_ = FloorMod(block_z_, rasters) * schedule.raster + block_x_;
    batch_ = FloorDiv(block_z_, rasters);
    if (!schedule.last_block) return;
    const int64_t tiles_m = rasters * schedule.raster, tiles_n = launch_.grid[1];
    const Expr tile = (FloorMod(batch_, gemm.batch) * tiles_n + block_y_) * tiles_m + tile_m_;
    parts_ = PartSums(gemm.compute, sums_->dtype, schedule.split_k);
    parts_.SetBlocks(FloorDiv(batch_, gemm.batch), tile, gemm.batch * tiles_n * tiles_m);
  }

  Program Lower() const {
    Program program{.name = gemm_.compute.name, .params = gemm_.inputs};
    if (schedule_.last_block) parts_.AddTo(&program);
    program.params.push_back(gemm_.compute.output);
    Stmt inside =
        Seq({OfUsers(ZeroSums()),
             Pipeline(stage_, StagesOf(gemm_, schedule_), schedule_.slots, {Fill(), Use()}),
             schedule_.last_block ? LastResults() : OfUsers(Results())});
    inside = Alloc(sums_, std::move(inside));
    inside = For(thread_, launch_.block[0], ThreadAxis::kThreadX, std::move(inside));
    inside = Alloc(left_, Alloc(right_, std::move(inside)));
    inside = For(block_x_, launch_.grid[0], ThreadAxis::kBlockX, std::move(inside));
    inside = For(block_y_, launch_.grid[1], ThreadAxis::kBlockY, std::move(inside));
    inside = For(block_z_, launch_.grid[2], ThreadAxis::kBlockZ, std::move(inside));
    program.body = Simplify(inside);
    return program;
  }

 private:
  // Boxes of right in a slot.
  int64_t RightBoxes() const {
    return gemm_.right_rows_are_depth ? schedule_.columns / StageDepth(op_.type) : 1;
  }

  // Slots, boxes of each, and a box in as many dimensions as the source.
  Buffer MakeSlots(const char* name, const StagedMatrix& matrix, int64_t rows,
                   int64_t boxes) const {
    std::vector<int64_t> box = matrix.box;
    if (box.empty()) {
      box.resize(matrix.source->shape.size() - 1, 1);
      box.back() = rows;
    }
    std::vector<int64_t> shape = {schedule_.slots, boxes};
    shape.insert(shape.end(), box.begin(), box.end());
    shape.push_back(StageDepth(op_.type));
    return MakeBuffer(name, op_.type, std::move(shape), Scope::kShared);
  }

  // A row of a box of the stage's slot.
  Expr InSlot(const Buffer& slots, const Expr& row, int64_t box = 0) const {
    std::vector<Expr> at(slots->shape.size(), Int(0));
    at[0] = FloorMod(stage_, schedule_.slots);
    at[1] = Int(box);
    at.end()[-2] = row;
    return Load(slots, std::move(at));
  }

  Stmt OfUsers(Stmt s) const { return If(Lt(thread_, Int(schedule_.users())), std::move(s)); }

  Stmt Fill() const {
    const int64_t depth = StageDepth(op_.type);
    const Expr part = FloorDiv(batch_, gemm_.batch), batch = FloorMod(batch_, gemm_.batch);
    const Expr k = (part * StagesOf(gemm_, schedule_) + stage_) * depth;
    const auto load = [&](const Expr& slot, const StagedMatrix& matrix, const Expr& row,
                          const Expr& column) {
      return TileStmt(BoxLoadOf(op_.type),
                      {slot, Load(matrix.source, matrix.at(batch, row, column))});
    };
    std::vector<Stmt> all = {
        load(InSlot(left_, Int(0)), gemm_.left, tile_m_ * schedule_.rows(), k)};
    const Expr n = block_y_ * schedule_.columns;
    for (int64_t box = 0; box < RightBoxes(); ++box) {
      all.push_back(gemm_.right_rows_are_depth
                        ? load(InSlot(right_, Int(0), box), gemm_.right, k, n + box * depth)
                        : load(InSlot(right_, Int(0)), gemm_.right, n, k));
    }
    return Seq(std::move(all));
  }

  // The first row of a warpgroup's tile in the block's.
  Expr FirstRow(const Expr& tile) const {
    const Expr group = FloorDiv(thread_, kGroupThreads);
    return (group * schedule_.row_tiles + tile) * kGroupRows;
  }

  Stmt Use() const {
    const Expr tile = Var("tile");
    const Stmt multiply = TileStmt(
        op_, {Load(sums_, {tile, Int(0)}), InSlot(left_, FirstRow(tile)), InSlot(right_, Int(0))});
    return For(tile, schedule_.row_tiles, LoopKind::kUnrolled, multiply);
  }

  Stmt ZeroSums() const {
    const Expr tile = Var("tile"), i = Var("i");
    const Stmt zero = Store(sums_, {tile, i}, Const(0, sums_->dtype));
    return For(tile, schedule_.row_tiles, LoopKind::kUnrolled,
               For(i, schedule_.columns / 2, LoopKind::kUnrolled, zero));
  }

  // What gemm.axes is given.
  Expr Batch() const { return schedule_.last_block ? FloorMod(batch_, gemm_.batch) : batch_; }

  // For each of this thread's sums: where it is, and its row and column of d.
  using SumBody =
      std::function<Stmt(const std::vector<Expr>& at, const Expr& row, const Expr& column)>;

  // Where a sum lies (TileOperand::place) in terms of the thread.
  Stmt ForSums(const SumBody& body) const {
    const Expr tile = Var("tile"), eight = Var("eight"), half = Var("half"), e = Var("e");
    const Expr lane = FloorMod(thread_, kWarpThreads);
    const Expr warp = FloorMod(FloorDiv(thread_, kWarpThreads), kGroupThreads / kWarpThreads);
    const Expr row = FirstRow(tile) + warp * kTileRows + half * 8 + FloorDiv(lane, 4);
    const Expr column = eight * kTileColumns + FloorMod(lane, 4) * 2 + e;
    Stmt inside = body({tile, eight * 4 + half * 2 + e}, tile_m_ * schedule_.rows() + row,
                       block_y_ * schedule_.columns + column);
    // Columns last: what an epilogue derives of one serves all its rows and is then forgotten.
    for (const auto& [var, extent] : {std::pair{e, int64_t{2}},
                                      {half, int64_t{2}},
                                      {tile, schedule_.row_tiles},
                                      {eight, schedule_.columns / kTileColumns}}) {
      inside = For(var, extent, LoopKind::kUnrolled, std::move(inside));
    }
    return inside;
  }

  Stmt Results() const {
    return ForSums([this](const std::vector<Expr>& at, const Expr& row, const Expr& column) {
      return StoreResult(gemm_, {Batch(), row, column}, Load(sums_, at));
    });
  }

  // Leaves the sums for the last block of the tile, which adds all and stores the results. The warp
  // that fills slots only meets the others.
  Stmt LastResults() const {
    const Stmt leave =
        ForSums([this](const std::vector<Expr>& at, const Expr& row, const Expr& column) {
          const std::vector<Expr> axes = gemm_.axes(Batch(), row, column);
          return IfInside(gemm_, row, column, parts_.Leave(axes, Load(sums_, at)));
        });
    const auto add = [this](const Expr& part) {
      return OfUsers(ForSums([&](const std::vector<Expr>& at, const Expr& row, const Expr& column) {
        const Expr other = parts_.Of(part, gemm_.axes(Batch(), row, column));
        return IfInside(gemm_, row, column, Store(sums_, at, Load(sums_, at) + other));
      }));
    };
    return parts_.InLastBlock(OfUsers(leave), OfUsers(ZeroSums()), add, OfUsers(Results()));
  }

  const TensorCoreGemm& gemm_;
  const WarpgroupSchedule& schedule_;
  const TileOp& op_;
  const Launch launch_;
  const Expr thread_ = Var("thread"), stage_ = Var("stage");
  const Expr block_x_ = Var("block_x"), block_y_ = Var("block_y"), block_z_ = Var("block_z");
  Expr tile_m_, batch_;
  Buffer left_, right_, sums_;
  PartSums parts_;  // where the last block adds them
};

}  // namespace

int64_t StageDepth(DType type) { return kRowBytes / static_cast<int64_t>(SizeOf(type)); }

int64_t ColumnTiles(const TensorCoreGemm& gemm, int64_t columns) {
  return gemm.pixels ? PixelTiles(*gemm.pixels, columns).count() : Quotient(gemm.n, columns);
}

int64_t StagesOf(const TensorCoreGemm& gemm, const WarpgroupSchedule& schedule) {
  const int64_t all = Quotient(gemm.k, StageDepth(gemm.left.source->dtype));
  return Quotient(all, schedule.split_k);
}

TensorCoreNeeds NeedsOf(const TensorCoreGemm& gemm, const WarpgroupSchedule& schedule) {
  const int64_t tiles_m = Quotient(gemm.m, schedule.rows());
  TensorCoreNeeds needs;
  needs.launch.grid = {schedule.raster, ColumnTiles(gemm, schedule.columns),
                       tiles_m / schedule.raster * gemm.batch * schedule.split_k};
  needs.launch.block = {schedule.users() + kWarpThreads, 1, 1};
  needs.launch.shared_bytes =
      schedule.slots * ((schedule.rows() + schedule.columns) * kRowBytes + kBarrierBytes) +
      (schedule.last_block ? kLastBlockBytes : 0);
  const DType type = gemm.left.source->dtype;
  // Where integer sums begin and end in one stage, ptxas keeps their zeros beside them.
  const bool twice = !IsFloat(type) && StagesOf(gemm, schedule) == 1;
  const int64_t sums = schedule.row_tiles * schedule.columns / 2;
  // The last block reads as many sums of another part as it has, all at once.
  const int64_t read = schedule.last_block ? sums + kPlaces : 0;
  needs.registers = sums + std::max(twice ? sums : 0, read) + kBesideSums;
  return needs;
}

Program LowerWarpgroups(const TensorCoreGemm& gemm, const WarpgroupSchedule& schedule,
                        const TileOp& multiply) {
  return WarpgroupLowerer(gemm, schedule, multiply).Lower();
}

}  // namespace tilewright
