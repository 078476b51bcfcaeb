#include "records/formats/autotvm_args.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/json_integer.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "compiler/operators/operator_def.h"
#include "compiler/operators/workload_rules.h"
#include "records/formats/autotvm_tensor.h"

namespace tilewright {
namespace {

using Json = nlohmann::json;

// The operator's name in "conv2d+bias+relu;acc=int64" and in "nest=DEFINITION".
std::string OperatorOfText(const std::string& text) {
  return text.substr(0, text.find_first_of("+;="));
}

// The type of the sums that follows the epilogue where it is not the default.
constexpr std::string_view kAcc = ";acc=";

// Of an operator that is defined by its workload.
constexpr size_t kMostInputs = 64;

std::vector<int64_t> ReadAttr(const Json& attr) {
  return attr.is_array() ? JsonIntegers<int64_t>(attr) : std::vector{JsonInteger<int64_t>(attr)};
}

absl::StatusOr<Workload> ReadWorkload(const std::string& op, const OperatorDef& def,
                                      const Json& args) {
  // After the inputs: attributes, three layouts, the output's type, the text.
  const size_t others = def.attributes.size() + 5;
  const size_t most = def.by_definition ? kMostInputs : 2 + def.further.size();
  const size_t least = def.by_definition ? 1 : most - def.optional;
  if (args.size() > most + others || args.size() < least + others) {
    return BadArgument(absl::StrCat(least + others, " to ", most + others, " items for ", op),
                       args);
  }
  Workload workload{.op = op};
  size_t next = 0;
  while (next < args.size() - others) {
    TW_ASSIGN_OR_RETURN(TensorType tensor, ReadTensor(args[next++]));
    workload.inputs.push_back(std::move(tensor));
  }
  for (const AttributeRule& rule : def.attributes) {
    workload.attrs[std::string(rule.name)] = ReadAttr(args[next++]);
  }
  workload.data_layout = args[next++].get<std::string>();
  workload.weight_layout = args[next++].get<std::string>();
  workload.out_layout = args[next++].get<std::string>();
  TW_ASSIGN_OR_RETURN(workload.out, ReadType(args[next]));
  const std::string text = args.back().get<std::string>();
  const size_t acc = std::min(text.find(kAcc), text.size());
  if (acc < text.size()) {
    TW_ASSIGN_OR_RETURN(workload.acc, ReadType(text.substr(acc + kAcc.size())));
  }
  // The key's own parser reads the epilogue, drops defaults and checks the whole.
  return ParseWorkload(workload.Key() + text.substr(op.size(), acc - op.size()));
}

}  // namespace

absl::StatusOr<Json> ArgsOfWorkload(const Workload& workload) {
  TW_RETURN_IF_ERROR(CheckWorkload(workload));
  Json args = Json::array();
  for (const TensorType& input : workload.inputs) {
    args.push_back(TensorArg(input));
  }
  for (const AttributeRule& rule : FindOperator(workload.op)->attributes) {
    const std::vector<int64_t>& values = workload.Attr(rule.name);
    args.push_back(rule.count == 1 ? Json(values[0]) : Json(values));
  }
  for (const std::string* layout :
       {&workload.data_layout, &workload.weight_layout, &workload.out_layout}) {
    args.push_back(*layout);
  }
  args.push_back(std::string(NameOf(OutputTypeOf(workload))));
  std::string text = workload.op + EpilogueText(workload.epilogue);
  if (workload.acc) absl::StrAppend(&text, Sv(kAcc), Sv(NameOf(*workload.acc)));
  if (!workload.definition.empty()) absl::StrAppend(&text, "=", workload.definition);
  args.push_back(text);
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
    return BadArgument(Shown(e.what()), args);
  }
}

}  // namespace tilewright
