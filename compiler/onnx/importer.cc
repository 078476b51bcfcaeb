#include "compiler/onnx/importer.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "compiler/graph/edit.h"
#include "compiler/onnx/catalog.h"
#include "compiler/onnx/operator_table.h"
#include "compiler/onnx/plugin_convert.h"
#include "compiler/onnx/string_sets.h"
#include "compiler/onnx/unsupported.h"

namespace tilewright {
namespace {

constexpr size_t kMaxNodeInputs = 65536;
// Nodes after functions and loops are unrolled, and how deep they nest.
constexpr int kMaxConverted = 200000;
constexpr int kMaxDepth = 32;
constexpr size_t kMaxProblemsShown = 1000;

absl::Status CheckInputs(const OpBuilder& builder, size_t needed) {
  if (needed == kAllInputs) needed = std::max<size_t>(1, builder.num_inputs());
  for (size_t i = 0; i < needed; ++i) {
    if (!builder.HasInput(i)) return absl::InvalidArgumentError(absl::StrCat("lacks input ", i));
  }
  return absl::OkStatus();
}

// A function's node with the attributes of the call in place of those it refers to.
void FillAttributes(const onnx::FunctionProto& function, const onnx::NodeProto& call,
                    onnx::NodeProto& node) {
  std::vector<onnx::AttributeProto> filled;
  const auto given = [&](const std::string& name) -> const onnx::AttributeProto* {
    for (const auto& attribute : call.attribute()) {
      if (attribute.name() == name) return &attribute;
    }
    for (const auto& attribute : function.attribute_proto()) {
      if (attribute.name() == name) return &attribute;
    }
    return nullptr;
  };
  for (const onnx::AttributeProto& attribute : node.attribute()) {
    if (attribute.ref_attr_name().empty()) {
      filled.push_back(attribute);
    } else if (const onnx::AttributeProto* value = given(attribute.ref_attr_name())) {
      filled.push_back(*value);
      filled.back().set_name(attribute.name());
    }
  }
  node.clear_attribute();
  for (onnx::AttributeProto& attribute : filled) {
    if (attribute.has_g()) {
      for (onnx::NodeProto& inner : *attribute.mutable_g()->mutable_node()) {
        FillAttributes(function, call, inner);
      }
    }
    *node.add_attribute() = std::move(attribute);
  }
}

absl::Status CheckTypes(const OpBuilder& b, const OpRow& row) {
  const size_t i = row.data_input;
  if (!b.HasInput(i) || !IsTensor(b.Input(i))) return absl::OkStatus();
  const DType found = b.DTypeOf(b.Input(i));
  if (row.types.Has(found)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("input ", i, " is ", Sv(NameOf(found)), "; it takes ", TextOf(row.types)));
}

// Gives the outputs the names of the strings that the node was given, which are of one set.
absl::Status KeepStrings(OpBuilder& b, const OpRow& row, const std::vector<ValueId>& outputs) {
  const Names* names = nullptr;
  for (ValueId input : b.Inputs()) {
    if (!IsTensor(input) || !b.IsStrings(input)) continue;
    const StringUse use = StringUseOf(row.op_type);
    if (use == StringUse::kReads) return absl::OkStatus();
    if (use == StringUse::kRefuses) {
      return absl::UnimplementedError(absl::StrCat(
          "computes with strings, which are names of classes here: they can be moved about, "
          "looked up by LabelEncoder, and be an output"));
    }
    names = b.ClassesOf(input);
  }
  if (names == nullptr) return absl::OkStatus();
  const Names kept = *names;
  for (ValueId output : outputs) {
    if (IsTensor(output) && b.DTypeOf(output) == DType::kI64) b.SetClasses(output, kept);
  }
  return absl::OkStatus();
}

// As the catalogue names it.
std::string NameOf(const onnx::NodeProto& node) {
  if (IsStandardDomain(node.domain())) return node.op_type();
  return absl::StrCat(node.domain(), ".", node.op_type());
}

}  // namespace

absl::Status Within(const std::string& where, const absl::Status& status) {
  return absl::Status(status.code(), absl::StrCat(where, ": ", status.message()));
}

Importer::Importer(onnx::ModelProto& model, const ImportOptions& options, int64_t opset)
    : model_(model), options_(options), opset_(opset) {
  for (const PluginOperator& op : options.operators) plugins_.push_back(PluginRow(op));
}

absl::StatusOr<Graph> Importer::Run() {
  onnx::GraphProto& main = *model_.mutable_graph();
  graph_.name = main.name();
  TW_RETURN_IF_ERROR(CheckOptions());
  TW_ASSIGN_OR_RETURN(Scope scope, MakeScope(main, nullptr));
  scope.owns_weights = true;
  if (main.output_size() == 0) return absl::InvalidArgumentError("the model has no outputs");
  TW_RETURN_IF_ERROR(AddInputs(scope));
  TW_RETURN_IF_ERROR(ConvertNodes(scope).status());
  TW_RETURN_IF_ERROR(Problems());
  TW_RETURN_IF_ERROR(AddOutputs(scope));
  EraseDeadNodes(graph_);
  TW_RETURN_IF_ERROR(Verify(graph_));
  return std::move(graph_);
}

absl::StatusOr<Importer::Scope> Importer::MakeScope(onnx::GraphProto& graph, const Scope* around) {
  TW_ASSIGN_OR_RETURN(ModelNames names, ModelNames::Collect(graph));
  return Scope{.graph = &graph, .names = std::move(names), .around = around};
}

const ValueId* Importer::Find(const Scope& scope, const std::string& name) {
  for (const Scope* at = &scope; at != nullptr; at = at->around) {
    const auto found = at->values.find(name);
    if (found != at->values.end()) return &found->second;
  }
  return nullptr;
}

bool Importer::Failed(const Scope& scope, const std::string& name) {
  for (const Scope* at = &scope; at != nullptr; at = at->around) {
    if (at->failed.contains(name)) return true;
  }
  return false;
}

absl::StatusOr<bool> Importer::ConvertNodes(Scope& scope) {
  TW_ASSIGN_OR_RETURN(const std::vector<int> order, scope.names.Order());
  TW_RETURN_IF_ERROR(AddInitializers(scope, order));
  const size_t before = problems_.size();
  for (int index : order) {
    const absl::Status status = Convert(scope, index);
    if (status.ok()) continue;
    const onnx::NodeProto& node = scope.graph->node(index);
    scope.failed.insert(node.output().begin(), node.output().end());
    // Of what nests in a node the inner problem is told already.
    if (!absl::IsAborted(status)) problems_.push_back(Within(Describe(node), status));
  }
  return problems_.size() == before;
}

absl::Status Importer::Problems() const {
  if (problems_.empty()) return absl::OkStatus();
  if (problems_.size() == 1) return problems_[0];
  std::string text = absl::StrCat(problems_.size(), " problems:");
  for (size_t i = 0; i < std::min(problems_.size(), kMaxProblemsShown); ++i) {
    absl::StrAppend(&text, "\n  ", problems_[i].message());
  }
  if (problems_.size() > kMaxProblemsShown) {
    absl::StrAppend(&text, "\n  and ", problems_.size() - kMaxProblemsShown, " more");
  }
  return absl::Status(problems_[0].code(), text);
}

absl::StatusOr<Importer::Values> Importer::Resolve(const Scope& scope, int index,
                                                   bool* skip) const {
  Values inputs;
  *skip = false;
  const onnx::NodeProto& node = scope.graph->node(index);
  for (const std::string& name : node.input()) {
    const ValueId* value = name.empty() ? nullptr : Find(scope, name);
    if (name.empty() || value != nullptr) {
      inputs.push_back(value == nullptr ? kNoValue : *value);
      continue;
    }
    if (!Failed(scope, name)) return scope.names.ExplainMissing(name, index);
    *skip = true;
  }
  for (const std::string& name : ModelNames::ReadsOf(node)) *skip |= Failed(scope, name);
  if (inputs.size() > kMaxNodeInputs) {
    return absl::UnimplementedError(
        absl::StrCat("has ", inputs.size(), " inputs; at most ", kMaxNodeInputs, " are supported"));
  }
  return inputs;
}

absl::Status Importer::CountNode() {
  if (++nodes_ <= kMaxConverted) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("its functions and loops unroll to more than ", kMaxConverted, " nodes"));
}

