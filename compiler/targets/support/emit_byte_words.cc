#include "compiler/targets/support/emit_byte_words.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <optional>
#include <vector>

#include "compiler/loop/visit.h"
#include "compiler/targets/support/flat_index.h"

namespace tilewright {
namespace {

// The bytes of a word, the lowest first; null where it is 0.
using ByteWord = std::array<Expr, 4>;

bool IsLiteral(const Expr& e, int64_t value) {
  return e->kind == ExprKind::kInt && e->ivalue == value;
}

bool IsJoin(const Expr& e) {
  return e->kind == ExprKind::kBinary && e->op == BinaryOp::kOr && e->dtype == DType::kI32;
}

// Puts the byte that `term` masks and shifts into the word.
bool AddTerm(const Expr& term, ByteWord* word) {
  Expr byte = term;
  int64_t place = 0;
  if (byte->kind == ExprKind::kCall && byte->name == "shl") {
    const Expr& by = byte->operands[1];
    if (by->kind != ExprKind::kInt || by->ivalue % 8 != 0) return false;
    place = by->ivalue / 8;
    byte = byte->operands[0];
  }
  if (place < 0 || place > 3 || (*word)[place]) return false;
  const bool masks = byte->kind == ExprKind::kBinary && byte->op == BinaryOp::kAnd;
  if (masks && !IsLiteral(byte->operands[1], 255)) return false;
  if (masks) byte = byte->operands[0];
  if (IsLiteral(byte, 0)) return true;
  if (byte->kind != ExprKind::kCast || byte->operands[0]->dtype != DType::kU8) return false;
  (*word)[place] = byte->operands[0];
  return true;
}

bool AddTerms(const Expr& e, ByteWord* word) {
  if (!IsJoin(e)) return IsLiteral(e, 0) || AddTerm(e, word);
  return AddTerms(e->operands[0], word) && AddTerms(e->operands[1], word);
}

// `e` without choices that are decided in an unrolled body.
Expr Decided(EmitContext& ctx, Expr e) {
  while (e && e->kind == ExprKind::kSelect) {
    if (!IsSpeculatable(ctx, e->operands[0])) return e;
    const auto* chosen = llvm::dyn_cast<llvm::ConstantInt>(EmitExpr(ctx, e->operands[0]));
    if (chosen == nullptr) return e;
    e = e->operands[chosen->isZero() ? 2 : 1];
  }
  return e;
}

bool SameTerms(const FlatIndex& a, const FlatIndex& b) {
  return std::equal(a.terms.begin(), a.terms.end(), b.terms.begin(), b.terms.end(),
                    [](const FlatIndex::Term& x, const FlatIndex::Term& y) {
                      return x.expr == y.expr && x.coefficient == y.coefficient;
                    });
}

// All bytes by one load; null where they do not lie behind each other.
llvm::Value* LoadTogether(EmitContext& ctx, const ByteWord& word) {
  if (ctx.mask != nullptr) return nullptr;
  std::optional<FlatIndex> first;
  for (int i = 0; i < 4; ++i) {
    if (!word[i] || word[i]->kind != ExprKind::kLoad) return nullptr;
    if (word[i]->buffer != word[0]->buffer) return nullptr;
    const FlatIndex at = Flatten(ctx, *word[i]->buffer, word[i]->operands);
    if (!at.linear || at.lane_coefficient != 1) return nullptr;
    if (!first) first = at;
    const int64_t distance = at.constant - first->constant;
    if (distance != int64_t{i} * ctx.lanes.count || !SameTerms(at, *first)) return nullptr;
  }
  llvm::Type* type = llvm::FixedVectorType::get(ctx.builder.getInt8Ty(), 4 * ctx.lanes.count);
  llvm::Value* address = EmitAddress(ctx, *word[0]->buffer, *first);
  return ctx.builder.CreateAlignedLoad(type, address, llvm::Align(1));
}

llvm::Value* LoadApart(EmitContext& ctx, const ByteWord& word) {
  llvm::IRBuilder<>& ir = ctx.builder;
  std::array<llvm::Value*, 4> bytes;
  for (size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = Widen(ctx, word[i] ? EmitExpr(ctx, word[i]) : ir.getInt8(0));
  }
  const auto joined = [&](llvm::Value* low, llvm::Value* high, size_t count) {
    std::vector<int> all(count);
    std::iota(all.begin(), all.end(), 0);
    return ir.CreateShuffleVector(low, high, all);
  };
  const size_t half = 2 * size_t{ctx.lanes.count};
  return joined(joined(bytes[0], bytes[1], half), joined(bytes[2], bytes[3], half), 2 * half);
}

}  // namespace

llvm::Value* EmitByteWords(EmitContext& ctx, const Expr& e) {
  if (ctx.lanes.var == nullptr || !IsJoin(e) || !UsesVar(e, ctx.lanes.var)) return nullptr;
  ByteWord word;
  if (!AddTerms(e, &word)) return nullptr;
  for (Expr& byte : word) byte = Decided(ctx, byte);
  llvm::Value* bytes = LoadTogether(ctx, word);
  if (bytes == nullptr) bytes = LoadApart(ctx, word);
  std::vector<int> lanes;
  const auto count = static_cast<int>(ctx.lanes.count);
  for (int lane = 0; lane < count; ++lane) {
    for (int i = 0; i < 4; ++i) lanes.push_back(i * count + lane);
  }
  llvm::Type* words = llvm::FixedVectorType::get(ctx.builder.getInt32Ty(), ctx.lanes.count);
  return ctx.builder.CreateBitCast(ctx.builder.CreateShuffleVector(bytes, lanes), words);
}

}  // namespace tilewright
