// attention: softmax(scale * query key' + mask) value, head by head (Vaswani et al.,
// arXiv:1706.03762), all in the order of tokens: query [B,M,H,D], key [B,N,G,D], value [B,N,G,E],
// perhaps a mask [B or 1, H or 1, M or 1, N] of floats that is added to the scores; output
// [B,M,H,E]. Head h reads head h / (H / G) of keys and values (Ainslie et al., arXiv:2305.13245).
// No layout has a name. There is no epilogue.
//
// Attributes: causal: query m sees keys up to m + causal, all where it is -1. scaled: 1: scale is
// 1 / sqrt(D), 0: it is 1. empty_rows: what a query gives that sees no key: 0: NaN, as softmax
// does, 1: zeros.
#include "compiler/operators/attention.h"

#include <cmath>
#include <limits>

#include "absl/strings/str_cat.h"
#include "compiler/operators/operator_def.h"
#include "compiler/operators/workload_rules.h"

namespace tilewright {
namespace {

// Of a head, query and value together: kernels keep rows of both beside the cache.
constexpr int64_t kMostHeadSize = 4096;

absl::Status BadAttention(absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("workload: attention: ", what));
}

absl::Status CheckMask(const TensorType& mask, const AttentionDims& d) {
  if (!IsFloat(mask.dtype) || SizeOf(mask.dtype) > 4) {
    return BadAttention("the mask must be float32, float16 or bfloat16");
  }
  const Shape whole = {d.batch, d.heads, d.queries, d.keys};
  for (size_t i = 0; i < whole.size(); ++i) {
    if (mask.shape[i] == whole[i] || (i < 3 && mask.shape[i] == 1)) continue;
    return BadAttention(absl::StrCat("mask ", ToString(mask), " does not broadcast to ",
                                     ToString(TensorType{mask.dtype, whole})));
  }
  return absl::OkStatus();
}

absl::Status CheckAttention(const Workload& w) {
  const AttentionDims d = AttentionDimsOf(w);
  const DType type = w.inputs[0].dtype;
  if (!IsFloat(type) || w.inputs[2].dtype != type) {
    return BadAttention("query, key and value must be floats of one type");
  }
  if (w.inputs[1].shape != Shape{d.batch, d.keys, d.groups, d.size} ||
      w.inputs[2].shape != Shape{d.batch, d.keys, d.groups, d.values}) {
    return BadAttention(absl::StrCat("query ", ToString(w.inputs[0]), ", key ",
                                     ToString(w.inputs[1]), " and value ", ToString(w.inputs[2]),
                                     " disagree"));
  }
  if (d.heads % d.groups != 0) {
    return BadAttention(absl::StrCat(d.heads, " heads are no multiple of the key's ", d.groups));
  }
  if (d.size + d.values > kMostHeadSize) {
    return BadAttention(absl::StrCat("a head of ", d.size, " and ", d.values,
                                     " elements, of which ", kMostHeadSize, " are the most"));
  }
  for (const char* flag : {"scaled", "empty_rows"}) {
    if (w.Attr(flag)[0] > 1) return BadAttention(absl::StrCat(flag, " must be 0 or 1"));
  }
  if (!w.epilogue.empty()) return BadAttention("it has no epilogue");
  return w.inputs.size() < 4 ? absl::OkStatus() : CheckMask(w.inputs[3], d);
}

Shape AttentionOutput(const Workload& w) {
  const Shape& query = w.inputs[0].shape;
  return {query[0], query[1], query[2], w.inputs[2].shape[3]};
}

double AttentionMultiplyAdds(const Workload& w) {
  const AttentionDims d = AttentionDimsOf(w);
  const double scores = static_cast<double>(d.batch) * static_cast<double>(d.heads) *
                        static_cast<double>(d.queries) * static_cast<double>(d.keys);
  return scores * static_cast<double>(d.size + d.values);
}

Stmt Serial(const Expr& var, int64_t extent, Stmt body) {
  return For(var, extent, LoopKind::kSerial, std::move(body));
}

struct QueryPlace {
  Expr batch, query, head;
};

// One query of one head. The scores are computed twice, first for their maximum, so that nothing
// is kept of them.
class PlainRow {
 public:
  PlainRow(const Workload& w, const Compute& c, const QueryPlace& at)
      : w_(w), c_(c), d_(AttentionDimsOf(w)), batch_(at.batch), query_(at.query), head_(at.head) {}

  Stmt Lower() const {
    const Expr key = Var("n"), again = Var("n"), e = Var("e"), out = Var("e");
    const Expr shift = SoftmaxShift(At(peak_));
    const Expr weight = Call("exp", {ScoreOf(again) - shift}, DType::kF32);
    const Expr value = Cast(Load(c_.inputs[2], {batch_, again, Group(), e}), DType::kF32);
    const Expr result =
        Load(sums_, {out}) * SoftmaxFactor(w_.Attr("empty_rows")[0] == 1, At(total_));
    const Stmt body = Seq(
        {Set(peak_, Float(-std::numeric_limits<double>::infinity())),
         Serial(key, d_.keys, Seq({Product(key), Set(peak_, Max(At(peak_), ScoreOf(key)))})),
         Set(total_, Float(0)), Serial(e, d_.values, Store(sums_, {e}, Float(0))),
         Serial(again, d_.keys,
                Seq({Product(again), Set(product_, weight), Set(total_, At(total_) + At(product_)),
                     Serial(e, d_.values,
                            Store(sums_, {e}, Load(sums_, {e}) + At(product_) * value))})),
         Serial(out, d_.values,
                Store(c_.output, {batch_, query_, head_, out}, Cast(result, c_.output->dtype)))});
    return Alloc(product_, Alloc(peak_, Alloc(total_, Alloc(sums_, body))));
  }

