#include "compiler/targets/support/flat_index.h"

#include <algorithm>
#include <numeric>

#include "base/check.h"
#include "compiler/loop/visit.h"

namespace tilewright {
namespace {

class Flattener {
 public:
  explicit Flattener(const EmitContext& ctx) : ctx_(ctx) {}

  void Add(const Expr& e, int64_t scale) {
    if (scale == 0) return;
    if (const int64_t* literal = AsInt(e)) {
      index_.constant += *literal * scale;
    } else if (ctx_.lanes.var != nullptr && e == ctx_.lanes.var) {
      index_.lane_coefficient += scale;
    } else if (!AddLinear(e, scale)) {
      AddTerm(e, scale);
    }
  }

  FlatIndex Take() {
    std::erase_if(index_.terms, [](const FlatIndex::Term& t) { return t.coefficient == 0; });
    std::stable_sort(index_.terms.begin(), index_.terms.end(),
                     [](const auto& a, const auto& b) { return a.depth < b.depth; });
    return std::move(index_);
  }

 private:
  // Sums, differences and products with a literal are taken apart; false for anything else.
  bool AddLinear(const Expr& e, int64_t scale) {
    if (e->kind != ExprKind::kBinary) return false;
    const Expr &a = e->operands[0], &b = e->operands[1];
    if (e->op == BinaryOp::kAdd || e->op == BinaryOp::kSub) {
      Add(a, scale);
      Add(b, e->op == BinaryOp::kAdd ? scale : -scale);
      return true;
    }
    const bool left_literal = AsInt(a) != nullptr;
    if (e->op != BinaryOp::kMul || (!left_literal && AsInt(b) == nullptr)) return false;
    Add(left_literal ? b : a, scale * *AsInt(left_literal ? a : b));
    return true;
  }

  void AddTerm(const Expr& e, int64_t scale) {
    for (FlatIndex::Term& term : index_.terms) {
      if (Equal(term.expr, e)) {
        term.coefficient += scale;
        return;
      }
    }
    index_.terms.push_back({e, scale, DepthOf(e)});
  }

  int DepthOf(const Expr& e) {
    int depth = 0;
    ForEachExpr(e, [&](const Expr& part) {
      if (part == ctx_.lanes.var) index_.linear = false;
      const auto var = ctx_.vars.find(part.get());
      if (var != ctx_.vars.end()) depth = std::max(depth, var->second.depth);
    });
    return depth;
  }

  const EmitContext& ctx_;
  FlatIndex index_;
};

}  // namespace

FlatIndex Flatten(const EmitContext& ctx, const BufferNode& buffer,
                  const std::vector<Expr>& indices) {
  TW_CHECK(indices.size() == buffer.shape.size()) << buffer.name;
  Flattener flattener(ctx);
  int64_t stride = 1;
  for (size_t d = indices.size(); d-- > 0;) {
    flattener.Add(indices[d], stride);
    stride *= buffer.shape[d];
  }
  return flattener.Take();
}

int64_t OffsetGranule(const EmitContext& ctx, const FlatIndex& index) {
  int64_t divisor = std::gcd(index.constant, index.lane_coefficient * ctx.lanes.granule);
  for (const FlatIndex::Term& term : index.terms) divisor = std::gcd(divisor, term.coefficient);
  constexpr int64_t kMost = int64_t{1} << 20;
  return divisor == 0 ? kMost : std::min(divisor & -divisor, kMost);
}

llvm::Value* EmitAddress(EmitContext& ctx, const BufferNode& buffer, const FlatIndex& index) {
  llvm::IRBuilder<>& b = ctx.builder;
  llvm::Value* offset = nullptr;
  const auto add = [&](llvm::Value* value, int64_t coefficient) {
    llvm::Value* factor = llvm::ConstantInt::get(value->getType(), coefficient);
    if (coefficient != 1) value = b.CreateNSWMul(value, factor);
    if (offset != nullptr) MatchWidths(ctx, offset, value);
    offset = offset == nullptr ? value : b.CreateNSWAdd(offset, value);
  };
  for (const FlatIndex::Term& term : index.terms) add(EmitExpr(ctx, term.expr), term.coefficient);
  if (index.lane_coefficient != 0) {
    add(index.linear ? ctx.lanes.first : EmitExpr(ctx, ctx.lanes.var), index.lane_coefficient);
  }
  llvm::Type* element = MemoryType(ctx, buffer.dtype);
  llvm::Value* address = ctx.buffers.at(&buffer);
  if (offset != nullptr) address = b.CreateGEP(element, address, offset);
  if (index.constant == 0) return address;
  return b.CreateGEP(element, address, b.getInt64(index.constant));
}

bool IsInBounds(const EmitContext& ctx, const BufferNode& buffer,
                const std::vector<Expr>& indices) {
  for (size_t d = 0; d < indices.size(); ++d) {
    const std::optional<Range> range = BoundsOf(indices[d], ctx.ranges);
    if (!range || range->lo < 0 || range->hi >= buffer.shape[d]) return false;
  }
  return true;
}

}  // namespace tilewright
