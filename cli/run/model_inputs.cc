#include "cli/run/model_inputs.h"

#include <algorithm>
#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/check.h"
#include "base/rng.h"
#include "base/status_macros.h"
#include "cli/npz/text_array.h"
#include "compiler/core/tensor.h"

namespace tilewright {
namespace {

std::vector<tw_tensor_info> Infos(const tw_model* model, size_t count,
                                  tw_status (*info)(const tw_model*, size_t, tw_tensor_info*)) {
  std::vector<tw_tensor_info> infos(count);
  for (size_t i = 0; i < count; ++i) TW_CHECK(info(model, i, &infos[i]) == TW_OK);
  return infos;
}

std::vector<tw_tensor_info> InputInfos(const tw_model* model) {
  return Infos(model, tw_num_inputs(model), tw_input_info);
}

std::string TypeText(const std::string& dtype, const std::vector<int64_t>& shape) {
  return absl::StrCat(dtype, "[", absl::StrJoin(shape, ","), "]");
}

std::vector<int64_t> ShapeOf(const tw_tensor_info& info) {
  return {info.shape, info.shape + info.rank};
}

std::string TypeText(const tw_tensor_info& info) { return TypeText(info.dtype, ShapeOf(info)); }

absl::Status CheckArray(const tw_tensor_info& input, const NpzArray& array) {
  if (array.dtype == input.dtype && array.shape == ShapeOf(input)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("input ", input.name, " is ", TypeText(input),
                                                 ", the array given is ",
                                                 TypeText(array.dtype, array.shape)));
}

// One array per input and no other.
absl::Status CheckNames(const std::vector<tw_tensor_info>& inputs,
                        const std::vector<NpzArray>& arrays) {
  std::vector<std::string> wanted, given;
  for (const tw_tensor_info& input : inputs) wanted.push_back(input.name);
  for (const NpzArray& array : arrays) given.push_back(array.name);
  std::sort(wanted.begin(), wanted.end());
  std::sort(given.begin(), given.end());
  if (wanted == given) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("the model's inputs are ", absl::StrJoin(wanted, ", "),
                   "; the arrays given are ", given.empty() ? "none" : absl::StrJoin(given, ", ")));
}

double RandomValue(DType dtype, Rng& rng) {
  return IsFloat(dtype) ? rng.Unit() : static_cast<double>(rng.Below(2));
}

Tensor Filled(TensorType type, const std::string& mode, Rng& rng) {
  Tensor tensor(std::move(type));
  for (int64_t i = 0; mode != "zeros" && i < tensor.size(); ++i) {
    tensor.Set(i, mode == "ones" ? 1 : RandomValue(tensor.dtype(), rng));
  }
  return tensor;
}

// Makes current the binding of a package that is for arrays of these shapes.
absl::Status Bind(tw_model* model, const std::vector<NpzArray>& arrays) {
  std::vector<tw_input_shape> shapes;
  for (const NpzArray& array : arrays) {
    shapes.push_back({array.name.c_str(), array.shape.data(), array.shape.size()});
  }
  return StatusOf(tw_bind(model, shapes.data(), shapes.size()));
}

// An output of strings.
NpzArray NamesAt(const tw_tensor_info& output, const int64_t* places,
                 const std::vector<std::string>& classes) {
  std::vector<std::string> names;
  for (size_t i = 0; i < output.bytes / sizeof(int64_t); ++i) {
    const auto place = static_cast<size_t>(places[i]);
    names.push_back(place < classes.size() ? classes[place] : "");
  }
  return TextArray(output.name, ShapeOf(output), names);
}

}  // namespace

std::vector<std::string> ClassesOf(const tw_model* model, size_t output) {
  std::vector<std::string> names;
  for (size_t i = 0; i < tw_num_classes(model, output); ++i) {
    names.push_back(tw_class_name(model, output, static_cast<int64_t>(i)));
  }
  return names;
}

absl::Status StatusOf(tw_status status) {
  if (status == TW_OK) return absl::OkStatus();
  const std::string text = tw_last_error();
  if (status == TW_UNAVAILABLE) return absl::UnavailableError(text);
  return status == TW_INTERNAL ? absl::InternalError(text) : absl::InvalidArgumentError(text);
}

absl::StatusOr<std::vector<NamedInput>> InputsOf(const tw_model* model) {
  std::vector<NamedInput> inputs;
  for (const tw_tensor_info& info : InputInfos(model)) {
    const auto dtype = ParseDType(info.dtype);
    if (!dtype) return absl::InternalError(absl::StrCat("unknown type of ", TypeText(info)));
    inputs.push_back({info.name, {*dtype, ShapeOf(info)}});
  }
  return inputs;
}

absl::Status SetInputs(tw_model* model, const std::vector<NpzArray>& arrays) {
  TW_RETURN_IF_ERROR(CheckNames(InputInfos(model), arrays));
  if (tw_num_bindings(model) > 1) TW_RETURN_IF_ERROR(Bind(model, arrays));
  const std::vector<tw_tensor_info> inputs = InputInfos(model);
  std::map<std::string, const tw_tensor_info*> by_name;
  for (const tw_tensor_info& input : inputs) by_name[input.name] = &input;
  for (const NpzArray& array : arrays) {
    TW_RETURN_IF_ERROR(CheckArray(*by_name.at(array.name), array));
  }
  for (const NpzArray& array : arrays) {
    TW_RETURN_IF_ERROR(
        StatusOf(tw_set_input(model, array.name.c_str(), array.data.data(), array.data.size())));
  }
  return absl::OkStatus();
}

absl::Status FillInputs(tw_model* model, const std::string& mode, uint64_t seed) {
  Rng rng(seed);
  for (const tw_tensor_info& input : InputInfos(model)) {
    const auto dtype = ParseDType(input.dtype);
    if (!dtype) return absl::InvalidArgumentError(absl::StrCat("cannot fill ", TypeText(input)));
    const Tensor tensor = Filled({*dtype, ShapeOf(input)}, mode, rng);
    TW_RETURN_IF_ERROR(StatusOf(tw_set_input(model, input.name, tensor.data(), input.bytes)));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<NpzArray>> GetOutputs(const tw_model* model) {
  std::vector<NpzArray> arrays;
  for (size_t i = 0; i < tw_num_outputs(model); ++i) {
    tw_tensor_info output;
    TW_RETURN_IF_ERROR(StatusOf(tw_output_info(model, i, &output)));
    const void* data = nullptr;
    TW_RETURN_IF_ERROR(StatusOf(tw_get_output(model, i, &data)));
    const std::vector<std::string> classes = ClassesOf(model, i);
    if (!classes.empty() && output.dtype == std::string_view("int64")) {
      arrays.push_back(NamesAt(output, static_cast<const int64_t*>(data), classes));
      continue;
    }
    arrays.push_back({output.name, output.dtype, ShapeOf(output),
                      std::string(static_cast<const char*>(data), output.bytes)});
    if (classes.empty()) continue;
    const auto count = static_cast<int64_t>(classes.size());
    arrays.push_back(TextArray(absl::StrCat(output.name, kClassesOf), {count}, classes));
  }
  return arrays;
}

}  // namespace tilewright
