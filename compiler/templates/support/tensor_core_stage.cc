#include "compiler/templates/support/tensor_core_stage.h"

#include <algorithm>
#include <utility>

namespace tilewright {
namespace {

constexpr int64_t kLinePieces = 8;  // of 16 bytes, in the 32 banks

constexpr int64_t kMostUnrolledCopies = 16;

// Where a thread's copy number `copy` lies in a stage.
struct CopyPlace {
  Expr row, column;
  Expr exists;  // null: always
};

CopyPlace PlaceOf(const TensorCoreStage& to, const Expr& copy) {
  const int64_t per_row = to.columns / to.vector, total = to.rows * per_row;
  const Expr number = copy * to.threads + to.thread;
  CopyPlace place{.row = FloorDiv(number, per_row),
                  .column = FloorMod(number, per_row) * to.vector};
  if (total % to.threads != 0) place.exists = Lt(number, Int(total));
  return place;
}

// The element `lane` of a copy from the matrix, or zero.
Expr ElementOf(const TensorCoreStage& to, const CopyPlace& place, const Expr& stage,
               const Expr& lane) {
  const Expr first = (to.first_stage + stage) * to.depth;
  Expr row = to.first_row + place.row, column = to.first_column + place.column;
  (to.columns_are_depth ? column : row) = (to.columns_are_depth ? column : row) + first;
  Expr there =
      And(place.exists, And(Lt(row, Int(to.matrix->rows)), Lt(column, Int(to.matrix->columns))));
  if (to.matrix->inside != nullptr) there = And(there, to.matrix->inside(row, column));
  const Expr value = Load(to.matrix->source, to.matrix->at(to.batch, row, column + lane));
  return Select(std::move(there), value, Const(0, value->dtype));
}

Stmt ForLanes(const TensorCoreStage& to, const Expr& lane, Stmt body, const Expr& exists) {
  body = For(lane, to.vector, LoopKind::kVectorized, std::move(body));
  return exists != nullptr ? If(exists, std::move(body)) : body;
}

Stmt ForCopies(const TensorCoreStage& to, const Expr& copy, Stmt body) {
  const bool unrolled = to.copies() <= kMostUnrolledCopies;
  return For(copy, to.copies(), unrolled ? LoopKind::kUnrolled : LoopKind::kSerial,
             std::move(body));
}

}  // namespace

std::vector<Expr> TensorCoreStage::Place(const Expr& part, const Expr& row, const Expr& column,
                                         const Expr& lane) const {
  const int64_t pieces = std::min(columns / piece, kLinePieces);
  if (!swizzle || pieces < 2) return {part, row, column + lane};
  const Expr line = FloorMod(FloorDiv(row, kLinePieces / pieces), pieces);
  const Expr place = Binary(BinaryOp::kXor, FloorDiv(column, piece), line);
  return {part, row, place * piece + FloorMod(column, piece) + lane};
}

Stmt CopyStage(const TensorCoreStage& to, const Expr& stage, const Expr& part, bool async) {
  const Expr copy = Var("copy"), lane = Var("v");
  CopyPlace place = PlaceOf(to, copy);
  const Expr exists = std::exchange(place.exists, nullptr);
  const std::vector<Expr> at = to.Place(part, place.row, place.column, lane);
  const Expr element = ElementOf(to, place, stage, lane);
  const Stmt store = async ? AsyncStore(to.shared, at, element) : Store(to.shared, at, element);
  return ForCopies(to, copy, ForLanes(to, lane, store, exists));
}

Stmt FetchStage(const TensorCoreStage& to, const Expr& stage) {
  const Expr copy = Var("copy"), lane = Var("v");
  const CopyPlace place = PlaceOf(to, copy);
  const Stmt store = Store(to.next, {copy, lane}, ElementOf(to, place, stage, lane));
  return ForCopies(to, copy, ForLanes(to, lane, store, nullptr));
}

Stmt PutStage(const TensorCoreStage& to, const Expr& part) {
  const Expr copy = Var("copy"), lane = Var("v");
  const CopyPlace place = PlaceOf(to, copy);
  const Stmt store =
      Store(to.shared, to.Place(part, place.row, place.column, lane), Load(to.next, {copy, lane}));
  return ForCopies(to, copy, ForLanes(to, lane, store, place.exists));
}

}  // namespace tilewright
