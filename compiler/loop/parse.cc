#include <array>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "compiler/core/tensor.h"
#include "compiler/loop/parse_expr.h"
#include "compiler/loop/syntax.h"
#include "compiler/loop/text.h"
#include "compiler/loop/tile.h"

namespace tilewright {
namespace {

constexpr size_t kMaxBytes = 4 << 20;
constexpr int kMaxBlockDepth = 200;

std::optional<LoopKind> LoopOf(std::string_view word) {
  for (size_t i = 0; i < kLoopWords.size(); ++i) {
    if (kLoopWords[i] == word) return static_cast<LoopKind>(i);
  }
  return std::nullopt;
}

std::optional<ThreadAxis> AxisOf(std::string_view word) {
  for (size_t i = 1; i < kAxisWords.size(); ++i) {
    if (kAxisWords[i] == word) return static_cast<ThreadAxis>(i);
  }
  return std::nullopt;
}

// Reads the lines from the top; a block is a run of lines of one indentation.
class ProgramParser {
 public:
  explicit ProgramParser(std::vector<Line> lines) : lines_(std::move(lines)) {}

  absl::StatusOr<Program> Parse() {
    if (lines_.empty()) return absl::InvalidArgumentError("line 1, column 1: no program");
    Program program;
    TW_RETURN_IF_ERROR(ParseHeader(&program));
    TW_ASSIGN_OR_RETURN(program.body, ParseBlock(lines_[0].indent));
    if (next_ < lines_.size()) return SyntaxError(Current().tokens[0], "unexpected indentation");
    return program;
  }

 private:
  const Line& Current() const { return lines_[next_]; }

  absl::Status ParseHeader(Program* program) {
    LineParser line(lines_[next_++], names_);
    TW_RETURN_IF_ERROR(line.Expect("program"));
    TW_ASSIGN_OR_RETURN(program->name, line.ExpectName());
    TW_RETURN_IF_ERROR(line.Expect("("));
    do {
      TW_RETURN_IF_ERROR(ParseParameter(&line, program));
    } while (line.TakeIf(","));
    TW_RETURN_IF_ERROR(line.Expect(")"));
    return EndHeader(&line);
  }

  // Those that are written before the output follow each other.
  absl::Status ParseParameter(LineParser* line, Program* program) {
    const Token at = line->Peek();
    const bool written = line->TakeIf("written");
    if (!written && program->written > 1) {
      if (std::exchange(has_output_, true)) return SyntaxError(at, "one output is the last");
    }
    program->written += written;
    TW_ASSIGN_OR_RETURN(Buffer param, ParseBuffer(line, Scope::kGlobal));
    program->params.push_back(std::move(param));
    return absl::OkStatus();
  }

  // ":" and the end of the line.
  absl::Status EndHeader(LineParser* line) {
    TW_RETURN_IF_ERROR(line->Expect(":"));
    return ExpectEnd(*line);
  }

  static absl::Status ExpectEnd(const LineParser& line) {
    if (line.Peek().kind == TokenKind::kEnd) return absl::OkStatus();
    return SyntaxError(line.Peek(), "expected the end of the line");
  }

  // name: [scope] dtype[shape]; the name stands for the buffer from here on.
  absl::StatusOr<Buffer> ParseBuffer(LineParser* line, Scope scope) {
    const Token at = line->Peek();
    TW_ASSIGN_OR_RETURN(std::string name, line->ExpectName());
    TW_RETURN_IF_ERROR(line->Expect(":"));
    if (scope != Scope::kGlobal) {
      scope = line->TakeIf("register") ? Scope::kRegister : Scope::kStack;
      if (line->TakeIf("shared")) scope = Scope::kShared;
      if (scope == Scope::kStack) TW_RETURN_IF_ERROR(line->Expect("stack"));
    }
    TW_ASSIGN_OR_RETURN(const DType dtype, line->ExpectDType());
    TW_ASSIGN_OR_RETURN(Shape shape, ParseShape(line));
    if (names_.buffers.count(name) != 0) return SyntaxError(at, "buffer is declared already");
    Buffer buffer = MakeBuffer(name, dtype, std::move(shape), scope);
    names_.buffers[name] = buffer;
    return buffer;
  }

