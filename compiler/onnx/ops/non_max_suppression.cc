// NonMaxSuppression: the boxes of every class by falling score, each kept unless it overlaps one
// that was kept before too much. The output's size depends on data (compiler/onnx/bounds.h).
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "compiler/onnx/selection.h"
#include "compiler/onnx/steps.h"
#include "compiler/onnx/tensor_ops.h"

namespace tilewright::onnx_ops {
namespace {

struct Suppression {
  int64_t batch, boxes, classes, most;  // most: kept of a class
  bool centred;                         // boxes are x, y of the centre, width, height
  // Inputs of the procedure; kNone: absent.
  size_t count_at, overlap_at;
};
constexpr size_t kNone = static_cast<size_t>(-1);

struct Box {
  Expr y1, x1, y2, x2;
};

Box BoxAt(const Suppression& s, const Buffer& boxes, const Expr& batch, const Expr& index) {
  const auto part = [&](int64_t i) { return Load(boxes, {batch, index, Int(i)}); };
  const Expr half = Const(0.5, boxes->dtype);
  if (s.centred) {
    const Expr dx = part(2) * half, dy = part(3) * half;
    return {part(1) - dy, part(0) - dx, part(1) + dy, part(0) + dx};
  }
  // Corners may come in either order.
  return {Min(part(0), part(2)), Min(part(1), part(3)), Max(part(0), part(2)),
          Max(part(1), part(3))};
}

// The part of the boxes' union that both cover is larger than the limit.
Expr Overlap(const Box& a, const Box& b, const Expr& limit) {
  const Expr zero = Const(0, a.y1->dtype);
  const auto side = [&](const Expr& from, const Expr& to) { return Max(to - from, zero); };
  const Expr both = side(Max(a.y1, b.y1), Min(a.y2, b.y2)) * side(Max(a.x1, b.x1), Min(a.x2, b.x2));
  const auto area = [&](const Box& x) { return side(x.y1, x.y2) * side(x.x1, x.x2); };
  const Expr joined = area(a) + area(b) - both;
  // Compared after the division, as ONNX Runtime does, so that ties fall alike.
  return And(Lt(zero, joined), Lt(limit, Divide(both, joined)));
}

// Inputs: boxes, scores, the classes' boxes in order, then the optional numbers.
class Writer {
 public:
  Writer(const Suppression& s, const std::vector<Buffer>& in, const Buffer& out)
      : s_(s), in_(in), out_(out) {}

  Stmt Run() const {
    const int64_t classes = s_.batch * s_.classes;
    const Stmt clear =
        ForEach("c", out_->shape, [&](const Exprs& at) { return Store(out_, at, Int(0)); });
    return With({total_, first_, keeps_},
                Seq({clear, total_.Set(Int(0)),
                     InOrder("entry", Int(classes), [&](const Expr& c) { return Class(c); }),
                     Store(out_, {Int(0)}, total_.Get())}));
  }

 private:
  Expr Number(size_t input, const Expr& otherwise) const {
    return input == kNone ? otherwise : Load(in_[input], {Int(0)});
  }

  Stmt Class(const Expr& c) const {
    const Expr batch = FloorDiv(c, s_.classes), kind = FloorMod(c, s_.classes);
    return Seq({first_.Set(total_.Get()), InOrder("rank", Int(s_.boxes), [&](const Expr& rank) {
                  const Expr order = Load(in_[2], {batch, kind, rank});
                  const Expr box = Min(Max(order, Int(0)), Int(s_.boxes - 1));
                  return If(Le(Int(0), order), Consider(batch, kind, box));
                })});
  }

  Stmt Consider(const Expr& batch, const Expr& kind, const Expr& box) const {
    const Expr wanted = Min(Number(s_.count_at, Int(0)), Int(s_.most));
    const Expr good = Lt(total_.Get() - first_.Get(), wanted);
    const Stmt compare = InOrder("kept", total_.Get() - first_.Get(), [&](const Expr& i) {
      const Expr row = Min(Max(first_.Get() + i, Int(0)), Int(Room() - 1));
      const Expr other = Min(Max(Load(out_, {row * 3 + 3}), Int(0)), Int(s_.boxes - 1));
      const Expr limit = Number(s_.overlap_at, Const(0, in_[0]->dtype));
      return If(Overlap(BoxAt(s_, in_[0], batch, box), BoxAt(s_, in_[0], batch, other), limit),
                keeps_.Set(Int(0)));
    });
    const Expr row = total_.Index(Room());
    const Stmt keep = Seq({Store(out_, {row * 3 + 1}, batch), Store(out_, {row * 3 + 2}, kind),
                           Store(out_, {row * 3 + 3}, box), total_.Set(total_.Get() + 1)});
    return If(good, Seq({keeps_.Set(Int(1)), compare, If(Eq(keeps_.Get(), Int(1)), keep)}));
  }

