#include "compiler/schedule/merge_axes.h"

#include <optional>
#include <unordered_map>

#include "compiler/loop/visit.h"

namespace tilewright {
namespace {

std::vector<Expr*> ExprsOf(Compute& compute) {
  std::vector<Expr*> exprs;
  for (Expr* e : {&compute.body, &compute.predicate, &compute.result}) {
    if (*e != nullptr) exprs.push_back(e);
  }
  return exprs;
}

Buffer WithShape(const Buffer& buffer, std::vector<int64_t> shape) {
  return MakeBuffer(buffer->name, buffer->dtype, std::move(shape), buffer->scope);
}

void ReplaceEverywhere(Compute& compute, const Expr& var, const Expr& value) {
  const Substitution substitution{{var.get(), value}};
  for (Expr* e : ExprsOf(compute)) *e = Substitute(*e, substitution);
}

void DropOutputAxis(Compute& compute, size_t i) {
  ReplaceEverywhere(compute, compute.axes[i].var, Int(0));
  compute.axes.erase(compute.axes.begin() + static_cast<ptrdiff_t>(i));
  std::vector<int64_t> shape = compute.output->shape;
  shape.erase(shape.begin() + static_cast<ptrdiff_t>(i));
  compute.output = WithShape(compute.output, std::move(shape));
}

void DropTrivialAxes(Compute& compute) {
  for (size_t i = compute.axes.size(); i-- > 0 && compute.axes.size() > 1;) {
    if (compute.axes[i].extent == 1) DropOutputAxis(compute, i);
  }
}

// Dimensions d, d + 1 of a buffer as one of their product.
Buffer Joined(const Buffer& buffer, size_t d) {
  std::vector<int64_t> shape = buffer->shape;
  shape[d] *= shape[d + 1];
  shape.erase(shape.begin() + static_cast<ptrdiff_t>(d) + 1);
  return WithShape(buffer, std::move(shape));
}

// One attempt to make `merged` of two neighbouring axes.
class PairMerger {
 public:
  PairMerger(const Axis& outer, const Axis& inner)
      : outer_(outer),
        inner_(inner),
        merged_{Var(outer.var->name, outer.var->dtype), outer.extent * inner.extent} {}

  const Axis& merged() const { return merged_; }

  // False, leaving the definition unusable, when one of the axes is needed alone.
  bool Apply(Compute& compute) {
    for (Expr* e : ExprsOf(compute)) FindDimensions(*e);
    for (Expr* e : ExprsOf(compute)) {
      *e = Rewrite(*e, [&](const Expr& part) { return Merged(part); });
      if (UsesVar(*e, outer_.var) || UsesVar(*e, inner_.var)) return false;
    }
    for (Buffer& input : compute.inputs) {
      const auto found = joined_.find(input.get());
      if (found != joined_.end()) input = found->second.buffer;
    }
    return true;
  }

 private:
  struct Join {
    size_t dimension;
    Buffer buffer;
  };

  bool WalksBoth(const Expr& load, size_t d) const {
    return load->operands[d] == outer_.var && load->operands[d + 1] == inner_.var &&
           load->buffer->shape[d + 1] == inner_.extent;
  }

  void FindDimensions(const Expr& root) {
    ForEachExpr(root, [&](const Expr& e) {
      if (e->kind != ExprKind::kLoad) return;
      for (size_t d = 0; d + 1 < e->operands.size(); ++d) {
        if (WalksBoth(e, d)) joined_.try_emplace(e->buffer.get(), d, Joined(e->buffer, d));
      }
    });
  }

  Expr Merged(const Expr& e) const {
    if (e->kind != ExprKind::kLoad) return e;
    const auto found = joined_.find(e->buffer.get());
    if (found == joined_.end()) return e;
    const size_t d = found->second.dimension;
    std::vector<Expr> indices = e->operands;
    indices[d] =
        WalksBoth(e, d) ? merged_.var : indices[d] * e->buffer->shape[d + 1] + indices[d + 1];
    indices.erase(indices.begin() + static_cast<ptrdiff_t>(d) + 1);
    return Load(found->second.buffer, std::move(indices));
  }

  const Axis outer_, inner_, merged_;
  std::unordered_map<const BufferNode*, Join> joined_;
};

// Joins axes i, i + 1 of `list`, which is one of the definition's.
bool MergePair(Compute& compute, std::vector<Axis> Compute::* list, size_t i) {
  Compute merged = compute;
  std::vector<Axis>& axes = merged.*list;
  PairMerger merger(axes[i], axes[i + 1]);
  if (!merger.Apply(merged)) return false;
  axes[i] = merger.merged();
  axes.erase(axes.begin() + static_cast<ptrdiff_t>(i) + 1);
  if (list == &Compute::axes) merged.output = Joined(merged.output, i);
  compute = std::move(merged);
  return true;
}

void MergeAll(Compute& compute, std::vector<Axis> Compute::* list) {
  for (size_t i = (compute.*list).size(); i-- > 1;) MergePair(compute, list, i - 1);
}

}  // namespace

Compute MergeAxes(Compute compute) {
  DropTrivialAxes(compute);
  MergeAll(compute, &Compute::axes);
  MergeAll(compute, &Compute::reduce);
  return compute;
}

}  // namespace tilewright