  absl::StatusOr<Shape> ParseShape(LineParser* line) {
    const Token at = line->Peek();
    Shape shape;
    TW_RETURN_IF_ERROR(line->Expect("["));
    if (!line->TakeIf("]")) {
      do {
        TW_ASSIGN_OR_RETURN(const int64_t extent, line->ExpectInt());
        shape.push_back(extent);
      } while (line->TakeIf(","));
      TW_RETURN_IF_ERROR(line->Expect("]"));
    }
    if (!CheckShape(shape).ok()) return SyntaxError(at, std::string(CheckShape(shape).message()));
    return shape;
  }

  // The block below a header line of the given indentation.
  absl::StatusOr<Stmt> ParseBlock(int above) {
    const Line& header = lines_[next_ - 1];
    if (next_ == lines_.size() || Current().indent <= above) {
      return SyntaxError(header.tokens.back(), "expected an indented block");
    }
    return ParseLines(Current().indent);
  }

  // The statements from here on with this indentation.
  absl::StatusOr<Stmt> ParseLines(int indent) {
    if (++depth_ > kMaxBlockDepth) {
      return SyntaxError(lines_[next_ - 1].tokens[0], "nested more than 200 deep");
    }
    std::vector<Stmt> body;
    while (next_ < lines_.size() && Current().indent >= indent) {
      if (Current().indent > indent) {
        return SyntaxError(Current().tokens[0], "unexpected indentation");
      }
      TW_ASSIGN_OR_RETURN(Stmt s, ParseStatement(indent));
      body.push_back(std::move(s));
    }
    --depth_;
    return Seq(std::move(body));
  }

  absl::StatusOr<Stmt> ParseStatement(int indent) {
    LineParser line(lines_[next_++], names_);
    const Token first = line.Take();
    const bool access = line.Peek().text == "[";
    if (first.kind != TokenKind::kName) return SyntaxError(first, "expected a statement");
    if (access) return ParseStore(&line, first, "=");
    if (const std::optional<LoopKind> loop = LoopOf(first.text)) {
      return ParseLoop(&line, *loop, ThreadAxis::kNone, indent);
    }
    if (const std::optional<ThreadAxis> axis = AxisOf(first.text)) {
      return ParseLoop(&line, LoopKind::kSerial, *axis, indent);
    }
    if (first.text == "pipeline") return ParsePipeline(&line, indent);
    if (first.text == "last_block") return ParseLastBlock(&line, indent);
    if (first.text == "if") return ParseIf(&line, indent);
    if (first.text == "alloc") return ParseAlloc(&line, indent);
    if (first.text == "prefetch") return ParsePrefetch(&line);
    if (first.text == "async") {
      TW_ASSIGN_OR_RETURN(const Stmt store, ParseStore(&line, line.Take(), "="));
      return AsyncStore(store->buffer, store->indices, store->value);
    }
    if (first.text == "atomic_add") {
      TW_ASSIGN_OR_RETURN(const Stmt store, ParseStore(&line, line.Take(), ","));
      return AtomicAdd(store->buffer, store->indices, store->value);
    }
    if (first.text == "async_wait") {
      TW_ASSIGN_OR_RETURN(const int64_t groups, line.ExpectInt());
      TW_RETURN_IF_ERROR(ExpectEnd(line));
      return AsyncWait(groups);
    }
    if (const TileOp* tile = FindTileOp(first.text)) return ParseTile(&line, *tile);
    const bool barrier = first.text == "barrier", commit = first.text == "async_commit";
    if (first.text != "pass" && !barrier && !commit) {
      return SyntaxError(first, "expected a statement");
    }
    TW_RETURN_IF_ERROR(ExpectEnd(line));
    return barrier ? Barrier() : commit ? AsyncCommit() : Seq({});
  }

