#include "compiler/templates/support/tensor_core_gemm.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "compiler/loop/simplify.h"
#include "compiler/loop/threads.h"
#include "compiler/schedule/part_sums.h"
#include "compiler/templates/support/store_result.h"
#include "compiler/templates/support/tensor_core_stage.h"

namespace tilewright {
namespace {

// Beside sums, fragments and what is fetched: addresses and counters. Compiled kernels of warp
// tiles from 32x32 to 64x64 had 45 to 75.
constexpr int64_t kAddressRegisters = 60;

int64_t UpDivide(int64_t value, int64_t by) { return (value + by - 1) / by; }

// Bytes of a 16-byte row of a fragment, in elements.
int64_t RowElements(const TileOp& multiply) {
  return 16 / static_cast<int64_t>(SizeOf(multiply.type));
}

class TensorCoreLowerer {
 public:
  TensorCoreLowerer(const TensorCoreGemm& gemm, const TensorCoreSchedule& schedule,
                    const TileOp& multiply)
      : gemm_(gemm), schedule_(schedule), op_(multiply) {
    tiles_m_ = schedule.warp_rows / kTileRows;
    const int64_t tiles_n = schedule.warp_columns / kTileColumns;
    pair_ = tiles_n % 2 == 0 ? 2 : 1;
    pairs_ = tiles_n / pair_;
    const int64_t words = 4 / static_cast<int64_t>(SizeOf(op_.type));
    left_elements_ = kTileRows * op_.depth / kWarpThreads;
    right_elements_ = kTileColumns * op_.depth / kWarpThreads;
    left_fragment_ =
        MakeBuffer("left_fragment", op_.type, {tiles_m_, left_elements_}, Scope::kRegister);
    right_fragment_ =
        MakeBuffer("right_fragment", op_.type, {pairs_, pair_ * right_elements_}, Scope::kRegister);
    load_left_ = &MatrixLoadOf(op_.type, left_elements_ / words, false);
    load_right_ =
        &MatrixLoadOf(op_.type, pair_ * right_elements_ / words, gemm.right_rows_are_depth);
    sums_ = MakeBuffer("sums", AccumulatorOf(op_.type), {tiles_m_, pairs_, pair_ * 4},
                       Scope::kRegister);
    MakeStages();
    if (!schedule.last_block) return;
    const Launch launch = NeedsOf(gemm, schedule, multiply).launch;
    const Expr tile = (FloorMod(batch_, gemm.batch) * launch.grid[1] + tile_n_) * launch.grid[0];
    parts_ = PartSums(gemm.compute, sums_->dtype, schedule.split_k);
    parts_.SetBlocks(Part(), tile + tile_m_, launch.blocks() / schedule.split_k);
  }

  Program Lower() {
    Program program{.name = gemm_.compute.name, .params = gemm_.inputs};
    if (schedule_.last_block) parts_.AddTo(&program);
    program.params.push_back(gemm_.compute.output);
    const Stmt products = schedule_.double_buffer ? Overlapped()
                          : schedule_.parts() > 1 ? Ring()
                                                  : InTurn();
    Stmt inside = Seq({ZeroSums(), products, schedule_.last_block ? LastResults() : Results()});
    for (const Buffer& registers : {sums_, left_fragment_, right_fragment_}) {
      inside = Alloc(registers, std::move(inside));
    }
    for (const TensorCoreStage& stage : {left_, right_}) {
      if (schedule_.double_buffer) inside = Alloc(stage.next, std::move(inside));
    }
    inside = For(lane_, kWarpThreads, ThreadAxis::kThreadX, std::move(inside));
    inside = For(row_warp_, schedule_.row_warps, ThreadAxis::kThreadY, std::move(inside));
    inside = For(column_warp_, schedule_.column_warps, ThreadAxis::kThreadZ, std::move(inside));
    for (const TensorCoreStage& stage : {right_, left_}) {
      inside = Alloc(stage.shared, std::move(inside));
    }
    if (!schedule_.direct_store) inside = Alloc(shared_sums_, std::move(inside));
    const Launch launch = NeedsOf(gemm_, schedule_, op_).launch;
    inside = For(tile_m_, launch.grid[0], ThreadAxis::kBlockX, std::move(inside));
    inside = For(tile_n_, launch.grid[1], ThreadAxis::kBlockY, std::move(inside));
    inside = For(batch_, launch.grid[2], ThreadAxis::kBlockZ, std::move(inside));
    program.body = Simplify(inside);
    return program;
  }

