// Splits the text of loop programs into lines of tokens. Used only inside compiler/loop.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace tilewright {

enum class TokenKind { kName, kNumber, kSymbol, kEnd };

struct Token {
  TokenKind kind = TokenKind::kEnd;
  std::string_view text;  // into the lexed text; empty for kEnd
  int line = 0, column = 0;
};

// One line that is not blank; indent in spaces; the last token is kEnd.
struct Line {
  int indent = 0;
  std::vector<Token> tokens;
};

// InvalidArgument with line and column on a character that starts no token or a tab.
absl::StatusOr<std::vector<Line>> Lex(std::string_view text);

// "line 3, column 7: what".
absl::Status SyntaxError(const Token& at, const std::string& what);

}  // namespace tilewright