  // The element and the value, between them `sign`.
  absl::StatusOr<Stmt> ParseStore(LineParser* line, const Token& name, const char* sign) {
    const auto buffer = names_.buffers.find(name.text);
    if (buffer == names_.buffers.end()) return SyntaxError(name, "unknown buffer");
    TW_ASSIGN_OR_RETURN(std::vector<Expr> indices, line->ParseIndices(buffer->second));
    TW_RETURN_IF_ERROR(line->Expect(sign));
    const Token at = line->Peek();
    TW_ASSIGN_OR_RETURN(Expr value, line->ParseExpr());
    TW_RETURN_IF_ERROR(ExpectEnd(*line));
    if (value->dtype != buffer->second->dtype) return SyntaxError(at, "value of another type");
    return Store(buffer->second, std::move(indices), std::move(value));
  }

  // prefetch buffer, element
  absl::StatusOr<Stmt> ParsePrefetch(LineParser* line) {
    const Token name = line->Take();
    const auto buffer = names_.buffers.find(name.text);
    if (buffer == names_.buffers.end()) return SyntaxError(name, "unknown buffer");
    TW_RETURN_IF_ERROR(line->Expect(","));
    const Token at = line->Peek();
    TW_ASSIGN_OR_RETURN(Expr element, line->ParseExpr());
    TW_RETURN_IF_ERROR(ExpectEnd(*line));
    if (element->dtype != DType::kI64) return SyntaxError(at, "an element is an integer");
    return Prefetch(buffer->second, std::move(element));
  }

  // operand, operand, ...: accesses. Their number and types are Verify's.
  absl::StatusOr<Stmt> ParseTile(LineParser* line, const TileOp& op) {
    std::vector<Expr> operands;
    do {
      const Token at = line->Peek();
      TW_ASSIGN_OR_RETURN(Expr operand, line->ParseExpr());
      if (operand->kind != ExprKind::kLoad) return SyntaxError(at, "expected an element");
      operands.push_back(std::move(operand));
    } while (line->TakeIf(","));
    TW_RETURN_IF_ERROR(ExpectEnd(*line));
    return TileStmt(op, std::move(operands));
  }

  // var in min..end, or var in min..+extent
  absl::StatusOr<Stmt> ParseLoop(LineParser* line, LoopKind loop, ThreadAxis axis, int indent) {
    const Token at = line->Peek();
    TW_ASSIGN_OR_RETURN(std::string name, line->ExpectName());
    if (names_.vars.count(name) != 0) return SyntaxError(at, "variable is in use already");
    TW_RETURN_IF_ERROR(line->Expect("in"));
    TW_ASSIGN_OR_RETURN(Expr min, line->ParseExpr());
    const bool by_extent = line->TakeIf("..+");
    if (!by_extent) TW_RETURN_IF_ERROR(line->Expect(".."));
    TW_ASSIGN_OR_RETURN(Expr extent, line->ParseExpr());
    if (min->dtype != DType::kI64 || extent->dtype != DType::kI64) {
      return SyntaxError(at, "loop bounds are integers");
    }
    if (!by_extent) extent = std::move(extent) - min;
    TW_RETURN_IF_ERROR(EndHeader(line));
    const Expr var = Var(name);
    names_.vars[name] = var;
    TW_ASSIGN_OR_RETURN(Stmt body, ParseBlock(indent));
    names_.vars.erase(name);
    StmtNode node = *For(var, {std::move(min), std::move(extent)}, loop, std::move(body));
    node.axis = axis;
    return std::make_shared<const StmtNode>(std::move(node));
  }