absl::Status Importer::Convert(Scope& scope, int index) {
  TW_RETURN_IF_ERROR(CountNode());
  bool skip = false;
  TW_ASSIGN_OR_RETURN(Values inputs, Resolve(scope, index, &skip));
  if (skip) {
    // What is not supported at all is told at once with what it reads.
    TW_RETURN_IF_ERROR(RowOf(scope.graph->node(index)).status());
    return absl::AbortedError("reads what was refused");
  }
  TW_ASSIGN_OR_RETURN(const Values outputs, ConvertNode(scope, index, std::move(inputs)));
  const onnx::NodeProto& node = scope.graph->node(index);
  const size_t count = std::min<size_t>(outputs.size(), static_cast<size_t>(node.output_size()));
  for (size_t i = 0; i < count; ++i) {
    const std::string& name = node.output(static_cast<int>(i));
    if (!name.empty() && outputs[i] != kNoValue) scope.values[name] = outputs[i];
  }
  return absl::OkStatus();
}

absl::StatusOr<const OpRow*> Importer::RowOf(const onnx::NodeProto& node) const {
  const std::string name = NameOf(node);
  if (HasBodies(name)) return nullptr;
  const bool standard = IsStandardDomain(node.domain());
  for (const OpRow& plugin : plugins_) {
    if (plugin.op_type == name) return &plugin;
  }
  // Of other domains the catalogue has each operator's first version, which newer ones did not
  // change; a model that imports such a domain alone has no opset of ONNX's own.
  absl::StatusOr<const OpRow*> row = FindOperator(name, standard ? opset_ : 1);
  if (row.ok()) return row;
  if (FindFunction(node) != nullptr) return nullptr;
  if (standard) return row;
  return absl::UnimplementedError(absl::StrCat("operator ", node.op_type(), " of domain ",
                                               node.domain(), " is not supported",
                                               AdviceAbout(name)));
}

