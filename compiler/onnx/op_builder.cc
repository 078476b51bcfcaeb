#include "compiler/onnx/op_builder.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "compiler/loop/interpret.h"
#include "compiler/loop/visit.h"
#include "compiler/onnx/tensor_proto.h"
#include "compiler/operators/define.h"
#include "compiler/operators/workload_rules.h"

namespace tilewright {
namespace {

using onnx::AttributeProto;

// Definitions up to these sizes are evaluated at import.
constexpr int64_t kMaxFoldedElements = 4096;
constexpr int64_t kMaxFoldedSteps = 1 << 16;
constexpr int64_t kNeverFolded = kMaxFoldedSteps + 1;

std::string NodeName(const onnx::NodeProto& node) {
  if (!node.name().empty()) return node.name();
  if (node.output_size() > 0 && !node.output(0).empty()) return node.output(0);
  return node.op_type();
}

// `e` converted to the type; moving data around converts nothing.
Expr InType(const Expr& e, DType dtype) {
  if (e->dtype == dtype) return e;
  if (e->kind == ExprKind::kCast && e->operands[0]->dtype == dtype) return e->operands[0];
  if (e->kind == ExprKind::kFloat) return tilewright::Float(e->fvalue, dtype);
  if (e->kind != ExprKind::kSelect) return Cast(e, dtype);
  return Select(e->operands[0], InType(e->operands[1], dtype), InType(e->operands[2], dtype));
}

// Rounds what a definition computed in float32 to the 16-bit float that it gives.
void RoundResult(Compute& compute) {
  const DType dtype = compute.output->dtype;
  if (!IsNarrowFloat(dtype)) return;
  if (compute.reducer == Reducer::kNone) {
    compute.body = InType(compute.body, dtype);
  } else {
    compute.result = InType(compute.result ? compute.result : compute.acc, dtype);
  }
}

Compute MakeCompute(const Definition& d, std::vector<Buffer> inputs) {
  Compute compute{.name = d.op,
                  .inputs = std::move(inputs),
                  .output = MakeBuffer("out", d.type.dtype, d.type.shape),
                  .axes = MakeAxes(d.type.shape, "i"),
                  .reduce = MakeAxes(d.reduce, "r"),
                  .reducer = d.reducer};
  Point point{.in = compute.inputs, .axes = Vars(compute.axes), .reduce = Vars(compute.reduce)};
  compute.body = d.body(point);
  if (d.predicate) compute.predicate = d.predicate(point);
  if (d.reducer != Reducer::kNone) compute.acc = point.acc = Var("acc", compute.body->dtype);
  if (d.result) compute.result = d.result(point);
  RoundResult(compute);
  return compute;
}

// A reduction over nothing as the value that it has: what is read nowhere need not have elements.
void ReduceNothing(Compute& compute) {
  const Expr value = InitialValue(compute.reducer, compute.body->dtype);
  const Expr result = compute.result ? compute.result : compute.acc;
  compute.body = Substitute(result, {{compute.acc.get(), value}});
  compute.inputs.clear();
  compute.reduce.clear();
  compute.reducer = Reducer::kNone;
  compute.predicate = compute.acc = compute.result = nullptr;
}

}  // namespace

Expr Point::Load(size_t input, std::vector<Expr> indices) const {
  Expr element = tilewright::Load(in[input], std::move(indices));
  return IsNarrowFloat(element->dtype) ? Cast(std::move(element), DType::kF32) : element;
}

Expr Point::Here(size_t input) const {
  const Shape& shape = in[input]->shape;
  const size_t skip = axes.size() - shape.size();
  std::vector<Expr> indices;
  for (size_t d = 0; d < shape.size(); ++d) {
    indices.push_back(shape[d] == 1 ? Int(0) : axes[skip + d]);
  }
  return Load(input, std::move(indices));
}

OpBuilder::OpBuilder(Imported& imported, const onnx::NodeProto& node, int64_t opset,
                     std::vector<ValueId> inputs)
    : graph_(imported.graph),
      bounds_(imported.bounds),
      sequences_(imported.sequences),
      classes_(imported.classes),
      node_(node),
      opset_(opset),
      inputs_(std::move(inputs)),
      name_(NodeName(node)) {}

OpBuilder OpBuilder::WithInputs(std::vector<ValueId> inputs) const {
  OpBuilder same = *this;
  same.inputs_ = std::move(inputs);
  return same;
}

std::set<std::string> OpBuilder::InputsBehind(ValueId value) const {
  std::set<std::string> names;
  std::set<ValueId> seen;
  std::vector<ValueId> open = {value};
  while (!open.empty()) {
    const ValueId at = open.back();
    open.pop_back();
    if (IsConstant(at) || !seen.insert(at).second) continue;
    const int producer = graph_.values[at].producer;
    if (producer < 0) {
      names.insert(graph_.values[at].name);
      continue;
    }
    const std::vector<ValueId>& inputs = graph_.nodes[producer].inputs;
    open.insert(open.end(), inputs.begin(), inputs.end());
  }
  return names;
}

std::string OpBuilder::HowToKnow(ValueId value) const {
  constexpr int64_t kMostNumbers = 16;
  const std::set<std::string> behind = InputsBehind(value);
  std::vector<std::string> options;
  for (ValueId input : graph_.inputs) {
    if (!behind.contains(graph_.values[input].name)) continue;
    const int64_t numbers = NumElements(ShapeOf(input));
    if (numbers > kMostNumbers) return "";
    options.push_back(absl::StrCat("--input-value ", graph_.values[input].name,
                                   numbers == 1 ? "=NUMBER" : "=NUMBER,NUMBER,..."));
  }
  if (options.empty()) return "";
  return absl::StrCat("; fix what it follows from with ", absl::StrJoin(options, " "));
}

absl::Status OpBuilder::CheckIsTensor(size_t i) const {
  if (i >= inputs_.size() || inputs_[i] >= kNoValue) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "input ", i, " is ", IsSequence(inputs_[i]) ? "a sequence" : "an optional that holds nothing",
      " where a tensor is needed"));
}