  // pipeline var in 0..extent slots n: block, then use: block
  absl::StatusOr<Stmt> ParsePipeline(LineParser* line, int indent) {
    const Token at = line->Peek();
    TW_ASSIGN_OR_RETURN(std::string name, line->ExpectName());
    if (names_.vars.count(name) != 0) return SyntaxError(at, "variable is in use already");
    TW_RETURN_IF_ERROR(line->Expect("in"));
    TW_RETURN_IF_ERROR(line->Expect("0"));
    TW_RETURN_IF_ERROR(line->Expect(".."));
    TW_ASSIGN_OR_RETURN(const int64_t extent, line->ExpectInt());
    TW_RETURN_IF_ERROR(line->Expect("slots"));
    TW_ASSIGN_OR_RETURN(const int64_t slots, line->ExpectInt());
    if (extent < 1 || slots < 1) return SyntaxError(at, "a pipeline has steps and slots");
    TW_RETURN_IF_ERROR(EndHeader(line));
    const Expr var = Var(name);
    names_.vars[name] = var;
    TW_ASSIGN_OR_RETURN(Stmt fill, ParseBlock(indent));
    if (next_ == lines_.size() || Current().indent != indent) {
      return SyntaxError(at, "a pipeline's use is missing");
    }
    LineParser header(lines_[next_++], names_);
    TW_RETURN_IF_ERROR(header.Expect("use"));
    TW_RETURN_IF_ERROR(EndHeader(&header));
    TW_ASSIGN_OR_RETURN(Stmt use, ParseBlock(indent));
    names_.vars.erase(name);
    return Pipeline(var, extent, slots, {std::move(fill), std::move(use)});
  }

  // last_block counters[index] of blocks: block
  absl::StatusOr<Stmt> ParseLastBlock(LineParser* line, int indent) {
    const Token name = line->Take();
    const auto buffer = names_.buffers.find(name.text);
    if (buffer == names_.buffers.end()) return SyntaxError(name, "unknown buffer");
    TW_ASSIGN_OR_RETURN(std::vector<Expr> indices, line->ParseIndices(buffer->second));
    TW_RETURN_IF_ERROR(line->Expect("of"));
    TW_ASSIGN_OR_RETURN(const int64_t blocks, line->ExpectInt());
    TW_RETURN_IF_ERROR(EndHeader(line));
    TW_ASSIGN_OR_RETURN(Stmt body, ParseBlock(indent));
    return LastBlock(buffer->second, std::move(indices), blocks, std::move(body));
  }

  absl::StatusOr<Stmt> ParseIf(LineParser* line, int indent) {
    const Token at = line->Peek();
    TW_ASSIGN_OR_RETURN(Expr condition, line->ParseExpr());
    if (condition->dtype != DType::kBool) return SyntaxError(at, "the condition is not a bool");
    TW_RETURN_IF_ERROR(EndHeader(line));
    TW_ASSIGN_OR_RETURN(Stmt yes, ParseBlock(indent));
    Stmt no;
    if (next_ < lines_.size() && Current().indent == indent && Current().tokens[0].text == "else" &&
        Current().tokens.size() == 3) {
      LineParser header(lines_[next_++], names_);
      header.Take();
      TW_RETURN_IF_ERROR(EndHeader(&header));
      TW_ASSIGN_OR_RETURN(no, ParseBlock(indent));
    }
    return If(std::move(condition), std::move(yes), std::move(no));
  }

  // The scope of the buffer is the indented block after "in:", else the rest of this block.
  absl::StatusOr<Stmt> ParseAlloc(LineParser* line, int indent) {
    TW_ASSIGN_OR_RETURN(Buffer buffer, ParseBuffer(line, Scope::kStack));
    const bool own_block = line->TakeIf("in");
    TW_RETURN_IF_ERROR(own_block ? EndHeader(line) : ExpectEnd(*line));
    TW_ASSIGN_OR_RETURN(Stmt body, own_block ? ParseBlock(indent) : ParseLines(indent));
    names_.buffers.erase(buffer->name);
    return Alloc(std::move(buffer), std::move(body));
  }

  std::vector<Line> lines_;
  size_t next_ = 0;
  int depth_ = 0;
  bool has_output_ = false;  // behind what is written before it
  Names names_;
};

}  // namespace

absl::StatusOr<Program> ParseProgram(std::string_view text) {
  if (text.size() > kMaxBytes) {
    return absl::InvalidArgumentError("line 1, column 1: more than 4 MiB of text");
  }
  TW_ASSIGN_OR_RETURN(std::vector<Line> lines, Lex(text));
  return ProgramParser(std::move(lines)).Parse();
}

}  // namespace tilewright
