#include "compiler/graph/rewrite.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/check.h"

namespace tilewright {
namespace {

Substitution AxesTo(const Compute& compute, const std::vector<Expr>& indices) {
  TW_CHECK(indices.size() == compute.axes.size()) << compute.name;
  Substitution substitution;
  for (size_t i = 0; i < indices.size(); ++i) {
    substitution[compute.axes[i].var.get()] = indices[i];
  }
  return substitution;
}

std::vector<Buffer> JoinInputs(const Compute& consumer, const Buffer& loaded,
                               const Compute& producer) {
  std::vector<Buffer> inputs;
  for (const Buffer& input : consumer.inputs) {
    if (input != loaded) inputs.push_back(input);
  }
  inputs.insert(inputs.end(), producer.inputs.begin(), producer.inputs.end());
  return inputs;
}

Compute InlineMap(const Compute& producer, Compute consumer, const Buffer& loaded) {
  const Expr value = ValueOf(producer);
  consumer.inputs = JoinInputs(consumer, loaded, producer);
  return RewriteAll(consumer, [&](const Expr& e) {
    return ReplaceLoads(e, loaded, [&](const std::vector<Expr>& indices) {
      return Substitute(value, AxesTo(producer, indices));
    });
  });
}

// The consumer becomes the `result` of the producer's reduction.
Compute InlineReduction(Compute producer, const Compute& consumer, const Buffer& loaded,
                        const std::vector<Expr>& indices) {
  const Substitution position = AxesTo(producer, indices);
  if (producer.acc == nullptr) producer.acc = Var("acc", producer.body->dtype);
  if (producer.result == nullptr) producer.result = producer.acc;
  producer.result = Cast(producer.result, producer.output->dtype);
  const Compute moved =
      RewriteAll(producer, [&](const Expr& e) { return Substitute(e, position); });
  Compute fused = moved;
  fused.name = consumer.name;
  fused.inputs = JoinInputs(consumer, loaded, producer);
  fused.output = consumer.output;
  fused.axes = consumer.axes;
  fused.result = ReplaceLoads(ValueOf(consumer), loaded,
                              [&](const std::vector<Expr>&) { return moved.result; });
  return RewriteAll(fused, [](const Expr& e) { return e; });
}

int64_t CountExprs(const Compute& compute, const std::function<bool(const Expr&)>& counts) {
  int64_t n = 0;
  for (const Expr& root : ExprsOf(compute)) {
    ForEachExpr(root, [&](const Expr& e) { n += counts(e) ? 1 : 0; });
  }
  return n;
}

bool IsIndexDivMod(const Expr& e) {
  return e->kind == ExprKind::kBinary && e->dtype == DType::kI64 &&
         (e->op == BinaryOp::kDiv || e->op == BinaryOp::kMod);
}

// Row-major offset of a position.
Expr Flatten(const std::vector<Expr>& indices, const Shape& shape) {
  Expr flat = Int(0);
  for (size_t i = 0; i < shape.size(); ++i) flat = flat * shape[i] + indices[i];
  return flat;
}

std::vector<Expr> Unflatten(const Expr& flat, const Shape& shape) {
  std::vector<Expr> indices(shape.size());
  int64_t stride = 1;
  for (size_t i = shape.size(); i-- > 0; stride *= shape[i]) {
    indices[i] = FloorMod(FloorDiv(flat, stride), shape[i]);
  }
  return indices;
}

}  // namespace

Ranges RangesOf(const Compute& compute) {
  Ranges ranges;
  for (const std::vector<Axis>* axes : {&compute.axes, &compute.reduce}) {
    for (const Axis& axis : *axes) {
      ranges[axis.var.get()] = {0, std::max<int64_t>(axis.extent, 1) - 1};
    }
  }
  return ranges;
}

int64_t Iterations(const Compute& compute) {
  int64_t n = 1;
  for (const Axis& axis : compute.axes) n *= axis.extent;
  for (const Axis& axis : compute.reduce) n *= axis.extent;
  return n;
}

bool HasSteps(const Compute& compute) {
  return compute.procedure != nullptr || !compute.stages.empty();
}

bool IsMap(const Compute& compute) {
  return compute.reducer == Reducer::kNone && !HasSteps(compute);
}

Expr ValueOf(const Compute& compute) {
  TW_CHECK(IsMap(compute)) << compute.name;
  Expr value = compute.result != nullptr ? compute.result : compute.body;
  if (compute.predicate != nullptr) {
    value = Select(compute.predicate, value, InitialValue(Reducer::kNone, value->dtype));
  }
  return Cast(value, compute.output->dtype);
}

Compute RewriteAll(const Compute& compute, const std::function<Expr(const Expr&)>& rewrite) {
  const Ranges ranges = RangesOf(compute);
  Compute rewritten = compute;
  for (Expr* e : {&rewritten.body, &rewritten.predicate, &rewritten.result}) {
    if (*e != nullptr) *e = Simplify(rewrite(*e), ranges);
  }
  return rewritten;
}

std::vector<Expr> ExprsOf(const Compute& compute) {
  std::vector<Expr> exprs;
  for (const Expr& e : {compute.body, compute.predicate, compute.result}) {
    if (e != nullptr) exprs.push_back(e);
  }
  return exprs;
}

std::vector<Expr> LoadsOf(const Expr& root, const Buffer& buffer) {
  std::vector<Expr> loads;
  ForEachExpr(root, [&](const Expr& e) {
    if (e->kind != ExprKind::kLoad || e->buffer != buffer) return;
    const auto same = [&](const Expr& load) { return Equal(load, e); };
    if (std::none_of(loads.begin(), loads.end(), same)) loads.push_back(e);
  });
  return loads;
}

bool ReadsAnything(const Expr& e) {
  bool reads = false;
  ForEachExpr(e, [&](const Expr& part) { reads = reads || part->kind == ExprKind::kLoad; });
  return reads;
}

std::vector<Expr> LoadsOf(const Compute& compute, const Buffer& buffer) {
  std::vector<Expr> loads;
  for (const Expr& root : ExprsOf(compute)) {
    for (const Expr& e : LoadsOf(root, buffer)) {
      const auto same = [&](const Expr& load) { return Equal(load, e); };
      if (std::none_of(loads.begin(), loads.end(), same)) loads.push_back(e);
    }
  }
  return loads;
}

bool AreAxes(const std::vector<Expr>& indices, const std::vector<Axis>& axes) {
  if (indices.size() != axes.size()) return false;
  for (size_t i = 0; i < axes.size(); ++i) {
    const int64_t* literal = AsInt(indices[i]);
    const bool only = axes[i].extent == 1 && literal != nullptr && *literal == 0;
    if (!only && indices[i] != axes[i].var) return false;
  }
  return true;
}

bool ReadsAtAxes(const Compute& compute, const Buffer& buffer) {
  const std::vector<Expr> loads = LoadsOf(compute, buffer);
  return buffer->shape == compute.output->shape && !loads.empty() &&
         std::all_of(loads.begin(), loads.end(),
                     [&](const Expr& e) { return AreAxes(e->operands, compute.axes); });
}

bool ReadsInOrder(const Compute& compute, const Expr& load) {
  const Expr flat = Flatten(Vars(compute.axes), compute.output->shape);
  const Expr offset = Flatten(load->operands, load->buffer->shape);
  const Expr simplified = Simplify(flat - offset, RangesOf(compute));
  const int64_t* difference = AsInt(simplified);
  return difference != nullptr && *difference == 0;
}

Expr ReplaceLoads(const Expr& root, const Buffer& buffer,
                  const std::function<Expr(const std::vector<Expr>&)>& make) {
  return Rewrite(root, [&](const Expr& e) {
    return e->kind == ExprKind::kLoad && e->buffer == buffer ? make(e->operands) : e;
  });
}

int64_t CountNodes(const Compute& compute) {
  return CountExprs(compute, [](const Expr&) { return true; });
}

int64_t CountDivMod(const Compute& compute) { return CountExprs(compute, IsIndexDivMod); }

std::optional<Compute> Inline(const Compute& producer, const Compute& consumer,
                              const Buffer& loaded) {
  if (HasSteps(producer) || HasSteps(consumer)) return std::nullopt;
  if (IsMap(producer)) return InlineMap(producer, consumer, loaded);
  if (!IsMap(consumer)) return std::nullopt;
  const std::vector<Expr> loads = LoadsOf(consumer, loaded);
  if (loads.size() != 1) return std::nullopt;
  return InlineReduction(producer, consumer, loaded, loads.front()->operands);
}

Compute NormalizeInputs(const Compute& compute, std::vector<ValueId>* values) {
  TW_CHECK(values->size() == compute.inputs.size()) << compute.name;
  if (HasSteps(compute)) return compute;
  std::unordered_map<const BufferNode*, Buffer> renamed;
  std::vector<ValueId> kept;
  Compute normal = compute;
  normal.inputs.clear();
  for (size_t i = 0; i < values->size(); ++i) {
    const Buffer& old = compute.inputs[i];
    if (LoadsOf(compute, old).empty()) continue;
    const auto seen = std::find(kept.begin(), kept.end(), (*values)[i]);
    if (seen != kept.end()) {
      renamed[old.get()] = normal.inputs[seen - kept.begin()];
      continue;
    }
    normal.inputs.push_back(MakeBuffer(absl::StrCat("in", kept.size()), old->dtype, old->shape));
    kept.push_back((*values)[i]);
    renamed[old.get()] = normal.inputs.back();
  }
  *values = std::move(kept);
  return RewriteAll(normal, [&](const Expr& root) {
    return Rewrite(root, [&](const Expr& e) {
      return e->kind == ExprKind::kLoad ? Load(renamed.at(e->buffer.get()), e->operands) : e;
    });
  });
}

Compute MakeReshape(const TensorType& from, const Shape& to) {
  Compute compute;
  compute.name = "reshape";
  compute.inputs = {MakeBuffer("in0", from.dtype, from.shape)};
  compute.output = MakeBuffer("out", from.dtype, to);
  compute.axes = MakeAxes(to, "a");
  const Expr flat = Simplify(Flatten(Vars(compute.axes), to), RangesOf(compute));
  compute.body = Load(compute.inputs[0], Unflatten(flat, from.shape));
  return RewriteAll(compute, [](const Expr& e) { return e; });
}

bool IsReshape(const Compute& compute) {
  if (!IsMap(compute) || compute.inputs.size() != 1) return false;
  const Expr value = ValueOf(compute);
  const Buffer& input = compute.inputs[0];
  if (value->kind != ExprKind::kLoad || input->dtype != compute.output->dtype ||
      NumElements(input->shape) != NumElements(compute.output->shape)) {
    return false;
  }
  return ReadsInOrder(compute, value);
}

}  // namespace tilewright
