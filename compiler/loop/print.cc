#include <charconv>
#include <cmath>
#include <map>
#include <string>
#include <unordered_map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/strings.h"
#include "compiler/core/tensor.h"
#include "compiler/loop/syntax.h"
#include "compiler/loop/text.h"
#include "compiler/loop/tile.h"

namespace tilewright {
namespace {

template <typename T>
std::string ShortestFloat(T value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  char text[64];
  const auto end = std::to_chars(text, text + sizeof text, value).ptr;
  const std::string digits(text, end);
  return digits.find_first_of(".e") == std::string::npos ? digits + ".0" : digits;
}

std::string FloatText(const ExprNode& e) {
  return e.dtype == DType::kF64 ? ShortestFloat(e.fvalue)
                                : ShortestFloat(static_cast<float>(e.fvalue));
}

std::string Literal(const ExprNode& e) {
  if (e.dtype == DType::kF32) return FloatText(e);
  if (e.dtype == DType::kBool) return e.ivalue != 0 ? "true" : "false";
  if (e.dtype == DType::kI64) return absl::StrCat(e.ivalue);
  const std::string digits = e.kind == ExprKind::kFloat ? FloatText(e)
                             : IsUnsigned(e.dtype) ? absl::StrCat(static_cast<uint64_t>(e.ivalue))
                                                   : absl::StrCat(e.ivalue);
  return absl::StrCat(Sv(NameOf(e.dtype)), "(", digits, ")");
}

std::string TypeOf(const Buffer& buffer) {
  return ToString(TensorType{.dtype = buffer->dtype, .shape = buffer->shape});
}

std::string LoopWord(const StmtNode& s) {
  return std::string(s.axis != ThreadAxis::kNone ? kAxisWords[static_cast<size_t>(s.axis)]
                                                 : kLoopWords[static_cast<size_t>(s.loop)]);
}

// Variables print by name; those of one name in nested scopes get numbers, so that the text can
// be read back.
class Printer {
 public:
  std::string Text(const Expr& e) { return Text(e, 0); }

  void Statement(const Stmt& s, int indent, bool last_of_block) {
    switch (s->kind) {
      case StmtKind::kFor: return Loop(*s, indent);
      case StmtKind::kStore:
        return Line(indent,
                    absl::StrCat(s->async ? "async " : "", Access(s->buffer->name, s->indices),
                                 " = ", Text(s->value)));
      case StmtKind::kAtomicAdd:
        return Line(indent, absl::StrCat("atomic_add ", Access(s->buffer->name, s->indices), ", ",
                                         Text(s->value)));
      case StmtKind::kIf: return Branch(*s, indent);
      case StmtKind::kSeq: return Block(s, indent);
      case StmtKind::kAlloc: return Declare(*s, indent, last_of_block);
      case StmtKind::kPrefetch:
        return Line(indent, absl::StrCat("prefetch ", s->buffer->name, ", ", Text(s->value)));
      case StmtKind::kBarrier: return Line(indent, "barrier");
      case StmtKind::kAsyncCommit: return Line(indent, "async_commit");
      case StmtKind::kAsyncWait: return Line(indent, "async_wait " + Text(s->extent));
      case StmtKind::kTile:
        return Line(indent, absl::StrCat(s->tile->name, " ", List(s->operands)));
      case StmtKind::kPipeline: return Pipeline(*s, indent);
      case StmtKind::kLastBlock:
        Line(indent, absl::StrCat("last_block ", Access(s->buffer->name, s->indices), " of ",
                                  *AsInt(s->extent), ":"));
        return Block(s->body[0], indent + 1);
    }
  }

  void Line(int indent, const std::string& text) {
    out_.append(static_cast<size_t>(indent) * 2, ' ');
    absl::StrAppend(&out_, text, "\n");
  }

  void Block(const Stmt& s, int indent) {
    if (s->kind != StmtKind::kSeq) return Statement(s, indent, true);
    if (s->body.empty()) return Line(indent, "pass");
    for (size_t i = 0; i < s->body.size(); ++i) {
      Statement(s->body[i], indent, i + 1 == s->body.size());
    }
  }

  std::string Take() { return std::move(out_); }

 private:
  std::string Text(const Expr& e, int parent) {
    switch (e->kind) {
      case ExprKind::kInt:
      case ExprKind::kFloat: return Literal(*e);
      case ExprKind::kVar: return NameOfVar(e);
      case ExprKind::kLoad: return Access(e->buffer->name, e->operands);
      case ExprKind::kCall: return absl::StrCat(e->name, "(", List(e->operands), ")");
      case ExprKind::kSelect: return absl::StrCat("select(", List(e->operands), ")");
      case ExprKind::kCast:
        return absl::StrCat("cast(", Text(e->operands[0]), ", ", Sv(NameOf(e->dtype)), ")");
      case ExprKind::kBinary: return BinaryText(*e, parent);
    }
    return "";
  }