  int64_t Room() const { return s_.batch * s_.classes * s_.most; }

  const Suppression& s_;
  const std::vector<Buffer>& in_;
  const Buffer& out_;
  const Cell total_{"total", DType::kI64}, first_{"first", DType::kI64},
      keeps_{"keeps", DType::kI64};
};

absl::StatusOr<Suppression> ReadSuppression(OpBuilder& b) {
  TW_RETURN_IF_ERROR(CheckRank(b, b.Input(0), 3, 3));
  TW_RETURN_IF_ERROR(CheckRank(b, b.Input(1), 3, 3));
  TW_RETURN_IF_ERROR(CheckSameType(b, {b.Input(0), b.Input(1)}));
  const Shape boxes = b.ShapeOf(b.Input(0)), scores = b.ShapeOf(b.Input(1));
  if (boxes[2] != 4 || boxes[0] != scores[0] || boxes[1] != scores[2] ||
      !IsFloat(b.DTypeOf(b.Input(0)))) {
    return absl::InvalidArgumentError(absl::StrCat("boxes ", ToString(b.TypeOf(b.Input(0))),
                                                   " and scores ", ToString(b.TypeOf(b.Input(1))),
                                                   " do not fit"));
  }
  Suppression s{.batch = boxes[0],
                .boxes = boxes[1],
                .classes = scores[1],
                .most = boxes[1],
                .centred = b.Int("center_point_box", 0) != 0,
                .count_at = kNone,
                .overlap_at = kNone};
  // The room is smaller where the number is known.
  if (!b.HasInput(2)) {
    s.most = 0;
  } else if (const auto known = b.ConstValue(b.Input(2)); known.ok() && known->size() == 1) {
    s.most = std::clamp<int64_t>(known->AsInt(0), 0, s.boxes);
  }
  return s;
}

// An input of one element.
absl::StatusOr<ValueId> NumberOf(OpBuilder& b, size_t input, DType type) {
  TW_ASSIGN_OR_RETURN(const ValueId number, Reshape(b, b.Input(input), {1}));
  return CastTo(b, number, type);
}

// Each class's boxes by falling score; -1 where the score is too low.
absl::StatusOr<ValueId> Candidates(OpBuilder& b, const Suppression& s) {
  if (!b.HasInput(4)) return FirstPositions(b, b.Input(1), {.axis = 2}, s.boxes);
  TW_ASSIGN_OR_RETURN(const ValueId limit, NumberOf(b, 4, b.DTypeOf(b.Input(1))));
  return PositionsAbove(b, b.Input(1), 2, limit);
}

absl::StatusOr<Outputs> NonMaxSuppression(OpBuilder& b) {
  TW_ASSIGN_OR_RETURN(Suppression s, ReadSuppression(b));
  const int64_t room = s.batch * s.classes * s.most;
  if (room == 0) return b.Constant(Tensor({DType::kI64, {0, 3}}));
  TW_ASSIGN_OR_RETURN(const ValueId order, Candidates(b, s));
  std::vector<ValueId> inputs = {b.Input(0), b.Input(1), order};
  size_t* const places[] = {&s.count_at, &s.overlap_at};
  const DType types[] = {DType::kI64, b.DTypeOf(b.Input(0))};
  for (size_t i = 0; i < 2; ++i) {
    if (!b.HasInput(2 + i)) continue;
    TW_ASSIGN_OR_RETURN(inputs.emplace_back(), NumberOf(b, 2 + i, types[i]));
    *places[i] = inputs.size() - 1;
  }
  TW_ASSIGN_OR_RETURN(
      const ValueId packed,
      b.EmitProcedure({.op = "non_max_suppression",
                       .inputs = inputs,
                       .type = {DType::kI64, {1 + 3 * room}},
                       .body = [&](const std::vector<Buffer>& in, const Buffer& out) {
                         return Writer(s, in, out).Run();
                       }}));
  ValueId count = kNoValue;
  return Counted(b, packed, 3, &count);
}

}  // namespace

OpList non_max_suppression() { return {{"NonMaxSuppression", 10, 2, NonMaxSuppression, kFloats}}; }

}  // namespace tilewright::onnx_ops
