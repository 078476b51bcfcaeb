// nest: what its `definition` says, "NAME[SHAPE] EXPRESSION": the element of the output, whose
// shape that is, at i0, i1, ... as an expression of the loop IR (compiler/loop/text.h) over the
// inputs a0, a1, ... A definition comes from outside, with a record or a job, so it is verified
// strictly: it stays within its tensors and ends.
#include "compiler/operators/nest.h"

#include <algorithm>
#include <cctype>
#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/check.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "compiler/loop/simplify.h"
#include "compiler/loop/text.h"
#include "compiler/loop/verify.h"
#include "compiler/loop/visit.h"
#include "compiler/operators/operator_def.h"
#include "compiler/operators/workload_rules.h"

namespace tilewright {
namespace {

constexpr size_t kMaxDefinitionBytes = 12 << 10;  // a key is at most 16 KiB
constexpr size_t kMaxInputs = 64;

absl::Status BadNest(absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("workload: nest: ", what));
}

// The parts of a definition; empty ones where it has another form.
struct NestText {
  std::string name, shape, expression;
};

NestText Split(const std::string& definition) {
  const size_t open = definition.find('['), close = definition.find("] ");
  if (open == definition.npos || close == definition.npos || close < open) return {};
  return {definition.substr(0, open), definition.substr(open, close + 1 - open),
          definition.substr(close + 2)};
}

std::string Parameter(absl::string_view name, const TensorType& type) {
  return absl::StrCat(name, ": ", ToString(type));
}

// The program that the definition stands for. REQUIRES: the output's shape is one.
absl::StatusOr<Program> ParseNest(const Workload& w) {
  const TensorType out{OutputTypeOf(w), OutputShape(w)};
  std::vector<std::string> parameters, indices;
  for (size_t i = 0; i < w.inputs.size(); ++i) {
    parameters.push_back(Parameter(absl::StrCat("a", i), w.inputs[i]));
  }
  parameters.push_back(Parameter("out", out));
  std::string text = absl::StrCat("program nest(", absl::StrJoin(parameters, ", "), "):\n");
  for (size_t d = 0; d < out.shape.size(); ++d) {
    indices.push_back(absl::StrCat("i", d));
    text.append(2 * (d + 1), ' ');
    absl::StrAppend(&text, "for ", indices[d], " in 0..", out.shape[d], ":\n");
  }
  text.append(2 * (out.shape.size() + 1), ' ');
  absl::StrAppend(&text, "out[", absl::StrJoin(indices, ", "),
                  "] = ", Split(w.definition).expression, "\n");
  return ParseProgram(text);
}

bool Reads(const Expr& value, const Buffer& buffer) {
  bool reads = false;
  ForEachExpr(value, [&](const Expr& e) {
    reads = reads || (e->kind == ExprKind::kLoad && e->buffer == buffer);
  });
  return reads;
}

const StmtNode& StoreOf(const Program& program) {
  const StmtNode* s = program.body.get();
  while (s->kind == StmtKind::kFor) s = s->body[0].get();
  return *s;
}

absl::Status CheckNest(const Workload& w) {
  if (w.inputs.size() > kMaxInputs) return BadNest("more than 64 inputs");
  if (w.definition.size() > kMaxDefinitionBytes) return BadNest("a definition above 12 KiB");
  const auto printable = [](char c) { return std::isprint(static_cast<unsigned char>(c)) != 0; };
  if (!std::all_of(w.definition.begin(), w.definition.end(), printable)) {
    return BadNest("the definition is more than a line of text");
  }
  const Shape shape = OutputShape(w);
  TW_RETURN_IF_ERROR(CheckShape(shape));
  if (shape.empty() || std::any_of(shape.begin(), shape.end(), [](int64_t d) { return d < 1; })) {
    return BadNest(
        "expected a definition like NAME[2,8] a0[i0, i1], with a shape that has elements");
  }
  const std::string name = Split(w.definition).name;
  const auto in_name = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '.';
  };
  if (name.empty() || !std::all_of(name.begin(), name.end(), in_name)) {
    return BadNest("the definition's name has other characters than letters, digits, _ and .");
  }
  const absl::StatusOr<Program> program = ParseNest(w);
  absl::Status status = program.status();
  if (status.ok()) status = VerifyStrictly(*program);
  if (!status.ok()) return BadNest(Shown(Std(status.message())));
  const StmtNode& store = StoreOf(*program);
  if (Reads(store.value, store.buffer)) return BadNest("the definition reads its own output");
  return absl::OkStatus();
}

