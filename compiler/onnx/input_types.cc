#include "compiler/onnx/input_types.h"

#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "compiler/onnx/import.h"
#include "compiler/onnx/tensor_proto.h"

namespace tilewright {
namespace {

using onnx::TensorShapeProto;

// Some exporters write -1 for a dimension that they leave open.
bool IsDynamic(const TensorShapeProto::Dimension& dim) {
  return !dim.has_dim_value() || dim.dim_value() == -1;
}

// The name of a dynamic dimension; empty when it has none. Some exporters write "?" for each that
// they leave open, which says of no two that they are equal.
const std::string& NameOf(const TensorShapeProto::Dimension& dim) {
  static const std::string none;
  return dim.has_dim_value() || dim.dim_param() == "?" ? none : dim.dim_param();
}

const TensorShapeProto& ShapeOf(const onnx::ValueInfoProto& input) {
  return input.type().tensor_type().shape();
}

absl::Status For(const onnx::ValueInfoProto& input, const absl::Status& status) {
  return absl::Status(status.code(),
                      absl::StrCat("input \"", input.name(), "\": ", status.message()));
}

std::string DeclaredText(const TensorShapeProto& declared) {
  std::vector<std::string> dims;
  for (const auto& dim : declared.dim()) {
    dims.push_back(!IsDynamic(dim)       ? absl::StrCat(dim.dim_value())
                   : NameOf(dim).empty() ? "?"
                                         : NameOf(dim));
  }
  return absl::StrJoin(dims, ",");
}

absl::Status CheckExtents(const Shape& shape) {
  for (size_t d = 0; d < shape.size(); ++d) {
    if (shape[d] >= 0) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("dimension ", d, " is ", shape[d], ", it must not be negative"));
  }
  return CheckShape(shape);
}

absl::StatusOr<DType> ElementType(const onnx::ValueInfoProto& input) {
  if (!input.has_type() || input.type().value_case() == onnx::TypeProto::VALUE_NOT_SET) {
    return absl::InvalidArgumentError("the model declares no type");
  }
  if (!input.type().has_tensor_type()) {
    return absl::UnimplementedError(
        "only tensors, sequences of tensors and optionals of these are supported");
  }
  return FromOnnxType(input.type().tensor_type().elem_type());
}

// What the user binds: whole shapes of inputs, and dimensions by the model's names for them.
class Bindings {
 public:
  explicit Bindings(const ImportOptions& options) : options_(options), dims_(options.dims) {}

  // Takes in the bound shape of an input, which says what the names of its dimensions stand for.
  absl::Status Learn(const onnx::ValueInfoProto& input) {
    for (const auto& dim : ShapeOf(input).dim()) names_.insert(NameOf(dim));
    const auto bound = options_.input_shapes.find(input.name());
    if (bound == options_.input_shapes.end()) return absl::OkStatus();
    const TensorShapeProto& declared = ShapeOf(input);
    if (!input.type().tensor_type().has_shape()) return absl::OkStatus();
    if (static_cast<int>(bound->second.size()) != declared.dim_size()) {
      return Contradiction(input, bound->second);
    }
    for (int d = 0; d < declared.dim_size(); ++d) {
      const std::string& name = NameOf(declared.dim(d));
      if (name.empty()) continue;
      const auto [known, fresh] = dims_.emplace(name, bound->second[static_cast<size_t>(d)]);
      if (!fresh && known->second != bound->second[static_cast<size_t>(d)]) {
        return absl::InvalidArgumentError(absl::StrCat("--input-shape binds \"", name, "\" to ",
                                                       bound->second[d], ", which is bound to ",
                                                       known->second, " already"));
      }
    }
    return absl::OkStatus();
  }

