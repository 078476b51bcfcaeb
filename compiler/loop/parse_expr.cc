#include "compiler/loop/parse_expr.h"

#include <optional>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "compiler/loop/calls.h"
#include "compiler/loop/syntax.h"

namespace tilewright {
namespace {

constexpr int kMaxDepth = 200;
constexpr int kMaxOperations = 4096;

// The operator written so on operands of this dtype, called (precedence 0) or infix; null when
// there is none.
const Operator* FindOperator(std::string_view symbol, DType operands, bool called) {
  for (const Operator& op : kOperators) {
    if (op.symbol != symbol || (op.precedence == 0) != called) continue;
    if (OperatorOf(op.op, operands).symbol == symbol && Accepts(op.op, operands)) return &op;
  }
  return nullptr;
}

int PrecedenceOf(const Token& token) {
  if (token.kind != TokenKind::kSymbol) return 0;
  for (const Operator& op : kOperators) {
    if (op.symbol == token.text) return op.precedence;
  }
  return 0;
}

// A literal of an integer type as its bits; nullopt when the text is none or outside the type.
std::optional<int64_t> ReadInteger(const std::string& text, DType dtype) {
  const IntegerLimits limits = LimitsOf(dtype);
  uint64_t natural;
  if (absl::SimpleAtoi(text, &natural)) {
    return natural <= limits.highest ? std::optional(static_cast<int64_t>(natural)) : std::nullopt;
  }
  int64_t integer;
  const bool fits = absl::SimpleAtoi(text, &integer) && integer >= limits.lowest;
  return fits ? std::optional(integer) : std::nullopt;
}

}  // namespace

Token LineParser::Take() {
  const Token token = Peek();
  if (token.kind != TokenKind::kEnd) ++next_;
  return token;
}

bool LineParser::TakeIf(std::string_view text) {
  if (Peek().kind == TokenKind::kEnd || Peek().text != text) return false;
  ++next_;
  return true;
}

absl::Status LineParser::Expect(std::string_view text) {
  if (TakeIf(text)) return absl::OkStatus();
  return SyntaxError(Peek(),
                     absl::StrCat("expected \"", Sv(text), "\", found \"", Sv(Peek().text), "\""));
}

absl::StatusOr<std::string> LineParser::ExpectName() {
  if (Peek().kind != TokenKind::kName) return SyntaxError(Peek(), "expected a name");
  return std::string(Take().text);
}

absl::StatusOr<int64_t> LineParser::ExpectInt() {
  int64_t value;
  if (!absl::SimpleAtoi(Sv(Peek().text), &value)) return SyntaxError(Peek(), "expected a number");
  Take();
  return value;
}

absl::StatusOr<DType> LineParser::ExpectDType() {
  const std::optional<DType> dtype = ParseDType(Peek().text);
  if (!dtype) return SyntaxError(Peek(), "expected a type like float32");
  Take();
  return *dtype;
}

absl::StatusOr<Expr> LineParser::ParseBinary(int least) {
  if (++depth_ > kMaxDepth) return SyntaxError(Peek(), "nested more than 200 deep");
  TW_ASSIGN_OR_RETURN(Expr left, ParsePrimary());
  while (PrecedenceOf(Peek()) >= least) {
    const Token op = Take();
    const int precedence = PrecedenceOf(op);
    TW_ASSIGN_OR_RETURN(Expr right, ParseBinary(precedence + 1));
    if (left->dtype != right->dtype) {
      return SyntaxError(op, absl::StrCat("operands of two types, ", Sv(NameOf(left->dtype)),
                                          " and ", Sv(NameOf(right->dtype))));
    }
    const Operator* found = FindOperator(op.text, left->dtype, /*called=*/false);
    if (found == nullptr) {
      return SyntaxError(op, absl::StrCat("not an operator on ", Sv(NameOf(left->dtype))));
    }
    TW_ASSIGN_OR_RETURN(left, MakeBinary(op, found->op, {left, right}));
  }
  --depth_;
  return left;
}

absl::StatusOr<Expr> LineParser::MakeBinary(const Token& at, BinaryOp op,
                                            std::vector<Expr> operands) {
  if (++operations_ > kMaxOperations) return SyntaxError(at, "more than 4096 operations");
  return Binary(op, std::move(operands[0]), std::move(operands[1]));
}

absl::StatusOr<Expr> LineParser::ParsePrimary() {
  if (TakeIf("(")) {
    TW_ASSIGN_OR_RETURN(Expr inner, ParseExpr());
    TW_RETURN_IF_ERROR(Expect(")"));
    return inner;
  }
  const bool negative = TakeIf("-");
  const bool special = Peek().text == "inf" || Peek().text == "nan";
  if (Peek().kind == TokenKind::kNumber || special) {
    const bool floats = special || Peek().text.find_first_of(".e") != std::string_view::npos;
    return ParseNumber(negative, floats ? DType::kF32 : DType::kI64);
  }
  if (negative || Peek().kind != TokenKind::kName) {
    return SyntaxError(Peek(), "expected an expression");
  }
  return ParseNamed();
}

absl::StatusOr<Expr> LineParser::ParseNumber(bool negative, DType dtype) {
  const Token token = Take();
  const std::string text = absl::StrCat(negative ? "-" : "", Sv(token.text));
  double number;
  if (IsFloat(dtype) && absl::SimpleAtod(text, &number)) {
    float single;  // rounded once: through a double it might be rounded twice
    if (dtype != DType::kF64 && absl::SimpleAtof(text, &single)) number = single;
    return Float(number, dtype);
  }
  if (!IsFloat(dtype)) {
    if (const auto integer = ReadInteger(text, dtype)) return Int(*integer, dtype);
  }
  return SyntaxError(token, absl::StrCat("not a number of type ", Sv(NameOf(dtype))));
}

absl::StatusOr<Expr> LineParser::ParseNamed() {
  const Token name = Take();
  if (name.text == "true" || name.text == "false") return Bool(name.text == "true");
  if (Peek().text == "[") {
    const auto buffer = names_.buffers.find(name.text);
    if (buffer == names_.buffers.end()) return SyntaxError(name, "unknown buffer");
    TW_ASSIGN_OR_RETURN(std::vector<Expr> indices, ParseIndices(buffer->second));
    return Load(buffer->second, std::move(indices));
  }
  if (TakeIf("(")) return ParseCall(name);
  const auto var = names_.vars.find(name.text);
  if (var == names_.vars.end()) return SyntaxError(name, "unknown variable");
  return var->second;
}

absl::StatusOr<Expr> LineParser::ParseCall(const Token& name) {
  if (const std::optional<DType> dtype = ParseDType(name.text)) {
    const bool negative = TakeIf("-");
    TW_ASSIGN_OR_RETURN(Expr literal, ParseNumber(negative, *dtype));
    TW_RETURN_IF_ERROR(Expect(")"));
    return literal;
  }
  if (name.text == "cast") return ParseCast();
  TW_ASSIGN_OR_RETURN(std::vector<Expr> operands, ParseList(")"));
  const auto wrong = [&name] { return SyntaxError(name, "wrong number or types of operands"); };
  if (name.text == "select") {
    if (operands.size() != 3 || operands[0]->dtype != DType::kBool ||
        operands[1]->dtype != operands[2]->dtype) {
      return wrong();
    }
    return Select(operands[0], operands[1], operands[2]);
  }
  for (const Expr& operand : operands) {
    if (operand->dtype != operands[0]->dtype) return wrong();
  }
  const DType dtype = operands.empty() ? DType::kBool : operands[0]->dtype;
  if (const Operator* op = FindOperator(name.text, dtype, /*called=*/true)) {
    return operands.size() == 2 ? MakeBinary(name, op->op, std::move(operands)) : wrong();
  }
  const CallInfo* call = FindCall(name.text);
  if (call == nullptr) return SyntaxError(name, "unknown function");
  if (operands.size() != call->arity || !Accepts(*call, dtype)) return wrong();
  return Call(std::string(name.text), std::move(operands), call->TypeOn(dtype));
}

absl::StatusOr<Expr> LineParser::ParseCast() {
  TW_ASSIGN_OR_RETURN(Expr value, ParseExpr());
  TW_RETURN_IF_ERROR(Expect(","));
  TW_ASSIGN_OR_RETURN(const DType dtype, ExpectDType());
  TW_RETURN_IF_ERROR(Expect(")"));
  return Cast(std::move(value), dtype);
}

absl::StatusOr<std::vector<Expr>> LineParser::ParseList(std::string_view close) {
  std::vector<Expr> items;
  if (TakeIf(close)) return items;
  do {
    TW_ASSIGN_OR_RETURN(Expr item, ParseExpr());
    items.push_back(std::move(item));
  } while (TakeIf(","));
  TW_RETURN_IF_ERROR(Expect(close));
  return items;
}

absl::StatusOr<std::vector<Expr>> LineParser::ParseIndices(const Buffer& buffer) {
  const Token start = Peek();
  TW_RETURN_IF_ERROR(Expect("["));
  TW_ASSIGN_OR_RETURN(std::vector<Expr> indices, ParseList("]"));
  bool fits = indices.size() == buffer->shape.size();
  for (const Expr& index : indices) fits = fits && index->dtype == DType::kI64;
  if (fits) return indices;
  return SyntaxError(
      start, absl::StrCat(buffer->name, " takes ", buffer->shape.size(), " integer indices"));
}

}  // namespace tilewright
