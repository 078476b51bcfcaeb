#include "compiler/onnx/input_values.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "compiler/onnx/input_types.h"

namespace tilewright {
namespace {

using Numbers = std::vector<std::string>;

absl::StatusOr<const onnx::ValueInfoProto*> FindInput(const onnx::GraphProto& graph,
                                                      const std::string& name) {
  for (const onnx::ValueInfoProto& input : graph.input()) {
    if (input.name() == name) return &input;
  }
  const auto text = [](std::string* out, const onnx::ValueInfoProto& input) {
    absl::StrAppend(out, input.name());
  };
  return absl::InvalidArgumentError(absl::StrCat("the model has no input \"", name, "\"; it has ",
                                                 absl::StrJoin(graph.input(), ", ", text)));
}

// What `options` say of one input alone, and that a vector of open length has `count` elements.
ImportOptions OptionsOf(const onnx::ValueInfoProto& input, const ImportOptions& options,
                        int64_t count) {
  ImportOptions own;
  const auto shape = options.input_shapes.find(input.name());
  if (shape != options.input_shapes.end()) own.input_shapes.insert(*shape);
  const auto& declared = input.type().tensor_type();
  bool open = true;
  for (const auto& dim : declared.shape().dim()) {
    const auto bound = options.dims.find(dim.dim_param());
    const bool is_bound = dim.has_dim_param() && bound != options.dims.end();
    if (is_bound) own.dims.insert(*bound);
    open &= !is_bound && (!dim.has_dim_value() || dim.dim_value() == -1);
  }
  if (!own.input_shapes.empty() || !open) return own;
  const bool scalar = declared.has_shape() ? declared.shape().dim_size() == 0 : count == 1;
  if (scalar) own.input_shapes[input.name()] = {};
  if (!scalar && declared.shape().dim_size() <= 1) own.input_shapes[input.name()] = {count};
  return own;
}

// False where the element's type has no such value.
bool SetElement(const std::string& text, int64_t i, Tensor& tensor) {
  if (tensor.dtype() == DType::kBool) {
    bool value = false;
    if (!absl::SimpleAtob(text, &value)) return false;
    tensor.as<bool>()[i] = value;
    return true;
  }
  if (IsFloat(tensor.dtype())) {
    double value = 0;
    if (!absl::SimpleAtod(text, &value)) return false;
    tensor.Set(i, value);
    return true;
  }
  const IntegerLimits limits = LimitsOf(tensor.dtype());
  int64_t low = 0;
  uint64_t high = 0;
  const bool fits_low = absl::SimpleAtoi(text, &low) && low >= limits.lowest &&
                        (low < 0 || static_cast<uint64_t>(low) <= limits.highest);
  const bool fits_high = absl::SimpleAtoi(text, &high) && high <= limits.highest;
  if (!fits_low && !fits_high) return false;
  Dispatch(tensor.dtype(), [&]<typename T>() {
    tensor.as<T>()[i] = fits_low ? static_cast<T>(low) : static_cast<T>(high);
  });
  return true;
}

absl::StatusOr<Tensor> TensorOf(const TensorType& type, const Numbers& numbers) {
  const int64_t elements = NumElements(type.shape), count = static_cast<int64_t>(numbers.size());
  if (count != 1 && count != elements) {
    return absl::InvalidArgumentError(
        absl::StrCat(count, " numbers are given for ", ToString(type), "; give ",
                     elements == 1 ? "one" : absl::StrCat(elements, ", or one for all")));
  }
  Tensor tensor(type);
  for (int64_t i = 0; i < elements; ++i) {
    const std::string& text = numbers[count == 1 ? 0 : static_cast<size_t>(i)];
    if (SetElement(text, i, tensor)) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("\"", Shown(text), "\" is no ", Sv(NameOf(type.dtype))));
  }
  return tensor;
}

absl::StatusOr<onnx::TensorProto> Initializer(const onnx::ValueInfoProto& input,
                                              const ImportOptions& options,
                                              const Numbers& numbers) {
  const ImportOptions own = OptionsOf(input, options, static_cast<int64_t>(numbers.size()));
  TW_ASSIGN_OR_RETURN(const std::vector<TensorType> types, InputTypes({&input}, own));
  absl::StatusOr<Tensor> tensor = TensorOf(types[0], numbers);
  if (!tensor.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("input \"", input.name(), "\": ", tensor.status().message()));
  }
  onnx::TensorProto proto;
  proto.set_name(input.name());
  proto.set_data_type(input.type().tensor_type().elem_type());
  proto.mutable_dims()->Add(tensor->shape().begin(), tensor->shape().end());
  proto.set_raw_data(tensor->data(), static_cast<size_t>(tensor->bytes()));
  return proto;
}

}  // namespace

absl::Status FixInputs(onnx::GraphProto& graph, const ImportOptions& options) {
  for (const auto& [name, numbers] : options.input_values) {
    TW_ASSIGN_OR_RETURN(const onnx::ValueInfoProto* const input, FindInput(graph, name));
    TW_ASSIGN_OR_RETURN(onnx::TensorProto fixed, Initializer(*input, options, numbers));
    auto& all = *graph.mutable_initializer();
    const auto same = [&](const onnx::TensorProto& each) { return each.name() == fixed.name(); };
    const auto known = std::find_if(all.begin(), all.end(), same);
    *(known == all.end() ? all.Add() : &*known) = std::move(fixed);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::map<std::string, Numbers>> ParseInputValues(std::string_view text) {
  std::map<std::string, Numbers> values;
  for (absl::string_view part :
       absl::StrSplit(Sv(text), absl::ByAnyChar(" ;"), absl::SkipEmpty())) {
    const size_t equals = part.rfind('=');
    if (equals == absl::string_view::npos || equals == 0 || equals + 1 == part.size()) {
      return absl::InvalidArgumentError(
          absl::StrCat("\"", part, "\" is not an input's value like rate=16000 or axes=1,2"));
    }
    const Numbers numbers = absl::StrSplit(part.substr(equals + 1), ',');
    if (!values.emplace(std::string(part.substr(0, equals)), numbers).second) {
      return absl::InvalidArgumentError(absl::StrCat("\"", part, "\" fixes an input twice"));
    }
  }
  return values;
}

}  // namespace tilewright