absl::StatusOr<std::vector<ValueId>> OpBuilder::SequenceInput(size_t i) const {
  if (IsSequence(inputs_[i])) return sequences_.Of(inputs_[i]);
  return absl::InvalidArgumentError(absl::StrCat(
      "input ", i, " is ", IsTensor(inputs_[i]) ? "a tensor" : "an optional that holds nothing",
      " where a sequence is needed"));
}

absl::StatusOr<Tensor> OpBuilder::ConstValue(ValueId id) const {
  const Value& value = graph_.values[id];
  if (!value.constant.empty()) return value.constant;
  return absl::UnimplementedError(absl::StrCat("\"", value.name, "\" is only known at run time"));
}

absl::StatusOr<Tensor> OpBuilder::ConstInput(size_t i, std::string_view what) const {
  const Value& value = graph_.values[inputs_[i]];
  if (!value.constant.empty()) return value.constant;
  return absl::UnimplementedError(absl::StrCat("needs a constant ", Sv(what), ", but \"",
                                               value.name, "\" is only known at run time",
                                               HowToKnow(inputs_[i])));
}

absl::StatusOr<std::vector<int64_t>> OpBuilder::ConstInts(size_t i, std::string_view what) const {
  TW_ASSIGN_OR_RETURN(const Tensor tensor, ConstInput(i, what));
  if (IsFloat(tensor.dtype()) || tensor.size() > kMaxFoldedElements) {
    return absl::InvalidArgumentError(
        absl::StrCat(Sv(what), " must be a short integer tensor, not ", ToString(tensor.type())));
  }
  std::vector<int64_t> values(static_cast<size_t>(tensor.size()));
  for (int64_t k = 0; k < tensor.size(); ++k) values[k] = tensor.AsInt(k);
  return values;
}

const AttributeProto* OpBuilder::Find(std::string_view name) const {
  for (const AttributeProto& attribute : node_.attribute()) {
    if (attribute.name() == name) return &attribute;
  }
  return nullptr;
}