  // InvalidArgument for a dimension that no input has.
  absl::Status CheckNames() const {
    for (const auto& [name, value] : options_.dims) {
      if (names_.contains(name)) continue;
      std::vector<std::string> known;
      for (const std::string& each : names_) {
        if (!each.empty()) known.push_back(each);
      }
      return absl::InvalidArgumentError(
          absl::StrCat("no input has a dimension \"", name, "\"; ",
                       known.empty() ? "none has a name" : "it has " + absl::StrJoin(known, ", ")));
    }
    return absl::OkStatus();
  }

  // The input's shape, with kOpen for each dimension that nothing binds; nullopt when even its rank
  // is open.
  std::optional<Shape> Bind(const onnx::ValueInfoProto& input) const {
    const auto bound = options_.input_shapes.find(input.name());
    if (bound != options_.input_shapes.end()) return bound->second;
    if (!input.type().tensor_type().has_shape()) return std::nullopt;
    Shape shape;
    for (const auto& dim : ShapeOf(input).dim()) {
      const auto known = dims_.find(NameOf(dim));
      if (IsDynamic(dim)) {
        shape.push_back(known == dims_.end() || NameOf(dim).empty() ? kOpen : known->second);
      } else {
        shape.push_back(dim.dim_value());
      }
    }
    return shape;
  }

  static constexpr int64_t kOpen = -1;

 private:
  static absl::Status Contradiction(const onnx::ValueInfoProto& input, const Shape& bound) {
    return absl::InvalidArgumentError(
        absl::StrCat("--input-shape binds it to ", absl::StrJoin(bound, ","),
                     ", the model declares ", DeclaredText(ShapeOf(input))));
  }

  const ImportOptions& options_;
  std::map<std::string, int64_t> dims_;
  std::set<std::string> names_;
};

// Every open dimension, and one command line that binds them.
class OpenDimensions {
 public:
  void Add(const onnx::ValueInfoProto& input, const std::optional<Shape>& shape) {
    if (!shape) {
      said_.push_back(absl::StrCat("input \"", input.name(), "\": the model declares no shape"));
      options_.push_back(absl::StrCat("--input-shape ", input.name(), ":1,3,224,224"));
      return;
    }
    Shape suggested = *shape;
    bool open = false;
    for (size_t d = 0; d < shape->size(); ++d) {
      if ((*shape)[d] != Bindings::kOpen) continue;
      const std::string& name = NameOf(ShapeOf(input).dim(static_cast<int>(d)));
      said_.push_back(absl::StrCat("input \"", input.name(), "\": dimension ", d, " ",
                                   name.empty() ? "" : absl::StrCat("\"", name, "\" "),
                                   "is dynamic"));
      if (!name.empty()) names_.insert(name);
      named_ = named_ && !name.empty();
      suggested[d] = 1;
      open = true;
    }
    if (open) {
      options_.push_back(
          absl::StrCat("--input-shape ", input.name(), ":", absl::StrJoin(suggested, ",")));
    }
  }

  absl::Status status() const {
    if (said_.empty()) return absl::OkStatus();
    std::string text = absl::StrCat(absl::StrJoin(said_, "; "),
                                    said_.size() == 1 ? ": bind it with " : ": bind them with ",
                                    absl::StrJoin(options_, " "));
    if (named_ && !names_.empty()) absl::StrAppend(&text, " or ");
    for (const std::string& name : names_) {
      if (named_) absl::StrAppend(&text, name == *names_.begin() ? "" : " ", "--dim ", name, "=1");
    }
    return absl::InvalidArgumentError(text);
  }