absl::StatusOr<Importer::Values> Importer::ConvertNode(Scope& scope, int index, Values inputs) {
  onnx::NodeProto& node = *scope.graph->mutable_node(index);
  TW_ASSIGN_OR_RETURN(const OpRow* const row, RowOf(node));
  if (row == nullptr && !HasBodies(NameOf(node))) return ConvertFunction(node, inputs);
  OpBuilder given(imported_, node, opset_, std::move(inputs));
  TW_ASSIGN_OR_RETURN(Values in_one_set, InOneSet(given, given.Inputs()));
  OpBuilder builder = given.WithInputs(std::move(in_one_set));
  if (row == nullptr) return ConvertWithBodies(scope, node, builder);
  TW_RETURN_IF_ERROR(CheckInputs(builder, row->min_inputs));
  for (size_t i = 0; i < builder.num_inputs() && !row->takes_sequences; ++i) {
    TW_RETURN_IF_ERROR(builder.CheckIsTensor(i));
  }
  TW_RETURN_IF_ERROR(CheckTypes(builder, *row));
  absl::StatusOr<Outputs> outputs = row->convert(builder);
  TW_RETURN_IF_ERROR(builder.status());
  TW_RETURN_IF_ERROR(outputs.status());
  TW_RETURN_IF_ERROR(KeepStrings(builder, *row, outputs->values));
  return std::move(outputs->values);
}

absl::StatusOr<Importer::Values> Importer::ConvertWithBodies(const Scope& scope,
                                                             onnx::NodeProto& node, OpBuilder& b) {
  if (node.op_type() == "If") return ConvertIf(scope, node, b);
  if (node.op_type() == "Loop") return ConvertLoop(scope, node, b);
  if (node.op_type() == "Scan") return ConvertScan(scope, node, b);
  if (node.op_type() == "FlexAttention") return ConvertFlexAttention(scope, node, b);
  return ConvertSequenceMap(scope, node, b);
}

absl::StatusOr<Importer::Values> Importer::ConvertBody(onnx::GraphProto& body, const Scope* around,
                                                       const Values& inputs) {
  if (depth_ >= kMaxDepth) {
    return absl::InvalidArgumentError(
        absl::StrCat("functions or control flow nest deeper than ", kMaxDepth));
  }
  TW_ASSIGN_OR_RETURN(Scope scope, MakeScope(body, around));
  if (inputs.size() > static_cast<size_t>(body.input_size())) {
    return absl::InvalidArgumentError(
        absl::StrCat("its body takes ", body.input_size(), " inputs, found ", inputs.size()));
  }
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i] != kNoValue) scope.values[body.input(static_cast<int>(i)).name()] = inputs[i];
  }
  ++depth_;
  const absl::StatusOr<bool> converted = ConvertNodes(scope);
  --depth_;
  TW_RETURN_IF_ERROR(converted.status());
  if (!*converted) return absl::AbortedError("its body was refused");
  Values outputs;
  for (const onnx::ValueInfoProto& output : body.output()) {
    const ValueId* value = Find(scope, output.name());
    if (value == nullptr && Failed(scope, output.name())) return absl::AbortedError("refused");
    if (value == nullptr) return scope.names.ExplainMissingOutput(output.name());
    outputs.push_back(*value);
  }
  return outputs;
}

const onnx::FunctionProto* Importer::FindFunction(const onnx::NodeProto& node) const {
  for (const onnx::FunctionProto& function : model_.functions()) {
    if (function.name() == node.op_type() && function.domain() == node.domain()) return &function;
  }
  return nullptr;
}

// The function's nodes as a graph of their own, which sees none of the caller's names.
absl::StatusOr<Importer::Values> Importer::ConvertFunction(const onnx::NodeProto& node,
                                                           const Values& inputs) {
  if (depth_ >= kMaxDepth) {
    return absl::InvalidArgumentError(
        absl::StrCat("functions or control flow nest deeper than ", kMaxDepth));
  }
  const onnx::FunctionProto& function = *FindFunction(node);
  onnx::GraphProto& body = bodies_.emplace_back();
  Values given = inputs;
  given.resize(std::max<size_t>(inputs.size(), static_cast<size_t>(function.input_size())),
               kNoValue);
  for (const std::string& name : function.input()) body.add_input()->set_name(name);
  for (const std::string& name : function.output()) body.add_output()->set_name(name);
  for (const onnx::NodeProto& inner : function.node()) {
    onnx::NodeProto& copy = *body.add_node();
    copy = inner;
    // An absent optional input is absent within.
    for (std::string& name : *copy.mutable_input()) {
      const auto at = std::find(function.input().begin(), function.input().end(), name);
      if (at == function.input().end()) continue;
      if (given[static_cast<size_t>(at - function.input().begin())] == kNoValue) name.clear();
    }
    FillAttributes(function, node, copy);
  }
  return ConvertBody(body, nullptr, given);
}

}  // namespace tilewright