  std::string BinaryText(const ExprNode& e, int parent) {
    const Operator& op = OperatorOf(e.op, e.operands[0]->dtype);
    if (op.precedence == 0) return absl::StrCat(Sv(op.symbol), "(", List(e.operands), ")");
    const int left = IsComparison(e.op) ? op.precedence + 1 : op.precedence;
    const std::string text = absl::StrCat(Text(e.operands[0], left), " ", Sv(op.symbol), " ",
                                          Text(e.operands[1], op.precedence + 1));
    return op.precedence < parent ? absl::StrCat("(", text, ")") : text;
  }

  std::string List(const std::vector<Expr>& items) {
    return absl::StrJoin(items, ", ",
                         [this](std::string* out, const Expr& item) { out->append(Text(item)); });
  }

  std::string Access(const std::string& name, const std::vector<Expr>& indices) {
    return absl::StrCat(name, "[", List(indices), "]");
  }

  void Loop(const StmtNode& s, int indent) {
    // min..end where the end is plain to see, else min..+extent.
    const int64_t* min = AsInt(s.min);
    const int64_t* extent = AsInt(s.extent);
    const bool constant = min != nullptr && extent != nullptr;
    const std::string span = constant ? absl::StrCat(*min, "..", *min + *extent)
                                      : absl::StrCat(Text(s.min), "..+", Text(s.extent));
    const std::string name = Declare(s.var);
    Line(indent, absl::StrCat(LoopWord(s), " ", name, " in ", span, ":"));
    Block(s.body[0], indent + 1);
    in_scope_.erase(name);
    names_.erase(s.var.get());
  }

  void Pipeline(const StmtNode& s, int indent) {
    const std::string name = Declare(s.var);
    Line(indent,
         absl::StrCat("pipeline ", name, " in 0..", *AsInt(s.extent), " slots ", s.slots, ":"));
    Block(s.body[0], indent + 1);
    Line(indent, "use:");
    Block(s.body[1], indent + 1);
    in_scope_.erase(name);
    names_.erase(s.var.get());
  }

  void Branch(const StmtNode& s, int indent) {
    Line(indent, absl::StrCat("if ", Text(s.condition), ":"));
    Block(s.body[0], indent + 1);
    if (s.body.size() < 2) return;
    Line(indent, "else:");
    Block(s.body[1], indent + 1);
  }

  // The buffer's scope is the rest of the block, or an own block where statements follow.
  void Declare(const StmtNode& s, int indent, bool last_of_block) {
    const std::string_view scope = kScopeWords[static_cast<size_t>(s.buffer->scope)];
    const std::string text =
        absl::StrCat("alloc ", s.buffer->name, ": ", Sv(scope), " ", TypeOf(s.buffer));
    Line(indent, last_of_block ? text : text + " in:");
    Block(s.body[0], last_of_block ? indent : indent + 1);
  }

  std::string Declare(const Expr& var) {
    std::string name = var->name;
    for (int i = 1; in_scope_.count(name) != 0; ++i) name = absl::StrCat(var->name, "_", i);
    in_scope_[name] = var.get();
    names_[var.get()] = name;
    return name;
  }

  std::string NameOfVar(const Expr& var) const {
    const auto found = names_.find(var.get());
    return found == names_.end() ? var->name : found->second;
  }

  std::string out_;
  std::map<std::string, const ExprNode*> in_scope_;
  std::unordered_map<const ExprNode*, std::string> names_;
};

std::string AxesText(const std::vector<Axis>& axes) {
  return absl::StrJoin(axes, ", ", [](std::string* out, const Axis& axis) {
    absl::StrAppend(out, axis.var->name, " in 0..", axis.extent);
  });
}

}  // namespace

std::string Print(const Expr& e) { return e == nullptr ? "true" : Printer().Text(e); }

std::string Print(const Stmt& s, int indent) {
  Printer printer;
  printer.Block(s, indent);
  return printer.Take();
}

std::string Print(const Program& program) {
  const std::string params =
      absl::StrJoin(program.params, ", ", [&](std::string* out, const Buffer& buffer) {
        const bool left = !program.IsInput(buffer) && buffer != program.params.back();
        absl::StrAppend(out, left ? "written " : "", buffer->name, ": ", TypeOf(buffer));
      });
  return absl::StrCat("program ", program.name, "(", params, "):\n", Print(program.body, 1));
}

std::string Print(const Compute& compute) {
  static constexpr const char* kReducers[] = {"", "sum", "max", "min", "prod"};
  std::string text = absl::StrCat(compute.name, ": ", compute.output->name, "[",
                                  AxesText(compute.axes), "]: ", TypeOf(compute.output), "\n");
  for (const Compute& stage : compute.stages) {
    absl::StrAppend(&text, "  for the first ", compute.rows, " axes, ", Print(stage));
  }
  if (compute.reducer != Reducer::kNone) {
    absl::StrAppend(&text, "  reduce ", kReducers[static_cast<size_t>(compute.reducer)], " over ",
                    AxesText(compute.reduce), "\n");
  }
  if (compute.predicate != nullptr) {
    absl::StrAppend(&text, "  where ", Print(compute.predicate), "\n");
  }
  if (compute.procedure != nullptr) return text + Print(compute.procedure);
  absl::StrAppend(&text, "  body ", Print(compute.body), "\n");
  if (compute.result != nullptr) {
    absl::StrAppend(&text, "  result ", Print(compute.result), "\n");
  }
  return text;
}

}  // namespace tilewright
