#include "tests/onnx/typed_nodes.h"

#include <cmath>
#include <limits>
#include <set>

#include "absl/strings/str_cat.h"
#include "compiler/onnx/catalog.h"
#include "compiler/onnx/model_names.h"
#include "compiler/onnx/tensor_proto.h"
#include "tests/onnx/one_node.h"

namespace tilewright {
namespace {

// Operators whose data say what is to be made or found: other values are another test.
bool KeepsValues(const std::string& op_type) {
  static const std::set<std::string> kNames = {
      "BlackmanWindow", "HammingWindow",   "HannWindow",       "MelWeightMatrix",
      "Range",          "TfIdfVectorizer", "NonMaxSuppression"};
  return kNames.contains(op_type);
}

// Operators of which other inputs that happen to have the data's type have another meaning.
bool IsAlone(const std::string& op_type) {
  static const std::set<std::string> kNames = {
      "Resize", "Upsample", "Trilu",      "CumSum",         "CumProd",
      "OneHot", "TopK",     "GridSample", "QuantizeLinear", "com.microsoft.GridSample"};
  return kNames.contains(op_type);
}

// The graph's input that is the node's data; null when it has none or that is no tensor of ours.
const onnx::ValueInfoProto* DataOf(const NodeTest& test) {
  const onnx::NodeProto& node = test.model.graph().node(0);
  const std::string op_type = OperatorOf(test);
  int input = 0;
  for (const OpRow& row : OperatorRows()) {
    if (row.op_type == op_type) input = static_cast<int>(row.data_input);
  }
  for (const onnx::ValueInfoProto& value : test.model.graph().input()) {
    if (input >= node.input_size() || value.name() != node.input(input)) continue;
    return value.type().has_tensor_type() && test.inputs.contains(value.name()) ? &value : nullptr;
  }
  return nullptr;
}

double ValueIn(DType dtype, double value, bool keep) {
  if (IsFloat(dtype)) return RoundTo(dtype, value);
  if (keep) return std::trunc(value);
  const double small = std::isfinite(value) ? std::fmod(std::abs(std::round(value * 3)), 4) : 1;
  return dtype == DType::kBool ? small != 0 : small;
}

// Of any floating-point type, whose numbers are rounded.
bool IsInRange(DType dtype, double value) {
  bool is_in_range = true;
  Dispatch(dtype, [&]<typename T>() {
    using Limits = std::numeric_limits<T>;
    if constexpr (Limits::is_integer) {
      is_in_range =
          value >= static_cast<double>(Limits::lowest()) && value < std::ldexp(1.0, Limits::digits);
    }
  });
  return is_in_range;
}

std::optional<Tensor> Converted(const Tensor& tensor, const TypeChange& change, bool keep) {
  Tensor converted({change.to, tensor.shape()});
  for (int64_t i = 0; i < tensor.size(); ++i) {
    const double value = ValueIn(change.values, tensor.AsDouble(i), keep);
    if (keep && !IsInRange(change.to, value)) return std::nullopt;
    converted.Set(i, value);
    if (keep && !IsFloat(change.to) && converted.AsDouble(i) != value) return std::nullopt;
  }
  return converted;
}

}  // namespace

std::string OperatorOf(const NodeTest& test) {
  const onnx::NodeProto& node = test.model.graph().node(0);
  return IsStandardDomain(node.domain()) ? node.op_type()
                                         : absl::StrCat(node.domain(), ".", node.op_type());
}

std::optional<DType> DataTypeOf(const NodeTest& test) {
  const onnx::ValueInfoProto* const data = DataOf(test);
  if (data == nullptr) return std::nullopt;
  const auto dtype = FromOnnxType(data->type().tensor_type().elem_type());
  return dtype.ok() ? std::optional(*dtype) : std::nullopt;
}

std::optional<NodeTest> InType(const NodeTest& test, const TypeChange& change) {
  NodeTest typed = test;
  const std::string op_type = OperatorOf(test);
  const int from = DataOf(test)->type().tensor_type().elem_type();
  for (onnx::ValueInfoProto& input : *typed.model.mutable_graph()->mutable_input()) {
    if (!input.type().has_tensor_type() || input.type().tensor_type().elem_type() != from) continue;
    if (IsAlone(op_type) && input.name() != DataOf(test)->name()) continue;
    input.mutable_type()->mutable_tensor_type()->set_elem_type(ToOnnxType(change.to));
    const auto found = typed.inputs.find(input.name());
    if (found == typed.inputs.end()) continue;
    const auto converted = Converted(found->second, change, KeepsValues(op_type));
    if (!converted) return std::nullopt;
    found->second = *converted;
  }
  return typed;
}

}  // namespace tilewright