 private:
  void MakeStages() {
    thread_ = (column_warp_ * schedule_.row_warps + row_warp_) * kWarpThreads + lane_;
    const Expr first_m = tile_m_ * schedule_.rows(), first_n = tile_n_ * schedule_.columns();
    left_ = MakeStage("left", gemm_.left, schedule_.rows(), schedule_.depth);
    left_.first_row = first_m;
    left_.columns_are_depth = true;
    if (gemm_.right_rows_are_depth) {
      right_ = MakeStage("right", gemm_.right, schedule_.depth, schedule_.columns());
      right_.first_column = first_n;
    } else {
      right_ = MakeStage("right", gemm_.right, schedule_.columns(), schedule_.depth);
      right_.first_row = first_n;
      right_.columns_are_depth = true;
    }
    shared_sums_ = MakeBuffer("shared_sums", sums_->dtype,
                              {schedule_.rows(), schedule_.columns() + schedule_.sums_padding},
                              Scope::kShared);
  }

  TensorCoreStage MakeStage(const std::string& name, const StagedMatrix& matrix, int64_t rows,
                            int64_t columns) const {
    TensorCoreStage stage{.matrix = &matrix, .rows = rows, .columns = columns};
    stage.batch = FloorMod(batch_, gemm_.batch);
    stage.first_stage = Part() * Stages();
    stage.thread = thread_;
    stage.threads = schedule_.threads();
    stage.depth = schedule_.depth;
    stage.vector = VectorOf(matrix, schedule_);
    stage.piece = RowElements(op_);
    stage.swizzle = schedule_.swizzle;
    const int64_t padding = schedule_.padding / static_cast<int64_t>(SizeOf(op_.type));
    stage.shared = MakeBuffer(name + "_shared", op_.type,
                              {schedule_.parts(), rows, columns + padding}, Scope::kShared);
    stage.next =
        MakeBuffer(name + "_next", op_.type, {stage.copies(), stage.vector}, Scope::kRegister);
    return stage;
  }

  // Of a block; the last part of a split may have some that are zero.
  int64_t Stages() const { return UpDivide(UpDivide(gemm_.k, schedule_.depth), schedule_.split_k); }
  // The part of k that a block sums: parts are batches of batches.
  Expr Part() const { return FloorDiv(batch_, gemm_.batch); }

  Stmt InTurn() const {
    const Expr stage = Var("stage");
    const Stmt again = Stages() > 1 ? Barrier() : nullptr;
    return For(stage, Stages(), LoopKind::kSerial,
               Seq({again, CopyStage(left_, stage, Int(0), false),
                    CopyStage(right_, stage, Int(0), false), Barrier(), Multiply(Int(0))}));
  }

  // Shared memory holds some stages: one is used, one has been, the others are under way.
  Stmt Ring() const {
    const int64_t parts = schedule_.parts();
    const auto copy = [&](const Expr& stage) {
      const Expr part = FloorMod(stage, parts);
      return If(Lt(stage, Int(Stages())),
                Seq({CopyStage(left_, stage, part, true), CopyStage(right_, stage, part, true)}));
    };
    std::vector<Stmt> all;
    for (int64_t first = 0; first + 1 < parts; ++first) {
      all.push_back(copy(Int(first)));
      all.push_back(AsyncCommit());
    }
    const Expr stage = Var("stage");
    all.push_back(For(stage, Stages(), LoopKind::kSerial,
                      Seq({AsyncWait(parts - 2), Barrier(), copy(stage + (parts - 1)),
                           AsyncCommit(), Multiply(FloorMod(stage, parts))})));
    return Seq(std::move(all));
  }

