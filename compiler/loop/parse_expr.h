// Reads expressions of the textual loop IR. Used only inside compiler/loop.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "compiler/loop/expr.h"
#include "compiler/loop/lexer.h"

namespace tilewright {

// What names mean at a place of the program.
struct Names {
  std::map<std::string, Expr, std::less<>> vars;
  std::map<std::string, Buffer, std::less<>> buffers;
};

// Reads the tokens of one line from the left.
class LineParser {
 public:
  LineParser(const Line& line, const Names& names) : line_(line), names_(names) {}

  // The next token; kEnd again and again at the end.
  const Token& Peek() const { return line_.tokens[next_]; }
  Token Take();
  // Takes the token if it is this name or symbol.
  bool TakeIf(std::string_view text);

  absl::Status Expect(std::string_view text);
  absl::StatusOr<std::string> ExpectName();
  absl::StatusOr<int64_t> ExpectInt();
  absl::StatusOr<DType> ExpectDType();

  // InvalidArgument on wrong types and unknown names, too. At most 200 levels of nesting and 4096
  // operations in one line.
  absl::StatusOr<Expr> ParseExpr() { return ParseBinary(1); }
  // [expr, ...] with one kI64 index per dimension.
  absl::StatusOr<std::vector<Expr>> ParseIndices(const Buffer& buffer);

 private:
  absl::StatusOr<Expr> ParseBinary(int least);
  absl::StatusOr<Expr> ParsePrimary();
  absl::StatusOr<Expr> ParseNumber(bool negative, DType dtype);
  absl::StatusOr<Expr> ParseNamed();
  absl::StatusOr<Expr> ParseCall(const Token& name);
  absl::StatusOr<Expr> ParseCast();
  absl::StatusOr<std::vector<Expr>> ParseList(std::string_view close);
  absl::StatusOr<Expr> MakeBinary(const Token& at, BinaryOp op, std::vector<Expr> operands);

  const Line& line_;
  const Names& names_;
  size_t next_ = 0;
  int depth_ = 0;
  int operations_ = 0;
};

}  // namespace tilewright