const AttributeProto* OpBuilder::FindTyped(std::string_view name,
                                           AttributeProto::AttributeType type) {
  const AttributeProto* attribute = Find(name);
  // Writers older than IR version 2 leave the type out.
  if (!attribute || !attribute->has_type() || attribute->type() == type) return attribute;
  if (status_.ok()) {
    status_ = absl::InvalidArgumentError(
        absl::StrCat("attribute ", Sv(name), " is of type ",
                     AttributeProto::AttributeType_Name(attribute->type()), ", not ",
                     AttributeProto::AttributeType_Name(type)));
  }
  return nullptr;
}

int64_t OpBuilder::Int(std::string_view name, int64_t otherwise) {
  const AttributeProto* attribute = FindTyped(name, AttributeProto::INT);
  return attribute ? attribute->i() : otherwise;
}

double OpBuilder::Float(std::string_view name, double otherwise) {
  const AttributeProto* attribute = FindTyped(name, AttributeProto::FLOAT);
  return attribute ? attribute->f() : otherwise;
}

std::string OpBuilder::Str(std::string_view name, std::string otherwise) {
  const AttributeProto* attribute = FindTyped(name, AttributeProto::STRING);
  return attribute ? attribute->s() : otherwise;
}

std::vector<int64_t> OpBuilder::Ints(std::string_view name, std::vector<int64_t> otherwise) {
  const AttributeProto* attribute = FindTyped(name, AttributeProto::INTS);
  if (!attribute) return otherwise;
  return {attribute->ints().begin(), attribute->ints().end()};
}

std::vector<float> OpBuilder::Floats(std::string_view name) {
  const AttributeProto* attribute = FindTyped(name, AttributeProto::FLOATS);
  if (!attribute) return {};
  return {attribute->floats().begin(), attribute->floats().end()};
}

std::vector<std::string> OpBuilder::Strings(std::string_view name) {
  const AttributeProto* attribute = FindTyped(name, AttributeProto::STRINGS);
  if (!attribute) return {};
  return {attribute->strings().begin(), attribute->strings().end()};
}

absl::StatusOr<Tensor> OpBuilder::TensorAttr(std::string_view name) {
  const AttributeProto* attribute = FindTyped(name, AttributeProto::TENSOR);
  if (attribute) return FromOnnxTensor(attribute->t());
  return absl::InvalidArgumentError(absl::StrCat("lacks the attribute ", Sv(name)));
}

std::vector<std::string> OpBuilder::AttributeNames() const {
  std::vector<std::string> names;
  for (const AttributeProto& attribute : node_.attribute()) names.push_back(attribute.name());
  return names;
}

std::string OpBuilder::NameFor(std::string_view op) const {
  return graph_.value_names.contains(name_) ? absl::StrCat(name_, ".", Sv(op)) : name_;
}

bool OpBuilder::WorthFolding(const std::vector<ValueId>& inputs, int64_t elements,
                             int64_t steps) const {
  return elements <= kMaxFoldedElements && steps <= kMaxFoldedSteps &&
         std::all_of(inputs.begin(), inputs.end(), [this](ValueId id) { return IsConstant(id); });
}

absl::StatusOr<ValueId> OpBuilder::Fold(const std::vector<ValueId>& inputs,
                                        const Compute& compute) {
  std::vector<Tensor> args;
  for (ValueId id : inputs) args.push_back(graph_.values[id].constant);
  args.emplace_back(TensorType{compute.output->dtype, compute.output->shape});
  if (absl::Status status = Interpret(LowerPlain(compute), args); !status.ok()) {
    return absl::InvalidArgumentError(status.message());
  }
  return graph_.AddConstant(NameFor(compute.name), std::move(args.back()));
}