 private:
  std::vector<std::string> said_, options_;
  std::set<std::string> names_;
  bool named_ = true;  // every open dimension has a name
};

// One "name:1,3,224,224" or "name:[1,3,224,224]".
absl::Status ParseBinding(absl::string_view text, std::map<std::string, Shape>& bindings) {
  const auto bad = [&] {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", text, "\" is not an input shape like data:1,3,224,224"));
  };
  const size_t colon = text.rfind(':');  // ONNX names may hold colons themselves
  if (colon == absl::string_view::npos || colon == 0) return bad();
  absl::string_view dims = text.substr(colon + 1);
  if (dims.size() >= 2 && dims.front() == '[' && dims.back() == ']') {
    dims = dims.substr(1, dims.size() - 2);
  }
  Shape shape;
  for (absl::string_view part : absl::StrSplit(dims, ',')) {
    int64_t dim;
    if (!absl::SimpleAtoi(part, &dim) || dim < 0) return bad();
    shape.push_back(dim);
  }
  TW_RETURN_IF_ERROR(CheckShape(shape));
  if (!bindings.emplace(std::string(text.substr(0, colon)), shape).second) {
    return absl::InvalidArgumentError(absl::StrCat("\"", text, "\" binds an input twice"));
  }
  return absl::OkStatus();
}

// Spaces within a shape removed, so that those that are left separate bindings.
std::string WithoutInnerSpaces(std::string_view text) {
  std::string packed;
  bool bracket = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '[') bracket = !packed.empty() && packed.back() == ':';
    if (c == ']') bracket = false;
    if (!absl::ascii_isspace(static_cast<unsigned char>(c))) {
      packed += c;
      continue;
    }
    const size_t next = text.find_first_not_of(" \t\n", i);
    const bool joins = bracket ||
                       (!packed.empty() && (packed.back() == ',' || packed.back() == ':')) ||
                       (next != std::string_view::npos && (text[next] == ',' || text[next] == ']'));
    if (!joins) packed += ' ';
  }
  return packed;
}

}  // namespace

absl::StatusOr<std::vector<TensorType>> InputTypes(
    const std::vector<const onnx::ValueInfoProto*>& inputs, const ImportOptions& options) {
  Bindings bindings(options);
  for (const onnx::ValueInfoProto* input : inputs) {
    if (absl::Status status = bindings.Learn(*input); !status.ok()) return For(*input, status);
  }
  TW_RETURN_IF_ERROR(bindings.CheckNames());
  std::vector<TensorType> types;
  OpenDimensions open;
  for (const onnx::ValueInfoProto* input : inputs) {
    const absl::StatusOr<DType> dtype = ElementType(*input);
    if (!dtype.ok()) return For(*input, dtype.status());
    const std::optional<Shape> shape = bindings.Bind(*input);
    open.Add(*input, shape);
    types.push_back({*dtype, shape.value_or(Shape())});
  }
  TW_RETURN_IF_ERROR(open.status());
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (absl::Status status = CheckExtents(types[i].shape); !status.ok()) {
      return For(*inputs[i], status);
    }
  }
  return types;
}

absl::StatusOr<std::map<std::string, Shape>> ParseInputShapes(std::string_view text) {
  std::map<std::string, Shape> bindings;
  const std::string packed = WithoutInnerSpaces(text);
  for (absl::string_view part : absl::StrSplit(packed, absl::ByAnyChar(" ;"), absl::SkipEmpty())) {
    TW_RETURN_IF_ERROR(ParseBinding(part, bindings));
  }
  return bindings;
}

absl::StatusOr<std::map<std::string, int64_t>> ParseDims(std::string_view text) {
  std::map<std::string, int64_t> dims;
  for (absl::string_view part :
       absl::StrSplit(Sv(text), absl::ByAnyChar(" ;"), absl::SkipEmpty())) {
    const size_t equals = part.rfind('=');
    int64_t value = 0;
    const bool fits = equals != absl::string_view::npos && equals > 0 &&
                      absl::SimpleAtoi(part.substr(equals + 1), &value) && value >= 0;
    if (!fits) {
      return absl::InvalidArgumentError(
          absl::StrCat("\"", part, "\" is not a dimension like batch=4"));
    }
    if (!dims.emplace(std::string(part.substr(0, equals)), value).second) {
      return absl::InvalidArgumentError(absl::StrCat("\"", part, "\" binds a dimension twice"));
    }
  }
  return dims;
}

}  // namespace tilewright
