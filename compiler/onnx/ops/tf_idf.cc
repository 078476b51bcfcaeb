// TfIdfVectorizer on integers: how often the n-grams of a pool occur in each row, with skips
// between their words. The pool is sorted, so that each place looks its n-gram up by halving.
#include <algorithm>
#include <map>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "compiler/onnx/steps.h"
#include "compiler/onnx/tensor_ops.h"

namespace tilewright::onnx_ops {
namespace {

constexpr int64_t kMaxFeatures = 1 << 24;

// The n-grams of one length, ascending, and what each one counts for.
struct Grams {
  int64_t words;
  std::map<std::vector<int64_t>, size_t> entries;  // -> position in the pool
};

struct VectorizerForm {
  std::vector<Grams> grams;  // those of the lengths that are looked for
  std::vector<int64_t> columns;
  std::vector<float> weights;
  int64_t skips, features;
  std::string mode;
};

// Pool and ngram_counts: where the n-grams of 1, 2, ... words begin.
absl::StatusOr<std::vector<Grams>> ReadGrams(OpBuilder& b, int64_t shortest, int64_t longest) {
  if (b.HasAttr("pool_strings")) {
    return absl::UnimplementedError(
        "pool_strings is not supported: map words to integers and use pool_int64s");
  }
  const std::vector<int64_t> pool = b.Ints("pool_int64s", {});
  std::vector<int64_t> starts = b.Ints("ngram_counts", {});
  starts.push_back(static_cast<int64_t>(pool.size()));
  std::vector<Grams> all;
  size_t id = 0;
  for (size_t n = 1; n < starts.size(); ++n) {
    const int64_t begin = starts[n - 1], end = starts[n], words = static_cast<int64_t>(n);
    if (begin < 0 || begin > end || end > starts.back() || (end - begin) % words != 0) {
      return absl::InvalidArgumentError("ngram_counts does not fit pool_int64s");
    }
    Grams grams{.words = words};
    for (int64_t at = begin; at < end; at += words) {
      grams.entries.emplace(std::vector<int64_t>(pool.begin() + at, pool.begin() + at + words),
                            id++);
    }
    if (words >= shortest && words <= longest && !grams.entries.empty()) {
      all.push_back(std::move(grams));
    }
  }
  return all;
}

absl::StatusOr<VectorizerForm> ReadVectorizer(OpBuilder& b) {
  VectorizerForm form{.skips = b.Int("max_skip_count", 0), .mode = b.Str("mode", "")};
  const int64_t shortest = b.Int("min_gram_length", 1), longest = b.Int("max_gram_length", 1);
  TW_ASSIGN_OR_RETURN(form.grams, ReadGrams(b, shortest, longest));
  form.columns = b.Ints("ngram_indexes", {});
  form.weights = b.Floats("weights");
  if (form.mode != "TF" && form.mode != "IDF" && form.mode != "TFIDF") {
    return absl::InvalidArgumentError(
        absl::StrCat("unknown mode \"", form.mode, "\" (TF, IDF or TFIDF)"));
  }
  for (int64_t column : form.columns) {
    if (column < 0 || column >= kMaxFeatures) {
      return absl::InvalidArgumentError(absl::StrCat("ngram_indexes holds ", column));
    }
    form.features = std::max(form.features, column + 1);
  }
  size_t grams = 0;
  for (const Grams& each : form.grams) {
    for (const auto& [words, id] : each.entries) grams = std::max(grams, id + 1);
  }
  if (form.features < 1 || form.skips < 0 || grams > form.columns.size()) {
    return absl::InvalidArgumentError("ngram_indexes or max_skip_count do not fit the pool");
  }
  if (form.weights.empty()) form.weights.assign(form.columns.size(), 1);
  if (form.weights.size() == form.columns.size()) return form;
  return absl::InvalidArgumentError("weights are not one for each n-gram");
}

// The sorted n-grams as [grams, words], and the column that each one counts in.
struct GramTable {
  ValueId words, columns;
};

GramTable MakeGramTable(OpBuilder& b, const VectorizerForm& form, const Grams& grams) {
  const auto count = static_cast<int64_t>(grams.entries.size());
  std::vector<int64_t> words, columns;
  for (const auto& [gram, id] : grams.entries) {
    words.insert(words.end(), gram.begin(), gram.end());
    columns.push_back(form.columns[id]);
  }
  return {b.Constant(Tensor({DType::kI64, {count, grams.words}}, words)),
          b.Constant(Tensor({DType::kI64, {count}}, columns))};
}

// The statements that count n-grams of one length: a binary search in the table for each.
class GramCounter {
 public:
  // in: x [rows, length], words and columns of the table; out: counts [rows, features].
  GramCounter(const std::vector<Buffer>& in, const Buffer& out, int64_t spacings)
      : in_(in),
        out_(out),
        length_(in[0]->shape[1]),
        size_(in[1]->shape[0]),
        words_(in[1]->shape[1]),
        spacings_(spacings) {}

  Stmt Rows() const {
    const int64_t features = out_->shape[1];
    return ForRows(out_->shape, 1, [&](Exprs at) {
      const Stmt clear = InOrder("c", Int(features),
                                 [&](const Expr& c) { return Store(out_, {at[0], c}, Int(0)); });
      const Stmt count = InOrder("s", Int(spacings_), [&](const Expr& spacing) {
        return InOrder("p", Int(length_), [&](const Expr& place) {
          const Expr last = place + (spacing + 1) * (words_ - 1);
          return If(Lt(last, Int(length_)), Count(at[0], place, spacing));
        });
      });
      return With({low_, high_, order_}, Seq({clear, count}));
    });
  }

