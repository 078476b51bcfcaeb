#include "compiler/onnx/plugin_convert.h"

#include <algorithm>
#include <optional>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "compiler/loop/simplify.h"
#include "compiler/loop/text.h"
#include "compiler/loop/verify.h"
#include "compiler/loop/visit.h"
#include "compiler/onnx/plugin_expand.h"
#include "compiler/onnx/steps.h"
#include "compiler/operators/nest.h"

namespace tilewright {
namespace {

// What the node says an attribute is, as text; the default where it says nothing.
absl::StatusOr<std::string> AttributeText(OpBuilder& b, const PluginAttribute& attribute) {
  using Kind = PluginAttribute::Kind;
  const std::string& name = attribute.name;
  if (!b.HasAttr(name)) {
    if (attribute.otherwise) return *attribute.otherwise;
    return absl::InvalidArgumentError(absl::StrCat("lacks the attribute ", name));
  }
  switch (attribute.kind) {
    case Kind::kInt: return absl::StrCat(b.Int(name, 0));
    case Kind::kBool: return std::string(b.Int(name, 0) != 0 ? "true" : "false");
    case Kind::kString: return b.Str(name, "");
    case Kind::kFloat: break;
  }
  std::string text = absl::StrFormat("%.9g", b.Float(name, 0));
  if (text.find_first_of(".en") == std::string::npos) text += ".0";
  return text;
}

absl::Status BindAttributes(OpBuilder& b, const PluginOperator& op, PluginValues& values) {
  for (const PluginAttribute& attribute : op.attributes) {
    TW_ASSIGN_OR_RETURN(const std::string text, AttributeText(b, attribute));
    TW_RETURN_IF_ERROR(b.status());
    const auto& allowed = attribute.allowed;
    if (!allowed.empty() && std::find(allowed.begin(), allowed.end(), text) == allowed.end()) {
      return absl::InvalidArgumentError(absl::StrCat("attribute ", attribute.name, " is \"", text,
                                                     "\"; ", op.file, " allows ",
                                                     absl::StrJoin(allowed, ", ")));
    }
    const bool is_string = attribute.kind == PluginAttribute::Kind::kString;
    (is_string ? values.strings : values.texts)[attribute.name] = text;
  }
  for (const std::string& name : b.AttributeNames()) {
    if (values.texts.contains(name) || values.strings.contains(name)) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("has the attribute ", name, ", which ", op.file, " does not declare"));
  }
  return absl::OkStatus();
}

// The input's element type as its declaration says; a type's variable is bound by the first.
absl::Status BindType(const PluginOperator& op, const PluginTensor& tensor, DType dtype,
                      PluginValues& values) {
  const std::string found(NameOf(dtype));
  std::string expected = tensor.type;
  if (const auto variable = op.types.find(tensor.type); variable != op.types.end()) {
    const auto& types = variable->second;
    const bool fits = std::find(types.begin(), types.end(), dtype) != types.end();
    if (fits) expected = values.texts.try_emplace(tensor.type, found).first->second;
    if (!fits) {
      expected = absl::StrJoin(types, " or ", [](std::string* out, DType type) {
        absl::StrAppend(out, Sv(NameOf(type)));
      });
    }
  }
  if (expected == found) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("input ", tensor.name, " is ", found, " where ", op.file, " wants ", expected));
}

absl::Status BindShape(const PluginOperator& op, const PluginTensor& tensor, const Shape& shape,
                       PluginValues& values) {
  const std::string declared = absl::StrCat("[", absl::StrJoin(tensor.dims, ", "), "]");
  const std::string wrong =
      absl::StrCat("input ", tensor.name, " has shape [", absl::StrJoin(shape, ","), "] where ",
                   op.file, " wants ", declared);
  if (shape.size() != tensor.dims.size()) return absl::InvalidArgumentError(wrong);
  for (size_t d = 0; d < shape.size(); ++d) {
    int64_t number;
    if (!absl::SimpleAtoi(tensor.dims[d], &number)) {
      const std::string text =
          values.texts.try_emplace(tensor.dims[d], absl::StrCat(shape[d])).first->second;
      if (!absl::SimpleAtoi(text, &number)) return absl::InvalidArgumentError(wrong);
    }
    if (number != shape[d]) {
      return absl::InvalidArgumentError(absl::StrCat(wrong, ": ", tensor.dims[d], " is ", number));
    }
  }
  return absl::OkStatus();
}

