#include "compiler/schedule/simt_stage.h"

#include "base/check.h"
#include "compiler/loop/compute.h"
#include "compiler/schedule/simt.h"

namespace tilewright {
namespace {

Expr LoadOf(const Expr& body, const Buffer& source) {
  Expr load;
  int count = 0;
  ForEachExpr(body, [&](const Expr& e) {
    if (e->kind != ExprKind::kLoad || e->buffer != source) return;
    load = e;
    ++count;
  });
  TW_CHECK(count == 1) << source->name << " is loaded " << count << " times";
  return load;
}

// Null when the index is inside by its form alone.
Expr Inside(const Expr& index, int64_t extent) {
  return And(Le(Int(0), index), Lt(index, Int(extent)));
}

}  // namespace

StagedInput StageInput(const Expr& body, const Buffer& source, const Ranges& varying,
                       const Substitution& origin) {
  StagedInput stage{.source = source};
  const Expr load = LoadOf(body, source);
  std::vector<int64_t> shape;
  std::vector<Expr> within;
  for (const Expr& index : load->operands) {
    stage.first.push_back(Substitute(index, origin));
    within.push_back(Simplify(index - stage.first.back(), varying));
    const std::optional<Range> bounds = BoundsOf(within.back(), varying);
    TW_CHECK(bounds && bounds->lo == 0) << source->name << " is not read by growing sums";
    shape.push_back(bounds->hi + 1);
  }
  const DType type = StagedType(source->dtype, body->dtype);
  stage.shared = MakeBuffer(source->name + "_shared", type, shape, Scope::kShared);
  stage.load = Load(stage.shared, within);
  return stage;
}

Expr HasElements(const StagedInput& stage) {
  Expr any;
  for (size_t d = 0; d < stage.dilation.size(); ++d) {
    const int64_t span = stage.shared->shape[d], dilation = stage.dilation[d];
    if (span >= dilation) continue;
    const Expr last = stage.first[d] + (span - 1);
    any = And(any, Lt(FloorMod(last, dilation), Int(span)));
  }
  return any;
}

Stmt CopyTogether(const StagedInput& stage, const Expr& thread, int64_t threads) {
  const std::vector<int64_t>& shape = stage.shared->shape;
  int64_t elements = 1;
  for (const int64_t extent : shape) elements *= extent;
  const Expr step = Var("copy");
  const Expr element = step * threads + thread;
  std::vector<Expr> to, from;
  Expr inside;
  int64_t rest = elements;
  for (size_t d = 0; d < shape.size(); ++d) {
    const Expr left = d == 0 ? element : FloorMod(element, rest);
    rest /= shape[d];
    to.push_back(shape[d] == 1 ? Int(0) : FloorDiv(left, rest));
    const int64_t dilation = stage.dilation.empty() ? 1 : stage.dilation[d];
    const Expr at = stage.first[d] + to.back();
    inside = And(inside, Inside(at, (stage.source->shape[d] - 1) * dilation + 1));
    if (dilation > 1) inside = And(inside, Eq(FloorMod(at, dilation), Int(0)));
    from.push_back(FloorDiv(at, dilation));
  }
  const DType type = stage.shared->dtype;
  const Expr value = Cast(Load(stage.source, from), type);
  Stmt copy = Store(stage.shared, to, Select(inside, value, Const(0, type)));
  if (elements % threads != 0) copy = If(Lt(element, Int(elements)), std::move(copy));
  return For(step, (elements + threads - 1) / threads, LoopKind::kSerial, std::move(copy));
}

}  // namespace tilewright
