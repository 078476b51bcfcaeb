#include "compiler/templates/support/attention_stages.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "compiler/operators/workload_rules.h"
#include "compiler/schedule/fixed.h"
#include "compiler/templates/support/row_stages.h"

namespace tilewright {
namespace {

// Keys that scratch holds the scores of, in whole vectors.
int64_t ScoreColumns(const AttentionDims& dims, const AttentionTile& tile) {
  const int64_t keys = std::min(dims.keys, tile.keys);
  return (keys + tile.lanes - 1) / tile.lanes * tile.lanes;
}

Buffer Scratch(const char* name, std::vector<int64_t> shape) {
  return MakeBuffer(name, DType::kF32, std::move(shape), Scope::kStack);
}

struct Parameters {
  Buffer query, keys, value, mask, out;  // `mask` is null where there is none

  explicit Parameters(const Workload& w) {
    const std::vector<TensorType> types = ArgumentTypes(w);
    const auto buffer = [](const char* name, const TensorType& type) {
      return MakeBuffer(name, type.dtype, type.shape);
    };
    query = buffer("query", types[0]);
    keys = buffer("keys", TurnedKeys(AttentionDimsOf(w)));
    value = buffer("value", types[2]);
    if (w.inputs.size() > 3) mask = buffer("mask", types[3]);
    out = buffer("out", types.back());
  }

  std::vector<Buffer> All() const {
    std::vector<Buffer> all = {query, keys, value};
    if (mask != nullptr) all.push_back(mask);
    all.push_back(out);
    return all;
  }
};

// Of a block of queries of one head, of which `first` is the first: variables.
struct BlockPlace {
  Expr batch, head, first;
};

class QueryBlock {
 public:
  QueryBlock(const Workload& w, const AttentionTile& tile, const Parameters& p,
             const BlockPlace& at)
      : w_(w),
        d_(AttentionDimsOf(w)),
        tile_(tile),
        stages_{tile.rows, tile.lanes},
        p_(p),
        batch_(at.batch),
        head_(at.head),
        first_(at.first),
        rows_(Scratch("rows", {tile.rows, d_.size})),
        scores_(Scratch("scores", {tile.rows, ScoreColumns(d_, tile)})),
        sums_(Scratch("weighted", {tile.rows, d_.values})),
        peak_(Scratch("peak", {tile.rows})),
        shift_(Scratch("shift", {tile.rows})),
        total_(Scratch("total", {tile.rows})),
        old_(Scratch("old_peak", {tile.rows})),
        fix_(Scratch("fix", {tile.rows})) {}

  Stmt Lower() const {
    Stmt body = Seq({CopyQueries(), OneBlock() ? Keys(Int(0), d_.keys) : AllKeys()});
    std::vector<Buffer> scratch = {rows_, scores_, peak_, shift_, total_};
    if (!OneBlock()) scratch.insert(scratch.end(), {old_, fix_, sums_});
    for (const Buffer& buffer : scratch) body = Alloc(buffer, std::move(body));
    return body;
  }

 private:
  bool OneBlock() const { return tile_.keys >= d_.keys; }
  Expr Group() const { return FloorDiv(head_, d_.heads / d_.groups); }

  // Rows beyond the last query repeat it and are not stored.
  bool HasTail() const { return d_.queries % tile_.rows != 0; }
  Expr QueryOf(const Expr& row) const {
    return HasTail() ? Min(first_ + row, Int(d_.queries - 1)) : first_ + row;
  }

  Destination ToScratch(const Buffer& buffer) const {
    return {buffer, [](const Expr& r, const Expr& c) { return std::vector<Expr>{r, c}; }};
  }
  Destination ToOutput() const {
    return {p_.out,
            [this](const Expr& r, const Expr& e) {
              return std::vector<Expr>{batch_, first_ + r, head_, e};
            },
            HasTail() ? [this](const Expr& r) { return Lt(first_ + r, Int(d_.queries)); }
                      : RowFn(nullptr)};
  }

  // The block's queries in float32, scaled.
  Stmt CopyQueries() const {
    const double scale = AttentionScale(w_);
    return stages_.Map(d_.size, ToScratch(rows_), [&](const Expr& r, const Expr& d) {
      const Expr query = Cast(Load(p_.query, {batch_, QueryOf(r), head_, d}), DType::kF32);
      return scale == 1 ? query : query * Float(scale);
    });
  }

  Stmt Scores(const Expr& first_key, int64_t count) const {
    const Sum sum = {.extent = d_.size,
                     .product =
                         [&](const Expr& r, const Expr& n, const Expr& d) {
                           return Load(rows_, {r, d}) *
                                  Load(p_.keys, {batch_, Group(), d, first_key + n});
                         },
                     .result =
                         [&](const Expr& product, const Expr& r, const Expr& n) {
                           return AttentionScore(w_, product, p_.mask,
                                                 {batch_, head_, QueryOf(r), first_key + n});
                         }};
    return stages_.Multiply(count, {tile_.tile_rows, tile_.key_vectors}, sum, ToScratch(scores_));
  }

  // The scores of some keys become weights, which `total` counts. What was summed before is of
  // another shift: `fix` corrects it.
  Stmt Weights(int64_t count) const {
    const bool more = !OneBlock();
    const auto exp = [](Expr x) { return Call("exp", {std::move(x)}, DType::kF32); };
    const auto shift = [&](const Expr& r) { return SoftmaxShift(Load(peak_, {r})); };
    const auto fix = [&](const Expr& r) { return exp(Load(old_, {r}) - Load(shift_, {r})); };
    const auto fixed = [&](const Expr& r) { return Load(total_, {r}) * Load(fix_, {r}); };
    const Stmt keep =
        more ? stages_.ForRows({{old_, [&](const Expr& r) { return Load(peak_, {r}); }}}) : nullptr;
    const Stmt shifts = more ? stages_.ForRows({{shift_, shift}, {fix_, fix}, {total_, fixed}})
                             : stages_.ForRows({{shift_, shift}});
    const Stmt weigh = stages_.Map(count, ToScratch(scores_), [&](const Expr& r, const Expr& n) {
      return exp(Load(scores_, {r, n}) - Load(shift_, {r}));
    });
    return Seq({keep, stages_.Reduce(Reducer::kMax, {scores_, count}, peak_, more), shifts, weigh,
                stages_.Reduce(Reducer::kSum, {scores_, count}, total_, more)});
  }