// The dimension of the output that an expression over dimensions and attributes gives.
absl::StatusOr<int64_t> OutputDimension(const PluginOperator& op, const PluginValues& values,
                                        const std::string& text) {
  TW_ASSIGN_OR_RETURN(const std::string expanded, ExpandPlugin(op, values, text));
  const absl::StatusOr<Program> program =
      ParseProgram(absl::StrCat("program p(out: int64[1]):\n  out[0] = ", expanded, "\n"));
  if (program.ok() && program->body->kind == StmtKind::kStore && VerifyStrictly(*program).ok()) {
    const Expr value = Simplify(program->body->value, {});
    if (const int64_t* number = AsInt(value)) return *number;
  }
  return absl::InvalidArgumentError(absl::StrCat(op.file, ": the output's dimension ", text,
                                                 " is no integer of dimensions and attributes"));
}

std::string ParameterText(const std::string& name, DType dtype, const Shape& shape) {
  return absl::StrCat(name, ": ", Sv(NameOf(dtype)), "[", absl::StrJoin(shape, ","), "]");
}

// Every name that the operator's text may hold and its value.
absl::StatusOr<PluginValues> BindNames(OpBuilder& b, const PluginOperator& op) {
  if (b.num_inputs() != op.inputs.size()) {
    return absl::InvalidArgumentError(absl::StrCat("has ", b.num_inputs(), " inputs where ",
                                                   op.file, " declares ", op.inputs.size()));
  }
  PluginValues values;
  TW_RETURN_IF_ERROR(BindAttributes(b, op, values));
  for (size_t i = 0; i < op.inputs.size(); ++i) {
    TW_RETURN_IF_ERROR(BindType(op, op.inputs[i], b.DTypeOf(b.Input(i)), values));
    TW_RETURN_IF_ERROR(BindShape(op, op.inputs[i], b.ShapeOf(b.Input(i)), values));
  }
  return values;
}

absl::StatusOr<TensorType> OutputType(const PluginOperator& op, const PluginValues& values) {
  const auto variable = values.texts.find(op.output.type);
  const std::string name = variable == values.texts.end() ? op.output.type : variable->second;
  const std::optional<DType> dtype = ParseDType(name);
  if (!dtype) {
    return absl::InvalidArgumentError(
        absl::StrCat(op.file, ": no input says what the output's type ", name, " is"));
  }
  TensorType type{*dtype, {}};
  for (const std::string& dim : op.output.dims) {
    TW_ASSIGN_OR_RETURN(type.shape.emplace_back(), OutputDimension(op, values, dim));
  }
  TW_RETURN_IF_ERROR(CheckShape(type.shape));
  if (NumElements(type.shape) > 0) return type;
  return absl::InvalidArgumentError(
      absl::StrCat("the output is ", ToString(type), ", which has no elements"));
}

absl::StatusOr<Program> ParseDefinition(OpBuilder& b, const PluginOperator& op) {
  TW_ASSIGN_OR_RETURN(const PluginValues values, BindNames(b, op));
  TW_ASSIGN_OR_RETURN(const TensorType out, OutputType(op, values));
  const absl::StatusOr<std::string> body = ExpandPlugin(op, values, op.definition);
  if (!body.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(op.file, ": ", body.status().message()));
  }
  std::vector<std::string> parameters;
  for (size_t i = 0; i < op.inputs.size(); ++i) {
    const TensorType& type = b.TypeOf(b.Input(i));
    parameters.push_back(ParameterText(op.inputs[i].name, type.dtype, type.shape));
  }
  parameters.push_back(ParameterText(op.output.name, out.dtype, out.shape));
  const size_t first = body->find_first_not_of('\n');  // the header takes the line of `define:`
  absl::StatusOr<Program> program =
      ParseProgram(absl::StrCat(body->substr(0, first - 1), "program ", op.name, "(",
                                absl::StrJoin(parameters, ", "), "):\n", body->substr(first)));
  absl::Status status = program.status();
  if (status.ok()) status = VerifyStrictly(*program);
  if (status.ok()) return program;
  return absl::InvalidArgumentError(absl::StrCat(op.file, ", ", status.message()));
}

