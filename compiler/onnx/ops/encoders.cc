// ai.onnx.ml's encoders of categories that are numbers: LabelEncoder looks each element up in a
// sorted table, OneHotEncoder compares it with each category; and ZipMap, whose maps are their
// values, a column a key.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "compiler/onnx/steps.h"
#include "compiler/onnx/tensor_ops.h"

namespace tilewright::onnx_ops {
namespace {

// `keys` or `values`, in whichever attribute they are.
absl::StatusOr<Tensor> ReadColumn(OpBuilder& b, const std::string& column) {
  if (b.HasAttr(column + "_strings")) {
    return absl::UnimplementedError(absl::StrCat(
        column, "_strings is not supported: strings are encoded outside of the model"));
  }
  if (b.HasAttr(column + "_tensor")) return b.TensorAttr(column + "_tensor");
  const std::vector<int64_t> ints = b.Ints(column + "_int64s", {});
  if (!ints.empty()) return Tensor({DType::kI64, {static_cast<int64_t>(ints.size())}}, ints);
  const std::vector<float> floats = b.Floats(column + "_floats");
  if (!floats.empty()) return Tensor({DType::kF32, {static_cast<int64_t>(floats.size())}}, floats);
  return absl::InvalidArgumentError(absl::StrCat("has no ", column));
}

// What an element becomes that is no key.
absl::StatusOr<Expr> ReadDefault(OpBuilder& b, DType dtype) {
  if (b.HasAttr("default_tensor")) {
    TW_ASSIGN_OR_RETURN(const Tensor value, b.TensorAttr("default_tensor"));
    if (value.size() == 1) return Const(value.AsDouble(0), dtype);
    return absl::InvalidArgumentError("default_tensor must have one element");
  }
  if (IsFloat(dtype)) return Float(b.Float("default_float", -0.0), dtype);
  return Int(b.Int("default_int64", -1), dtype);
}

// Keys in ascending order, each once, with their values; NaN apart.
struct Dictionary {
  Tensor keys, values;
  Expr otherwise, of_nan;
};

absl::StatusOr<Dictionary> ReadDictionary(OpBuilder& b) {
  TW_ASSIGN_OR_RETURN(const Tensor keys, ReadColumn(b, "keys"));
  TW_ASSIGN_OR_RETURN(const Tensor values, ReadColumn(b, "values"));
  if (keys.size() != values.size() || keys.size() == 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("has ", keys.size(), " keys and ", values.size(), " values"));
  }
  Dictionary d;
  TW_ASSIGN_OR_RETURN(d.otherwise, ReadDefault(b, values.dtype()));
  d.of_nan = d.otherwise;
  std::vector<int64_t> order;  // of what is not NaN, a repeated key's last first
  for (int64_t i = keys.size(); i-- > 0;) {
    if (!std::isnan(keys.AsDouble(i))) order.push_back(i);
  }
  for (int64_t i = 0; i < keys.size(); ++i) {
    if (std::isnan(keys.AsDouble(i))) d.of_nan = Const(values.AsDouble(i), values.dtype());
  }
  const auto less = [&](int64_t i, int64_t j) {
    return IsFloat(keys.dtype()) ? keys.AsDouble(i) < keys.AsDouble(j)
                                 : keys.AsInt(i) < keys.AsInt(j);
  };
  std::stable_sort(order.begin(), order.end(), less);
  order.erase(
      std::unique(order.begin(), order.end(), [&](int64_t i, int64_t j) { return !less(i, j); }),
      order.end());
  if (order.empty()) order.push_back(0);  // NaN alone, which nothing equals
  const auto pick = [&](const Tensor& from) {
    Tensor picked({from.dtype(), {static_cast<int64_t>(order.size())}});
    const auto size = static_cast<size_t>(SizeOf(from.dtype()));
    for (size_t i = 0; i < order.size(); ++i) {
      std::memcpy(picked.as<char>() + i * size,
                  from.as<char>() + static_cast<size_t>(order[i]) * size, size);
    }
    return picked;
  };
  d.keys = pick(keys), d.values = pick(values);
  return d;
}

// The last key that is at most x, found by halving; its value where it is x.
Stmt LookUp(const Dictionary& d, const std::vector<Buffer>& in, const Buffer& out, const Expr& i) {
  const int64_t size = in[1]->shape[0];
  const Cell at("at", DType::kI64);
  const Expr x = Load(in[0], {i});
  std::vector<Stmt> steps = {at.Set(Int(0))};
  int64_t step = 1;
  while (2 * step < size) step *= 2;
  for (; step > 0; step /= 2) {
    const Expr next = at.Get() + step;
    const Expr key = Load(in[1], {Min(next, Int(size - 1))});
    steps.push_back(If(And(Lt(next, Int(size)), Le(key, x)), at.Set(next)));
  }
  const Expr found = Eq(Load(in[1], {at.Index(size)}), x);
  const Expr value = Select(found, Load(in[2], {at.Index(size)}), d.otherwise);
  steps.push_back(Store(out, {i}, Select(IsNan(x), d.of_nan, value)));
  return With({at}, Seq(std::move(steps)));
}

absl::StatusOr<Outputs> LabelEncoder(OpBuilder& b) {
  TW_ASSIGN_OR_RETURN(const Dictionary d, ReadDictionary(b));
  if (b.DTypeOf(b.Input(0)) != d.keys.dtype()) {
    return absl::InvalidArgumentError(absl::StrCat("input is ", ToString(b.TypeOf(b.Input(0))),
                                                   ", keys are ", ToString(d.keys.type())));
  }
  const Shape shape = b.ShapeOf(b.Input(0));
  const int64_t elements = NumElements(shape);
  TW_ASSIGN_OR_RETURN(const ValueId x, Reshape(b, b.Input(0), {elements}));
  const auto body = [&](const std::vector<Buffer>& in, const Buffer& out) {
    return ForRows({elements}, 1, [&](Exprs at) { return LookUp(d, in, out, at[0]); });
  };
  TW_ASSIGN_OR_RETURN(const ValueId y,
                      b.EmitProcedure({.op = "label_encoder",
                                       .inputs = {x, b.Constant(d.keys), b.Constant(d.values)},
                                       .type = {d.values.dtype(), {elements}},
                                       .body = body}));
  return Reshape(b, y, shape);
}

// Elements that are no category are rows of zeros; that they are refused (`zeros` 0) cannot be.
absl::StatusOr<Outputs> OneHotEncoder(OpBuilder& b) {
  const std::vector<int64_t> categories = b.Ints("cats_int64s", {});
  if (categories.empty()) {
    return absl::UnimplementedError("needs cats_int64s: strings are encoded outside of the model");
  }
  const auto count = static_cast<int64_t>(categories.size());
  const ValueId table = b.Constant(Tensor({DType::kI64, {count}}, categories));
  Shape shape = b.ShapeOf(b.Input(0));
  shape.push_back(count);
  return b.Emit({.op = "one_hot",
                 .inputs = {b.Input(0), table},
                 .type = {DType::kF32, std::move(shape)},
                 .body = [](const Point& p) {
                   const Exprs at(p.axes.begin(), p.axes.end() - 1);
                   const Expr x = Cast(p.Load(0, at), DType::kI64);
                   return Select(Eq(x, p.Load(1, {p.axes.back()})), Float(1), Float(0));
                 }});
}

absl::StatusOr<Outputs> ZipMap(OpBuilder& b) {
  TW_RETURN_IF_ERROR(CheckRank(b, b.Input(0), 1, 2));
  const size_t keys =
      b.Ints("classlabels_int64s", {}).size() + b.Strings("classlabels_strings").size();
  const int64_t columns = b.ShapeOf(b.Input(0)).back();
  if (static_cast<int64_t>(keys) == columns) return b.Input(0);
  return absl::InvalidArgumentError(absl::StrCat("has ", keys, " keys for ", columns, " columns"));
}

}  // namespace

OpList encoders() {
  return {{"ai.onnx.ml.LabelEncoder", 1, 1, LabelEncoder, kNumbers},
          {"ai.onnx.ml.OneHotEncoder", 1, 1, OneHotEncoder, kNumbers},
          {"ai.onnx.ml.ZipMap", 1, 1, ZipMap, {DType::kF32}}};
}

}  // namespace tilewright::onnx_ops