  Stmt InvertTotals() const {
    return stages_.ForRows({{total_, [&](const Expr& r) {
                               return SoftmaxFactor(w_.Attr("empty_rows")[0] == 1,
                                                    Load(total_, {r}));
                             }}});
  }

  // Weights by values: the output, or, where other keys come before or after, sums.
  Stmt Values(const Expr& first_key, int64_t count) const {
    const Sum sum = {.extent = count,
                     .product =
                         [&](const Expr& r, const Expr& e, const Expr& n) {
                           const Expr value = Load(p_.value, {batch_, first_key + n, Group(), e});
                           return Load(scores_, {r, n}) * Cast(value, DType::kF32);
                         },
                     .result =
                         [&](const Expr& product, const Expr& r, const Expr& e) {
                           if (OneBlock()) return product * Load(total_, {r});
                           return product + Load(sums_, {r, e}) * Load(fix_, {r});
                         }};
    return stages_.Multiply(d_.values, {tile_.tile_rows, tile_.value_vectors}, sum,
                            OneBlock() ? ToOutput() : ToScratch(sums_));
  }

  Stmt Keys(const Expr& first_key, int64_t count) const {
    return Seq({Scores(first_key, count), Weights(count), OneBlock() ? InvertTotals() : nullptr,
                Values(first_key, count)});
  }

  // Leaves out keys that no query of the block sees.
  Stmt SeenKeys(const Expr& first_key, int64_t count) const {
    const int64_t causal = w_.Attr("causal")[0];
    const Stmt keys = Keys(first_key, count);
    return causal < 0 ? keys : If(Lt(first_key, first_ + (tile_.rows + causal)), keys);
  }

  Stmt AllKeys() const {
    const int64_t whole = d_.keys / tile_.keys, rest = d_.keys % tile_.keys;
    const auto none = [](const Expr&) { return Float(-std::numeric_limits<double>::infinity()); };
    const auto zero = [](const Expr&) { return Float(0); };
    const Expr block = Var("block");
    return Seq({stages_.ForRows({{peak_, none}, {total_, zero}}),
                stages_.Map(d_.values, ToScratch(sums_),
                            [](const Expr&, const Expr&) { return Float(0); }),
                For(block, whole, LoopKind::kSerial, SeenKeys(block * tile_.keys, tile_.keys)),
                rest == 0 ? nullptr : SeenKeys(Int(whole * tile_.keys), rest), InvertTotals(),
                stages_.Map(d_.values, ToOutput(), [&](const Expr& r, const Expr& e) {
                  return Load(sums_, {r, e}) * Load(total_, {r});
                })});
  }

  const Workload& w_;
  const AttentionDims d_;
  const AttentionTile tile_;
  const RowStages stages_;
  const Parameters& p_;
  const Expr batch_, head_, first_;
  const Buffer rows_, scores_, sums_;
  const Buffer peak_, shift_, total_, old_, fix_;  // of each row
};

}  // namespace

int64_t AttentionScratchBytes(const AttentionDims& dims, const AttentionTile& tile) {
  constexpr int64_t kRowBuffers = 5;
  const int64_t values = tile.keys >= dims.keys ? 0 : dims.values;
  const int64_t row = dims.size + ScoreColumns(dims, tile) + values + kRowBuffers;
  return tile.rows * row * static_cast<int64_t>(sizeof(float));
}

TensorType TurnedKeys(const AttentionDims& dims) {
  return {DType::kF32, {dims.batch, dims.groups, dims.size, dims.keys}};
}

Program TurnKeys(const Workload& workload, const Target& target) {
  const TensorType& key = workload.inputs[1];
  const TensorType turned = TurnedKeys(AttentionDimsOf(workload));
  Compute c{.name = "attention_keys"};
  c.inputs = {MakeBuffer("key", key.dtype, key.shape)};
  c.output = MakeBuffer("keys", turned.dtype, turned.shape);
  c.axes = MakeAxes(turned.shape, "i");
  const std::vector<Expr> at = Vars(c.axes);
  c.body = Cast(Load(c.inputs[0], {at[0], at[3], at[1], at[2]}), DType::kF32);
  return ScheduleFixed(c, target);
}

Program AttendToKeys(const Workload& workload, const AttentionTile& tile) {
  const AttentionDims d = AttentionDimsOf(workload);
  const int64_t blocks = (d.queries + tile.rows - 1) / tile.rows;
  const Parameters parameters(workload);
  const Expr index = Var("p"), batch = Var("b"), head = Var("h"), first = Var("m");
  Stmt body = QueryBlock(workload, tile, parameters, {batch, head, first}).Lower();
  body = Let(first, FloorMod(index, blocks) * tile.rows, std::move(body));
  body = Let(head, FloorMod(FloorDiv(index, blocks), d.heads), std::move(body));
  body = Let(batch, FloorDiv(index, blocks * d.heads), std::move(body));
  return {.name = "attention",
          .params = parameters.All(),
          .body = For(index, d.batch * d.heads * blocks, LoopKind::kParallel, std::move(body))};
}

}  // namespace tilewright