  Stmt Overlapped() const {
    const Expr stage = Var("stage"), next = stage + 1;
    const auto fetch = [&](const Expr& of) {
      return Seq({FetchStage(left_, of), FetchStage(right_, of)});
    };
    const auto put = [&](const Expr& to) {
      return Seq({PutStage(left_, to), PutStage(right_, to)});
    };
    const Expr more = Lt(next, Int(Stages()));
    const Stmt body = Seq({If(more, fetch(next)), Multiply(FloorMod(stage, 2)),
                           If(more, put(FloorMod(next, 2))), If(more, Barrier())});
    return Seq(
        {fetch(Int(0)), put(Int(0)), Barrier(), For(stage, Stages(), LoopKind::kSerial, body)});
  }

  // All steps of the stage in `half` of shared memory.
  Stmt Multiply(const Expr& half) const {
    const Expr step = Var("step"), i = Var("i"), p = Var("p"), q = Var("q");
    const Expr depth = step * op_.depth;
    const Stmt left = TileStmt(*load_left_, {Load(left_fragment_, {i, Int(0)}),
                                             Load(left_.shared, LeftPlace(half, i, depth))});
    const Stmt right = TileStmt(*load_right_, {Load(right_fragment_, {p, Int(0)}),
                                               Load(right_.shared, RightPlace(half, p, depth))});
    const Stmt multiply =
        TileStmt(op_, {Load(sums_, {i, p, q * 4}), Load(left_fragment_, {i, Int(0)}),
                       Load(right_fragment_, {p, q * right_elements_})});
    const auto loop = [](const Expr& var, int64_t extent, Stmt body) {
      return For(var, extent, LoopKind::kUnrolled, std::move(body));
    };
    return loop(step, schedule_.depth / op_.depth,
                Seq({loop(i, tiles_m_, left), loop(p, pairs_, right),
                     loop(i, tiles_m_, loop(p, pairs_, loop(q, pair_, multiply)))}));
  }

  // The row of 16 bytes that this thread names: matrices lie along rows, then along the depth.
  std::vector<Expr> LeftPlace(const Expr& half, const Expr& i, const Expr& depth) const {
    const Expr row = row_warp_ * schedule_.warp_rows + i * kTileRows + FloorMod(lane_, 16);
    const bool deep = op_.depth > RowElements(op_);
    return left_.Place(half, row, deep ? depth + FloorDiv(lane_, 16) * RowElements(op_) : depth,
                       Int(0));
  }

  // Matrices lie along the depth, then along columns of d.
  std::vector<Expr> RightPlace(const Expr& half, const Expr& p, const Expr& depth) const {
    const int64_t deep = right_elements_ * static_cast<int64_t>(SizeOf(op_.type)) / 4;
    const Expr column = column_warp_ * schedule_.warp_columns + p * (pair_ * kTileColumns);
    const Expr matrix = FloorMod(FloorDiv(lane_, 8), deep * pair_);
    const Expr along_depth = FloorMod(matrix, deep), along_columns = FloorDiv(matrix, deep) * 8;
    const Expr within = FloorMod(lane_, 8);
    if (gemm_.right_rows_are_depth) {
      return right_.Place(half, depth + along_depth * 8 + within, column + along_columns, Int(0));
    }
    return right_.Place(half, column + along_columns + within,
                        depth + along_depth * RowElements(op_), Int(0));
  }