 private:
  // The n-gram whose words begin at `place`, one each spacing + 1, if the table has it.
  Stmt Count(const Expr& row, const Expr& place, const Expr& spacing) const {
    int64_t halvings = 1;
    while ((int64_t{1} << halvings) <= size_) ++halvings;
    const Expr middle = FloorDiv(low_.Index(size_ + 1) + high_.Index(size_ + 1), 2);
    const Expr safe = Min(middle, Int(size_ - 1));
    const Expr column = Min(Max(Load(in_[2], {safe}), Int(0)), Int(out_->shape[1] - 1));
    const Stmt hit =
        Seq({Store(out_, {row, column}, Load(out_, {row, column}) + 1), high_.Set(low_.Get())});
    const Stmt halve =
        If(Lt(low_.Get(), high_.Get()),
           Seq({Compare(row, place, spacing, safe),
                If(Eq(order_.Get(), Int(0)), hit,
                   If(Lt(Int(0), order_.Get()), low_.Set(safe + 1), high_.Set(safe)))}));
    return Seq({low_.Set(Int(0)), high_.Set(Int(size_)),
                InOrder("h", Int(halvings), [&](const Expr&) { return halve; })});
  }

  // Sets order_: 1 where the table's entry comes before the n-gram, -1 behind it, 0 where it is.
  Stmt Compare(const Expr& row, const Expr& place, const Expr& spacing, const Expr& entry) const {
    return Seq({order_.Set(Int(0)), InOrder("w", Int(words_), [&](const Expr& w) {
                  const Expr at = Min(place + w * (spacing + 1), Int(length_ - 1));
                  const Expr here = Load(in_[0], {row, at}), there = Load(in_[1], {entry, w});
                  return If(Eq(order_.Get(), Int(0)), If(Lt(there, here), order_.Set(Int(1)),
                                                         If(Lt(here, there), order_.Set(Int(-1)))));
                })});
  }

  const std::vector<Buffer>& in_;
  const Buffer out_;
  const int64_t length_, size_, words_, spacings_;
  const Cell low_{"low", DType::kI64}, high_{"high", DType::kI64}, order_{"order", DType::kI64};
};

// Counts the n-grams of one length in every row of x [rows, length]: int64 [rows, features].
absl::StatusOr<ValueId> CountGrams(OpBuilder& b, const VectorizerForm& form, const Grams& grams,
                                   ValueId x) {
  const GramTable table = MakeGramTable(b, form, grams);
  const int64_t spacings = grams.words == 1 ? 1 : form.skips + 1;  // a word alone skips nothing
  return b.EmitProcedure({.op = "tf_idf_count",
                          .inputs = {x, table.words, table.columns},
                          .type = {DType::kI64, {b.ShapeOf(x)[0], form.features}},
                          .body = [&](const std::vector<Buffer>& in, const Buffer& out) {
                            return GramCounter(in, out, spacings).Rows();
                          }});
}

// What a count says in the mode, each column having its weight.
absl::StatusOr<ValueId> WeighGrams(OpBuilder& b, const VectorizerForm& form, ValueId counts) {
  std::vector<float> weights(static_cast<size_t>(form.features), 1);
  for (size_t id = 0; id < form.columns.size(); ++id) {
    weights[static_cast<size_t>(form.columns[id])] = form.weights[id];
  }
  const ValueId weight = b.Constant(Tensor({DType::kF32, {form.features}}, weights));
  return Map(b, "tf_idf", {counts, weight}, [&](const Exprs& v) {
    const Expr count = Cast(v[0], DType::kF32);
    if (form.mode == "TF") return count;
    if (form.mode == "TFIDF") return count * v[1];
    return Select(Lt(Int(0), v[0]), v[1], Float(0));
  });
}

absl::StatusOr<Outputs> TfIdfVectorizer(OpBuilder& b) {
  TW_ASSIGN_OR_RETURN(const VectorizerForm form, ReadVectorizer(b));
  TW_RETURN_IF_ERROR(CheckRank(b, b.Input(0), 1, 2));
  const DType dtype = b.DTypeOf(b.Input(0));
  if (dtype != DType::kI64 && dtype != DType::kI32) {
    return absl::InvalidArgumentError("input is not int64 or int32");
  }
  const Shape shape = b.ShapeOf(b.Input(0));
  const int64_t rows = shape.size() == 2 ? shape[0] : 1;
  TW_ASSIGN_OR_RETURN(ValueId x, CastTo(b, b.Input(0), DType::kI64));
  TW_ASSIGN_OR_RETURN(x, Reshape(b, x, {rows, shape.back()}));
  ValueId counts = b.Constant(Tensor({DType::kI64, {rows, form.features}}));
  for (const Grams& grams : form.grams) {
    TW_ASSIGN_OR_RETURN(const ValueId more, CountGrams(b, form, grams, x));
    TW_ASSIGN_OR_RETURN(counts,
                        Map(b, "add", {counts, more}, [](const Exprs& v) { return v[0] + v[1]; }));
  }
  TW_ASSIGN_OR_RETURN(const ValueId y, WeighGrams(b, form, counts));
  return shape.size() == 2 ? y : Reshape(b, y, {form.features});
}

}  // namespace

OpList tf_idf() { return {{"TfIdfVectorizer", 9, 1, TfIdfVectorizer, {DType::kI32, DType::kI64}}}; }

}  // namespace tilewright::onnx_ops