// Of no dimension where the definition has none that can be read.
Shape NestOutput(const Workload& w) {
  const absl::StatusOr<TensorType> type =
      ParseTensorType(absl::StrCat(Sv(NameOf(OutputTypeOf(w))), Split(w.definition).shape));
  return type.ok() ? type->shape : Shape{};
}

Compute DefineNest(const Workload& w) {
  const absl::StatusOr<Program> program = ParseNest(w);
  TW_CHECK(program.ok()) << program.status().message();
  const std::vector<Buffer>& params = program->params;
  Compute compute{
      .name = w.op, .inputs = {params.begin(), params.end() - 1}, .output = params.back()};
  for (Stmt s = program->body; s->kind == StmtKind::kFor; s = s->body[0]) {
    compute.axes.push_back({s->var, *AsInt(s->extent)});
  }
  compute.body = StoreOf(*program).value;
  return compute;
}

// Two operations of the definition count as one multiply-add.
double NestMultiplyAdds(const Workload& w) {
  const Compute compute = DefineNest(w);
  double operations = 0;
  ForEachExpr(compute.body, [&](const Expr& e) {
    operations += e->kind == ExprKind::kBinary || e->kind == ExprKind::kCall;
  });
  return static_cast<double>(NumElements(compute.output->shape)) * std::max(operations, 1.0) / 2;
}

std::optional<WorkloadLayouts> NoBlocks(const Workload&, int64_t) { return std::nullopt; }

// The body with the names of the workload's text.
Expr Renamed(const Compute& compute) {
  Substitution axes;
  std::map<const BufferNode*, Buffer> buffers;
  Ranges ranges;
  for (size_t d = 0; d < compute.axes.size(); ++d) {
    const Expr var = Var(absl::StrCat("i", d));
    axes[compute.axes[d].var.get()] = var;
    ranges[var.get()] = {0, compute.axes[d].extent - 1};
  }
  for (size_t i = 0; i < compute.inputs.size(); ++i) {
    const BufferNode& input = *compute.inputs[i];
    buffers[&input] = MakeBuffer(absl::StrCat("a", i), input.dtype, input.shape);
  }
  const Expr body = Rewrite(Substitute(compute.body, axes), [&](const Expr& e) {
    return e->kind == ExprKind::kLoad ? Load(buffers.at(e->buffer.get()), e->operands) : e;
  });
  return Simplify(body, ranges);
}

}  // namespace

absl::StatusOr<Workload> NestWorkload(const std::string& name, const Compute& compute) {
  if (compute.body == nullptr || compute.predicate || compute.result || !compute.reduce.empty()) {
    return BadNest("only a definition that reduces nothing is one");
  }
  if (compute.inputs.empty()) return BadNest("a definition that reads nothing is none");
  Workload workload{.op = "nest"};
  for (const Buffer& input : compute.inputs) {
    workload.inputs.push_back({input->dtype, input->shape});
  }
  const TensorType out{compute.output->dtype, compute.output->shape};
  const std::string type = ToString(out);
  if (OutputTypeOf(workload) != out.dtype) workload.out = out.dtype;
  workload.definition =
      absl::StrCat(name, type.substr(type.find('[')), " ", Print(Renamed(compute)));
  TW_RETURN_IF_ERROR(CheckWorkload(workload));
  return workload;
}

const OperatorDef& nest() {
  static const auto* def = new OperatorDef{.data = {"", "", /*named=*/false},
                                           .weight = {"", "", /*named=*/false},
                                           .out = {"", "", /*named=*/false},
                                           .by_definition = true,
                                           .weighted = false,
                                           .channel = 0,
                                           .check = CheckNest,
                                           .output_shape = NestOutput,
                                           .multiply_adds = NestMultiplyAdds,
                                           .define = DefineNest,
                                           .blocked = NoBlocks};
  return *def;
}

}  // namespace tilewright