absl::StatusOr<ValueId> OpBuilder::Add(std::string op, std::vector<ValueId> inputs, Compute compute,
                                       int64_t steps) {
  TW_ASSIGN_OR_RETURN(const std::optional<Bound> bound, BoundOf(compute, inputs, graph_, bounds_));
  const int64_t elements = NumElements(compute.output->shape);
  if (WorthFolding(inputs, elements, steps)) return Fold(inputs, compute);
  const ValueId value =
      graph_.AddNode(NameFor(op), std::move(op), std::move(inputs), std::move(compute));
  if (bound) SetBound(value, *bound);
  return value;
}

absl::Status OpBuilder::CheckInputsHaveElements(const Definition& definition) const {
  if (NumElements(definition.reduce) == 0) return absl::OkStatus();  // nothing is read
  for (ValueId id : definition.inputs) {
    if (NumElements(ShapeOf(id)) > 0) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("reads \"", graph_.values[id].name, "\", which has no elements"));
  }
  return absl::OkStatus();
}

absl::StatusOr<ValueId> OpBuilder::Emit(Definition definition) {
  TW_RETURN_IF_ERROR(CheckShape(definition.type.shape));
  TW_RETURN_IF_ERROR(CheckShape(definition.reduce));
  // Nothing to compute: such values only occur as the empty lists of shape computations.
  if (NumElements(definition.type.shape) == 0) return Constant(Tensor(definition.type));
  TW_RETURN_IF_ERROR(CheckInputsHaveElements(definition));
  Compute compute = MakeCompute(definition, InputBuffers(graph_, definition.inputs));
  if (NumElements(definition.reduce) == 0) {
    ReduceNothing(compute);
    definition.inputs.clear();
  }
  const int64_t steps = definition.folds
                            ? NumElements(definition.type.shape) * NumElements(definition.reduce)
                            : kNeverFolded;
  return Add(definition.op, std::move(definition.inputs), std::move(compute), steps);
}

absl::StatusOr<ValueId> OpBuilder::EmitProcedure(const Procedure& procedure) {
  TW_RETURN_IF_ERROR(CheckShape(procedure.type.shape));
  if (NumElements(procedure.type.shape) == 0) return Constant(Tensor(procedure.type));
  int64_t steps = NumElements(procedure.type.shape);
  for (ValueId id : procedure.inputs) {
    const int64_t elements = NumElements(ShapeOf(id));
    if (elements == 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("reads \"", graph_.values[id].name, "\", which has no elements"));
    }
    steps += elements;
  }
  Compute compute{.name = procedure.op,
                  .inputs = InputBuffers(graph_, procedure.inputs),
                  .output = MakeBuffer("out", procedure.type.dtype, procedure.type.shape),
                  .axes = MakeAxes(procedure.type.shape, "i")};
  compute.procedure = procedure.body(compute.inputs, compute.output);
  return Add(procedure.op, procedure.inputs, std::move(compute), steps);
}

absl::StatusOr<ValueId> OpBuilder::EmitCompute(std::vector<ValueId> inputs, Compute compute) {
  std::string op = compute.name;
  const int64_t steps = compute.procedure ? kNeverFolded : NumElements(compute.output->shape);
  return Add(std::move(op), std::move(inputs), std::move(compute), steps);
}

absl::StatusOr<ValueId> OpBuilder::EmitWorkload(std::vector<ValueId> inputs, Workload workload) {
  TW_RETURN_IF_ERROR(CheckWorkload(workload));
  TW_ASSIGN_OR_RETURN(const std::optional<Bound> bound,
                      BoundOf(Define(workload), inputs, graph_, bounds_));
  const std::string op = workload.op;
  const ValueId value = graph_.AddTunable(NameFor(op), op, std::move(inputs), workload);
  if (bound) SetBound(value, *bound);
  return value;
}

const Names* OpBuilder::ClassesOf(ValueId value) const {
  const auto found = classes_.find(value);
  return found == classes_.end() ? nullptr : &found->second;
}

ValueId OpBuilder::Constant(StringTensor strings) {
  const ValueId value = Constant(std::move(strings.places));
  SetClasses(value, std::move(strings.names));
  return value;
}

ValueId OpBuilder::Constant(Tensor tensor) {
  return graph_.AddConstant(NameFor("constant"), std::move(tensor));
}

}  // namespace tilewright
