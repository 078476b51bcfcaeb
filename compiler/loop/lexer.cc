#include "compiler/loop/lexer.h"

#include <array>
#include <cctype>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace tilewright {
namespace {

// Longest first.
constexpr std::array<std::string_view, 23> kSymbols = {
    "..+", "..", "<=", "==", "!=", "&&", "||", "(", ")", "[", "]", ",",
    ":",   "=",  "+",  "-",  "*",  "/",  "%",  "<", "&", "|", "^"};

bool IsDigit(char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; }
bool StartsName(char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0 || c == '_'; }

// Length of the token at the front of `text`; 0 when there is none.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  // A dot joins two parts of a name: oh.outer.
  size_t Name() const {
    size_t n = 0;
    while (n < text_.size()) {
      const bool dot = text_[n] == '.' && n + 1 < text_.size() && StartsName(text_[n + 1]);
      if (!StartsName(text_[n]) && !IsDigit(text_[n]) && !dot) break;
      ++n;
    }
    return n;
  }

  // The first dot of 0..8 is no decimal point.
  size_t Number() const {
    size_t n = Digits(0);
    if (n + 1 < text_.size() && text_[n] == '.' && IsDigit(text_[n + 1])) n = Digits(n + 1);
    if (n < text_.size() && text_[n] == 'e') {
      size_t digits = n + 1;
      if (digits < text_.size() && (text_[digits] == '+' || text_[digits] == '-')) ++digits;
      if (Digits(digits) > digits) n = Digits(digits);
    }
    return n;
  }

  size_t Symbol() const {
    for (std::string_view symbol : kSymbols) {
      if (text_.substr(0, symbol.size()) == symbol) return symbol.size();
    }
    return 0;
  }

 private:
  size_t Digits(size_t from) const {
    while (from < text_.size() && IsDigit(text_[from])) ++from;
    return from;
  }

  std::string_view text_;
};

absl::StatusOr<Line> LexLine(std::string_view text, int number) {
  Line line;
  size_t at = 0;
  while (at < text.size() && text[at] == ' ') ++at;
  line.indent = static_cast<int>(at);
  while (at < text.size()) {
    const std::string_view rest = text.substr(at);
    Token token{.line = number, .column = static_cast<int>(at) + 1};
    const Scanner scanner(rest);
    size_t length = 0;
    if (StartsName(rest[0])) {
      token.kind = TokenKind::kName;
      length = scanner.Name();
    } else if (IsDigit(rest[0])) {
      token.kind = TokenKind::kNumber;
      length = scanner.Number();
    } else {
      token.kind = TokenKind::kSymbol;
      length = scanner.Symbol();
    }
    if (length == 0) return SyntaxError(token, "unexpected character");
    token.text = rest.substr(0, length);
    line.tokens.push_back(token);
    at += length;
    while (at < text.size() && text[at] == ' ') ++at;
  }
  if (!line.tokens.empty()) {
    line.tokens.push_back({.line = number, .column = static_cast<int>(text.size()) + 1});
  }
  return line;
}

}  // namespace

absl::StatusOr<std::vector<Line>> Lex(std::string_view text) {
  std::vector<Line> lines;
  int number = 0;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    TW_ASSIGN_OR_RETURN(Line line, LexLine(text.substr(0, end), ++number));
    if (!line.tokens.empty()) lines.push_back(std::move(line));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

absl::Status SyntaxError(const Token& at, const std::string& what) {
  return absl::InvalidArgumentError(
      absl::StrCat("line ", at.line, ", column ", at.column, ": ", what));
}

}  // namespace tilewright
