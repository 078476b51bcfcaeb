#include "records/autotvm_args.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "compiler/operators/operator_def.h"
#include "compiler/operators/workload_rules.h"

namespace tilewright {
namespace {

using Json = nlohmann::json;

// The operator's name in "conv2d+bias+relu".
std::string OperatorOfText(const std::string& text) { return text.substr(0, text.find('+')); }

absl::Status Bad(absl::string_view what, const Json& found) {
  return absl::InvalidArgumentError(
      absl::StrCat("arguments: ", what, ", found ",
                   Shown(found.dump(-1, ' ', false, Json::error_handler_t::replace))));
}

absl::StatusOr<TensorType> ReadTensor(const Json& tensor) {
  if (!tensor.is_array() || tensor.size() != 3 || tensor[0] != "TENSOR") {
    return Bad("a tensor is [\"TENSOR\", shape, dtype]", tensor);
  }
  const std::optional<DType> dtype = ParseDType(tensor[2].get<std::string>());
  if (!dtype) return Bad("unknown dtype", tensor[2]);
  return TensorType{.dtype = *dtype, .shape = tensor[1].get<Shape>()};
}

std::vector<int64_t> ReadAttr(const Json& attr) {
  return attr.is_array() ? attr.get<std::vector<int64_t>>() : std::vector{attr.get<int64_t>()};
}

absl::StatusOr<Workload> ReadWorkload(const std::string& op, const OperatorDef& def,
                                      const Json& args) {
  const size_t attrs = def.attributes.size();
  if (args.size() != attrs + 7) return Bad(absl::StrCat(attrs + 7, " items for ", op), args);
  Workload workload{.op = op};
  for (size_t i = 0; i < 2; ++i) {
    TW_ASSIGN_OR_RETURN(TensorType tensor, ReadTensor(args[i]));
    workload.inputs.push_back(std::move(tensor));
  }
  for (size_t i = 0; i < attrs; ++i) {
    workload.attrs[std::string(def.attributes[i].name)] = ReadAttr(args[2 + i]);
  }
  workload.data_layout = args[attrs + 2].get<std::string>();
  workload.weight_layout = args[attrs + 3].get<std::string>();
  workload.out_layout = args[attrs + 4].get<std::string>();
  // The key's own parser reads the epilogue and checks the whole.
  return ParseWorkload(workload.Key() + args.back().get<std::string>().substr(op.size()));
}

}  // namespace

absl::StatusOr<Json> ArgsOfWorkload(const Workload& workload) {
  TW_RETURN_IF_ERROR(CheckWorkload(workload));
  Json args = Json::array();
  for (const TensorType& input : workload.inputs) {
    args.push_back({"TENSOR", input.shape, std::string(NameOf(input.dtype))});
  }
  for (const AttributeRule& rule : FindOperator(workload.op)->attributes) {
    const std::vector<int64_t>& values = workload.Attr(rule.name);
    args.push_back(rule.count == 1 ? Json(values[0]) : Json(values));
  }
  for (const std::string* layout :
       {&workload.data_layout, &workload.weight_layout, &workload.out_layout}) {
    args.push_back(*layout);
  }
  args.push_back(std::string(NameOf(workload.inputs.at(0).dtype)));
  args.push_back(workload.op + EpilogueText(workload.epilogue));
  return args;
}

absl::StatusOr<std::optional<Workload>> WorkloadOfArgs(const Json& args) {
  if (!args.is_array() || args.empty() || !args.back().is_string()) {
    return std::optional<Workload>();
  }
  const std::string op = OperatorOfText(args.back().get<std::string>());
  const OperatorDef* def = FindOperator(op);
  if (def == nullptr) return std::optional<Workload>();
  try {
    TW_ASSIGN_OR_RETURN(Workload workload, ReadWorkload(op, *def, args));
    return std::optional<Workload>(std::move(workload));
  } catch (const Json::exception& e) {
    return Bad(Shown(e.what()), args);
  }
}

}  // namespace tilewright