 private:
  static Buffer Cell(const char* name) { return MakeBuffer(name, DType::kF32, {1}, Scope::kStack); }
  static Expr At(const Buffer& cell) { return Load(cell, {Int(0)}); }
  static Stmt Set(const Buffer& cell, Expr value) {
    return Store(cell, {Int(0)}, std::move(value));
  }

  Expr Group() const { return FloorDiv(head_, d_.heads / d_.groups); }

  Stmt Product(const Expr& key) const {
    const Expr i = Var("d");
    const Expr q = Cast(Load(c_.inputs[0], {batch_, query_, head_, i}), DType::kF32);
    const Expr k = Cast(Load(c_.inputs[1], {batch_, key, Group(), i}), DType::kF32);
    return Seq({Set(product_, Float(0)), Serial(i, d_.size, Set(product_, At(product_) + q * k))});
  }

  Expr ScoreOf(const Expr& key) const {
    const Buffer mask = w_.inputs.size() > 3 ? c_.inputs[3] : nullptr;
    return AttentionScore(w_, At(product_) * Float(AttentionScale(w_)), mask,
                          {batch_, head_, query_, key});
  }

  const Workload& w_;
  const Compute& c_;
  const AttentionDims d_;
  const Expr batch_, query_, head_;
  const Buffer product_ = Cell("product"), peak_ = Cell("peak"), total_ = Cell("total");
  const Buffer sums_ = MakeBuffer("row", DType::kF32, {d_.values}, Scope::kStack);
};

Compute DefineAttention(const Workload& w) {
  const std::vector<TensorType> types = ArgumentTypes(w);
  const char* const names[] = {"query", "key", "value", "mask"};
  Compute c{.name = "attention"};
  for (size_t i = 0; i < w.inputs.size(); ++i) {
    c.inputs.push_back(MakeBuffer(names[i], types[i].dtype, types[i].shape));
  }
  c.output = MakeBuffer("out", types.back().dtype, types.back().shape);
  c.axes = MakeAxes(c.output->shape, "i");
  const AttentionDims d = AttentionDimsOf(w);
  const Expr row = Var("p"), batch = Var("b"), query = Var("m"), head = Var("h");
  Stmt body = Serial(head, d.heads, PlainRow(w, c, {batch, query, head}).Lower());
  body = Let(query, FloorMod(row, d.queries), std::move(body));
  body = Let(batch, FloorDiv(row, d.queries), std::move(body));
  c.procedure = For(row, d.batch * d.queries, LoopKind::kParallel, std::move(body));
  return c;
}

std::optional<WorkloadLayouts> Blocked(const Workload&, int64_t) { return std::nullopt; }

}  // namespace

AttentionDims AttentionDimsOf(const Workload& w) {
  const Shape &query = w.inputs[0].shape, &key = w.inputs[1].shape;
  return {.batch = query[0],
          .queries = query[1],
          .heads = query[2],
          .keys = key[1],
          .groups = key[2],
          .size = query[3],
          .values = w.inputs[2].shape[3]};
}

double AttentionScale(const Workload& w) {
  return w.Attr("scaled")[0] == 1 ? 1 / std::sqrt(static_cast<double>(w.inputs[0].shape[3])) : 1;
}

Expr AttentionScore(const Workload& w, Expr product, const Buffer& mask, const ScorePlace& at) {
  Expr score = std::move(product);
  if (mask != nullptr) {
    std::vector<Expr> index = {at.batch, at.head, at.query, at.key};
    for (size_t i = 0; i < index.size(); ++i) {
      if (mask->shape[i] == 1) index[i] = Int(0);
    }
    score = score + Cast(Load(mask, std::move(index)), DType::kF32);
  }
  return HideKeys(w.Attr("causal")[0], std::move(score), at);
}

Expr HideKeys(int64_t causal, Expr score, const ScorePlace& at) {
  if (causal < 0) return score;
  return Select(Le(at.key, at.query + causal), score,
                Float(-std::numeric_limits<double>::infinity()));
}

Expr SoftmaxShift(const Expr& maximum) {
  const Expr none = Float(-std::numeric_limits<double>::infinity());
  return Select(Eq(maximum, none), Float(0), maximum);
}

Expr SoftmaxFactor(bool empty_rows, const Expr& total) {
  const Expr factor = Binary(BinaryOp::kDiv, Float(1), total);
  if (!empty_rows) return factor;
  return Select(Eq(total, Float(0)), Float(0), factor);
}

const OperatorDef& attention() {
  static const auto* def =
      new OperatorDef{.data = {"BMHD", "", /*named=*/false},
                      .weight = {"BNGD", "", /*named=*/false},
                      .out = {"BMHE", "", /*named=*/false},
                      .further = {4, 4},
                      .optional = 1,
                      .attributes = {{"causal", 1, -1}, {"scaled", 1, 0}, {"empty_rows", 1, 0}},
                      .weighted = false,
                      .channel = 3,
                      .check = CheckAttention,
                      .output_shape = AttentionOutput,
                      .multiply_adds = AttentionMultiplyAdds,
                      .define = DefineAttention,
                      .blocked = Blocked};
  return *def;
}

}  // namespace tilewright
