#include "compiler/loop/async_rules.h"

#include "absl/strings/str_cat.h"
#include "compiler/loop/tile.h"
#include "compiler/loop/visit.h"

namespace tilewright {
namespace {

constexpr size_t kLeastDimensions = 2, kMostDimensions = 5;
constexpr int64_t kMostBoxExtent = 256;
constexpr int64_t kPitchBytes = 16;
constexpr int64_t kPatternRows = 8;  // after which the swizzle repeats

bool IsZero(const Expr& e) {
  const int64_t* value = AsInt(e);
  return value != nullptr && *value == 0;
}

int64_t LastRowBytes(const BufferNode& buffer) {
  return buffer.shape.back() * static_cast<int64_t>(SizeOf(buffer.dtype));
}

std::string WrongInRows(const ExprNode& operand) {
  const std::vector<int64_t>& shape = operand.buffer->shape;
  int64_t rows = 1;
  for (size_t d = 1; d + 1 < shape.size(); ++d) rows *= shape[d];
  if (shape.size() < 3 || rows % kPatternRows != 0) {
    return absl::StrCat("a slot of ", operand.buffer->name, " has ", rows,
                        " rows; it must have a multiple of 8");
  }
  if (LastRowBytes(*operand.buffer) == kRowBytes && IsZero(operand.operands.back())) return "";
  return absl::StrCat("rows of ", operand.buffer->name,
                      " must have 128 bytes and be named from their first element");
}

std::string WrongInBox(const ExprNode& slot, const ExprNode& source, const Program& program) {
  const BufferNode &to = *slot.buffer, &from = *source.buffer;
  if (!program.IsInput(source.buffer)) {
    return absl::StrCat("a box must be of an input, ", from.name, " is none");
  }
  const size_t rank = from.shape.size();
  if (rank < kLeastDimensions || rank > kMostDimensions || to.shape.size() <= rank) {
    return absl::StrCat("a box of ", from.name, " has ", rank, " dimensions, slots in ", to.name,
                        " ", to.shape.size() - 1, "; they must be as many or more, 2 to 5");
  }
  for (size_t d = to.shape.size() - rank; d < to.shape.size(); ++d) {
    if (to.shape[d] > kMostBoxExtent || !IsZero(slot.operands[d])) {
      return "a box has at most 256 elements along a dimension and is named from its first";
    }
  }
  if (LastRowBytes(from) % kPitchBytes == 0) return "";
  return absl::StrCat("rows of ", from.name, " must have a multiple of 16 bytes, have ",
                      LastRowBytes(from));
}

}  // namespace

std::string WrongInAsyncStore(const StmtNode& store, const Program& program) {
  if (store.buffer->scope != Scope::kShared) {
    return "an asynchronous store must be to shared memory";
  }
  bool inputs = true;
  ForEachExpr(store.value, [&](const Expr& e) {
    if (e->kind != ExprKind::kLoad) return;
    inputs = inputs && program.IsInput(e->buffer);
  });
  return inputs ? "" : "an asynchronous store must be of inputs alone";
}

std::string WrongInAsyncWait(const StmtNode& wait) {
  const int64_t* groups = AsInt(wait.extent);
  return groups != nullptr && *groups >= 0 ? "" : "a wait must be for a constant number of groups";
}

std::string WrongInSlots(const StmtNode& tile, const Program& program) {
  const TileOp& op = *tile.tile;
  if (op.threads == TileThreads::kWarp) return "";
  for (size_t i = 0; i < op.operands.size(); ++i) {
    if (op.operands[i].scope != Scope::kShared) continue;
    if (const std::string wrong = WrongInRows(*tile.operands[i]); !wrong.empty()) return wrong;
  }
  if (op.threads == TileThreads::kGroup) return "";
  return WrongInBox(*tile.operands[0], *tile.operands[1], program);
}

}  // namespace tilewright