  // For each of this thread's sums.
  Stmt ForSums(const std::function<Stmt(const Expr& sum, const std::vector<Expr>& at,
                                        const Expr& row, const Expr& column)>& body) const {
    const Expr i = Var("i"), p = Var("p"), q = Var("q"), half = Var("half"), e = Var("e");
    const std::vector<Expr> at = {i, p, q * 4 + half * 2 + e};
    // Where a sum lies (TileOperand::place) in terms of the thread.
    const Expr row =
        row_warp_ * schedule_.warp_rows + i * kTileRows + half * 8 + FloorDiv(lane_, 4);
    const Expr column = column_warp_ * schedule_.warp_columns + (p * pair_ + q) * kTileColumns +
                        FloorMod(lane_, 4) * 2 + e;
    Stmt inside = body(Load(sums_, at), at, row, column);
    for (const auto& [var, extent] :
         {std::pair{e, int64_t{2}}, {half, int64_t{2}}, {q, pair_}, {p, pairs_}, {i, tiles_m_}}) {
      inside = For(var, extent, LoopKind::kUnrolled, std::move(inside));
    }
    return inside;
  }

  Stmt ZeroSums() const {
    return ForSums([&](const Expr&, const std::vector<Expr>& at, const Expr&, const Expr&) {
      return Store(sums_, at, Const(0, sums_->dtype));
    });
  }

  // Stores the result of a sum at a place of the block's tile.
  Stmt StoreAt(const Expr& sum, const Expr& row, const Expr& column) const {
    const GemmPlace at{Batch(), tile_m_ * schedule_.rows() + row,
                       tile_n_ * schedule_.columns() + column};
    return StoreResult(gemm_, at, sum);
  }

  // What gemm.axes is given.
  Expr Batch() const { return schedule_.last_block ? FloorMod(batch_, gemm_.batch) : batch_; }

  // Leaves the sums for the last block of the tile, which adds all and stores the results.
  Stmt LastResults() const {
    const auto at_place = [this](const Expr& row, const Expr& column,
                                 const std::function<Stmt(const std::vector<Expr>&)>& body) {
      const Expr m = tile_m_ * schedule_.rows() + row, n = tile_n_ * schedule_.columns() + column;
      return IfInside(gemm_, m, n, body(gemm_.axes(Batch(), m, n)));
    };
    const Stmt leave = ForSums(
        [&](const Expr& sum, const std::vector<Expr>&, const Expr& row, const Expr& column) {
          return at_place(row, column,
                          [&](const std::vector<Expr>& axes) { return parts_.Leave(axes, sum); });
        });
    const auto add = [&](const Expr& part) {
      return ForSums(
          [&](const Expr& sum, const std::vector<Expr>& at, const Expr& row, const Expr& column) {
            return at_place(row, column, [&](const std::vector<Expr>& axes) {
              return Store(sums_, at, sum + parts_.Of(part, axes));
            });
          });
    };
    return parts_.InLastBlock(leave, ZeroSums(), add, Results());
  }

  Stmt Results() const {
    if (schedule_.direct_store) {
      return ForSums([&](const Expr& sum, const std::vector<Expr>&, const Expr& row,
                         const Expr& column) { return StoreAt(sum, row, column); });
    }
    const Stmt share =
        ForSums([&](const Expr& sum, const std::vector<Expr>&, const Expr& row,
                    const Expr& column) { return Store(shared_sums_, {row, column}, sum); });
    const Expr copy = Var("copy"), at = copy * schedule_.threads() + thread_;
    const int64_t count = schedule_.rows() * schedule_.columns();
    const Expr row = FloorDiv(at, schedule_.columns()), column = FloorMod(at, schedule_.columns());
    return Seq({share, Barrier(),
                For(copy, count / schedule_.threads(), LoopKind::kSerial,
                    StoreAt(Load(shared_sums_, {row, column}), row, column))});
  }

