// ai.onnx.ml's encoders of categories: LabelEncoder looks each number up in a sorted table, and
// replaces the names of strings; OneHotEncoder compares numbers with each category; and ZipMap,
// whose maps are their values, a column a key.
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

// `keys` or `values`, in whichever attribute they are; strings as places.
absl::StatusOr<StringTensor> ReadColumn(OpBuilder& b, const std::string& column) {
  const auto size = [](const auto& list) { return Shape{static_cast<int64_t>(list.size())}; };
  const Names texts = b.Strings(column + "_strings");
  if (!texts.empty()) return PlacesOf(texts, size(texts));
  const onnx::AttributeProto* const tensor = b.Find(column + "_tensor");
  if (tensor != nullptr && tensor->t().data_type() == onnx::TensorProto::STRING) {
    return FromOnnxStrings(tensor->t());
  }
  if (tensor != nullptr) {
    TW_ASSIGN_OR_RETURN(Tensor numbers, b.TensorAttr(column + "_tensor"));
    return StringTensor{.places = std::move(numbers)};
  }
  const std::vector<int64_t> ints = b.Ints(column + "_int64s", {});
  if (!ints.empty()) return StringTensor{.places = Tensor({DType::kI64, size(ints)}, ints)};
  const std::vector<float> floats = b.Floats(column + "_floats");
  if (!floats.empty()) return StringTensor{.places = Tensor({DType::kF32, size(floats)}, floats)};
  return absl::InvalidArgumentError(absl::StrCat("has no ", column));
}

// The place of what stands for strings that have none, which is added to the names.
int64_t PlaceOfDefault(const std::string& text, Names& names) {
  const auto found = std::find(names.begin(), names.end(), text);
  const auto place = static_cast<int64_t>(found - names.begin());
  if (found == names.end()) names.push_back(text);
  return place;
}

// What an element becomes that is no key, of the values' type.
absl::StatusOr<Tensor> ReadDefault(OpBuilder& b, StringTensor& values) {
  Tensor value({values.places.dtype(), {1}});
  const onnx::AttributeProto* const tensor = b.Find("default_tensor");
  if (!values.names.empty()) {
    StringTensor given = PlacesOf({b.Str("default_string", "_Unused")}, {1});
    if (tensor != nullptr) {
      TW_ASSIGN_OR_RETURN(given, FromOnnxStrings(tensor->t()));
    }
    if (given.names.size() == 1) value.Set(0, PlaceOfDefault(given.names[0], values.names));
    if (given.names.size() == 1) return value;
  } else if (tensor != nullptr) {
    TW_ASSIGN_OR_RETURN(const Tensor given, b.TensorAttr("default_tensor"));
    if (given.size() == 1 && given.dtype() == value.dtype()) return given;
  } else if (IsFloat(value.dtype())) {
    value.Set(0, b.Float("default_float", -0.0));
    return value;
  } else {
    const int64_t number = b.Int("default_int64", -1);
    Dispatch(value.dtype(), [&]<typename T>() {
      if constexpr (std::is_integral_v<T>) *value.as<T>() = static_cast<T>(number);
    });
    return value;
  }
  return absl::InvalidArgumentError("default_tensor must have one element of the values' type");
}

// Keys in ascending order, each once, with their values; NaN apart.
struct Dictionary {
  Tensor keys, values;
  Expr otherwise, of_nan;
  Names names;  // where the values are strings
};

Expr ElementOf(const Tensor& tensor, int64_t i) {
  return IsFloat(tensor.dtype()) ? Float(tensor.AsDouble(i), tensor.dtype())
                                 : Int(tensor.AsInt(i), tensor.dtype());
}

// Places of the keys that are not NaN, ascending; of a repeated key the last.
std::vector<int64_t> OrderOf(const Tensor& keys) {
  std::vector<int64_t> order;
  for (int64_t i = keys.size(); i-- > 0;) {
    if (!std::isnan(keys.AsDouble(i))) order.push_back(i);
  }
  const auto less = [&](int64_t i, int64_t j) {
    return IsFloat(keys.dtype()) ? keys.AsDouble(i) < keys.AsDouble(j)
                                 : keys.AsInt(i) < keys.AsInt(j);
  };
  std::stable_sort(order.begin(), order.end(), less);
  order.erase(
      std::unique(order.begin(), order.end(), [&](int64_t i, int64_t j) { return !less(i, j); }),
      order.end());
  return order;
}

Tensor Pick(const Tensor& from, const std::vector<int64_t>& places) {
  Tensor picked({from.dtype(), {static_cast<int64_t>(places.size())}});
  const auto size = static_cast<size_t>(SizeOf(from.dtype()));
  for (size_t i = 0; i < places.size(); ++i) {
    std::memcpy(picked.as<char>() + i * size,
                from.as<char>() + static_cast<size_t>(places[i]) * size, size);
  }
  return picked;
}