// Loops that only a schedule or a device gives a meaning to.
absl::Status CheckLoops(const PluginOperator& op, const Program& program) {
  bool plain = true;
  ForEachStmt(program.body, [&](const Stmt& s) {
    const bool loop =
        s->kind != StmtKind::kFor || (s->loop == LoopKind::kSerial && s->axis == ThreadAxis::kNone);
    const bool buffer = s->kind != StmtKind::kAlloc || s->buffer->scope == Scope::kStack;
    plain = plain && loop && buffer && s->kind != StmtKind::kBarrier &&
            s->kind != StmtKind::kPrefetch && s->kind != StmtKind::kAtomicAdd;
  });
  if (plain) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(op.file,
                   ": a definition has loops by `for` and buffers of scope stack; how it is run in "
                   "parallel is chosen for it"));
}

// The program as a definition, where it is one nest of loops over the output's elements around
// their store.
std::optional<Compute> AsDefinition(const Program& program) {
  const Buffer& out = program.params.back();
  Compute compute{.name = program.name,
                  .inputs = {program.params.begin(), program.params.end() - 1},
                  .output = out};
  Stmt s = program.body;
  for (; s->kind == StmtKind::kFor; s = s->body[0]) {
    const int64_t *min = AsInt(s->min), *extent = AsInt(s->extent);
    if (min == nullptr || *min != 0 || extent == nullptr) return std::nullopt;
    compute.axes.push_back({s->var, *extent});
  }
  if (s->kind != StmtKind::kStore || s->buffer != out || compute.axes.size() != out->shape.size()) {
    return std::nullopt;
  }
  for (size_t d = 0; d < compute.axes.size(); ++d) {
    const bool own = s->indices[d] == compute.axes[d].var;
    if (!own || compute.axes[d].extent != out->shape[d]) return std::nullopt;
  }
  bool reads_itself = false;
  ForEachExpr(s->value, [&](const Expr& e) {
    reads_itself = reads_itself || (e->kind == ExprKind::kLoad && e->buffer == out);
  });
  if (reads_itself) return std::nullopt;
  compute.body = s->value;
  return compute;
}

Compute AsProcedure(const Program& program) {
  const Buffer& out = program.params.back();
  const Stmt clear = ForEach("zero", out->shape, [&](const std::vector<Expr>& at) {
    return Store(out, at, Const(0, out->dtype));
  });
  return {.name = program.name,
          .inputs = {program.params.begin(), program.params.end() - 1},
          .output = out,
          .axes = MakeAxes(out->shape, "i"),
          .procedure = Seq({clear, program.body})};
}

absl::StatusOr<ValueId> EmitTuned(OpBuilder& b, const PluginOperator& op,
                                  const std::optional<Compute>& definition) {
  if (!definition) {
    return absl::InvalidArgumentError(
        absl::StrCat(op.file,
                     ": template nest needs a definition that is loops over the output's "
                     "elements around the one store of each"));
  }
  absl::StatusOr<Workload> workload =
      NestWorkload(absl::StrCat(op.domain, ".", op.name), *definition);
  if (workload.ok()) return b.EmitWorkload(b.Inputs(), *std::move(workload));
  return absl::InvalidArgumentError(absl::StrCat(
      op.file, ": template nest: ", workload.status().message(), "; leave the template out"));
}

absl::StatusOr<Outputs> ConvertPlugin(OpBuilder& b, const PluginOperator& op) {
  TW_ASSIGN_OR_RETURN(const Program program, ParseDefinition(b, op));
  TW_RETURN_IF_ERROR(CheckLoops(op, program));
  std::optional<Compute> definition = AsDefinition(program);
  if (op.tuned) return EmitTuned(b, op, definition);
  return b.EmitCompute(b.Inputs(), definition ? *std::move(definition) : AsProcedure(program));
}

}  // namespace

OpRow PluginRow(const PluginOperator& op) {
  return {absl::StrCat(op.domain, ".", op.name), 0, op.inputs.size(),
          [op](OpBuilder& b) { return ConvertPlugin(b, op); }};
}

}  // namespace tilewright