  const TensorCoreGemm& gemm_;
  const TensorCoreSchedule& schedule_;
  const TileOp& op_;
  const TileOp *load_left_ = nullptr, *load_right_ = nullptr;
  int64_t tiles_m_ = 1, pairs_ = 1, pair_ = 1;      // of a warp; columns' tiles are loaded in pairs
  int64_t left_elements_ = 0, right_elements_ = 0;  // of a thread, of a multiplication
  const Expr lane_ = Var("lane"), row_warp_ = Var("row_warp"), column_warp_ = Var("column_warp");
  const Expr tile_m_ = Var("tile_m"), tile_n_ = Var("tile_n"), batch_ = Var("batch");
  Expr thread_;
  Buffer left_fragment_, right_fragment_, sums_, shared_sums_;
  PartSums parts_;  // where the last block adds them
  TensorCoreStage left_, right_;
};

}  // namespace

int64_t VectorOf(const StagedMatrix& matrix, const TensorCoreSchedule& schedule) {
  return matrix.contiguous ? std::gcd(schedule.vector, matrix.columns) : 1;
}

TensorCoreNeeds NeedsOf(const TensorCoreGemm& gemm, const TensorCoreSchedule& schedule,
                        const TileOp& multiply) {
  TensorCoreNeeds needs;
  const int64_t bytes = static_cast<int64_t>(SizeOf(multiply.type));
  needs.launch.grid = {UpDivide(gemm.m, schedule.rows()), UpDivide(gemm.n, schedule.columns()),
                       gemm.batch * schedule.split_k};
  needs.launch.block = {kWarpThreads, schedule.row_warps, schedule.column_warps};
  const auto stage = [&](const StagedMatrix& matrix, int64_t rows, int64_t columns) {
    needs.launch.shared_bytes += rows * (columns * bytes + schedule.padding);
    const int64_t vector = VectorOf(matrix, schedule);
    const int64_t copies = UpDivide(rows * columns, vector * schedule.threads());
    needs.copies += copies;
    if (schedule.double_buffer) needs.fetched_words += UpDivide(copies * vector * bytes, 4);
  };
  stage(gemm.left, schedule.rows(), schedule.depth);
  if (gemm.right_rows_are_depth) {
    stage(gemm.right, schedule.depth, schedule.columns());
  } else {
    stage(gemm.right, schedule.columns(), schedule.depth);
  }
  needs.launch.shared_bytes *= schedule.parts();
  if (!schedule.direct_store) {
    needs.launch.shared_bytes += schedule.rows() * (schedule.columns() + schedule.sums_padding) * 4;
  }
  if (schedule.last_block) needs.launch.shared_bytes += kLastBlockBytes;
  const int64_t sums = schedule.warp_rows * schedule.warp_columns / kWarpThreads;
  const int64_t fragments =
      (schedule.warp_rows + schedule.warp_columns) * multiply.depth * bytes / 4 / kWarpThreads;
  // The last block reads as many sums of another part as it has, all at once.
  const int64_t read = schedule.last_block ? sums : 0;
  needs.registers = sums + std::max(fragments + needs.fetched_words, read) + kAddressRegisters;
  return needs;
}

Stmt IfInside(const TensorCoreGemm& gemm, const Expr& m, const Expr& n, Stmt body) {
  const Expr inside = gemm.inside ? gemm.inside(n) : Lt(n, Int(gemm.n));
  return If(And(Lt(m, Int(gemm.m)), inside), std::move(body));
}

Stmt StoreResult(const TensorCoreGemm& gemm, const GemmPlace& at, const Expr& sum) {
  std::vector<Expr> axes = gemm.axes(at.batch, at.m, at.n);
  return IfInside(gemm, at.m, at.n,
                  gemm.atomic ? AtomicAdd(gemm.compute.output, std::move(axes), sum)
                              : StoreResult(gemm.compute, axes, sum));
}

Program LowerTensorCore(const TensorCoreGemm& gemm, const TensorCoreSchedule& schedule,
                        const TileOp& multiply) {
  return TensorCoreLowerer(gemm, schedule, multiply).Lower();
}

}  // namespace tilewright