absl::StatusOr<Dictionary> ReadDictionary(OpBuilder& b) {
  TW_ASSIGN_OR_RETURN(const StringTensor read_keys, ReadColumn(b, "keys"));
  TW_ASSIGN_OR_RETURN(StringTensor read_values, ReadColumn(b, "values"));
  if (!read_keys.names.empty()) {
    return absl::UnimplementedError("its keys are strings; the input is numbers");
  }
  const Tensor &keys = read_keys.places, &values = read_values.places;
  if (keys.size() != values.size() || keys.size() == 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("has ", keys.size(), " keys and ", values.size(), " values"));
  }
  TW_ASSIGN_OR_RETURN(const Tensor otherwise, ReadDefault(b, read_values));
  Dictionary d{.otherwise = ElementOf(otherwise, 0), .of_nan = ElementOf(otherwise, 0)};
  for (int64_t i = 0; i < keys.size(); ++i) {
    if (std::isnan(keys.AsDouble(i))) d.of_nan = ElementOf(values, i);
  }
  std::vector<int64_t> order = OrderOf(keys);
  if (order.empty()) order.push_back(0);  // NaN alone, which nothing equals
  d.keys = Pick(keys, order), d.values = Pick(values, order);
  d.names = std::move(read_values.names);
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

// The values of all names that the strings may be, at the names' places.
absl::StatusOr<Outputs> EncodeStrings(OpBuilder& b, ValueId strings) {
  const Names names = *b.ClassesOf(strings);
  TW_ASSIGN_OR_RETURN(const StringTensor keys, ReadColumn(b, "keys"));
  TW_ASSIGN_OR_RETURN(StringTensor values, ReadColumn(b, "values"));
  if (keys.names.empty() || keys.places.size() != values.places.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("has ", keys.places.size(), " keys, of ",
                     keys.names.empty() ? "numbers where the input is strings" : "strings",
                     ", and ", values.places.size(), " values"));
  }
  TW_ASSIGN_OR_RETURN(const Tensor otherwise, ReadDefault(b, values));
  Tensor table({otherwise.dtype(), {static_cast<int64_t>(names.size())}});
  for (size_t i = 0; i < names.size(); ++i) {
    const Tensor* from = &otherwise;
    int64_t at = 0;
    for (int64_t k = 0; k < keys.places.size(); ++k) {
      if (keys.names[static_cast<size_t>(keys.places.AsInt(k))] == names[i]) {
        from = &values.places, at = k;
      }
    }
    const size_t size = SizeOf(table.dtype());
    std::memcpy(table.as<char>() + i * size, from->as<char>() + static_cast<size_t>(at) * size,
                size);
  }
  const ValueId encoded_names = b.Constant(std::move(table));
  TW_ASSIGN_OR_RETURN(const ValueId encoded,
                      b.Emit({.op = "label",
                              .inputs = {encoded_names, strings},
                              .type = {otherwise.dtype(), b.ShapeOf(strings)},
                              .body = [&](const Point& p) {
                                const auto count = static_cast<int64_t>(names.size());
                                return p.Load(0, {SafeIndex(p.Load(1, p.axes), count)});
                              }}));
  if (!values.names.empty()) b.SetClasses(encoded, values.names);
  return encoded;
}

absl::StatusOr<Outputs> LabelEncoder(OpBuilder& b) {
  if (b.IsStrings(b.Input(0))) return EncodeStrings(b, b.Input(0));
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
  TW_ASSIGN_OR_RETURN(const ValueId shaped, Reshape(b, y, shape));
  if (!d.names.empty()) b.SetClasses(shaped, d.names);
  return shaped;
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
  Names keys = b.Strings("classlabels_strings");
  for (int64_t key : b.Ints("classlabels_int64s", {})) keys.push_back(absl::StrCat(key));
  const auto columns = static_cast<size_t>(b.ShapeOf(b.Input(0)).back());
  if (keys.size() != columns) {
    return absl::InvalidArgumentError(
        absl::StrCat("has ", keys.size(), " keys for ", columns, " columns"));
  }
  b.SetClasses(b.Input(0), std::move(keys));
  return b.Input(0);
}

}  // namespace

OpList encoders() {
  return {{"ai.onnx.ml.LabelEncoder", 1, 1, LabelEncoder, kNumbers},
          {"ai.onnx.ml.OneHotEncoder", 1, 1, OneHotEncoder, kNumbers},
          {"ai.onnx.ml.ZipMap", 1, 1, ZipMap, {DType::kF32}}};
}

}  // namespace tilewright::onnx_ops
