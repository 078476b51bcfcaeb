// Debian 12 builds Abseil with its own string_view; this converts for StrCat and friends.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "absl/strings/string_view.h"

namespace tilewright {

inline absl::string_view Sv(std::string_view text) { return {text.data(), text.size()}; }

inline std::string_view Std(absl::string_view text) { return {text.data(), text.size()}; }

// At most `limit` bytes of the text's start; never cuts inside a UTF-8 sequence, because protobuf
// refuses a text that is no UTF-8.
inline std::string_view Utf8Prefix(std::string_view text, size_t limit) {
  if (text.size() <= limit) return text;
  const auto continues = [&](size_t i) { return (text[i] & 0xC0) == 0x80; };
  while (limit > 0 && continues(limit)) --limit;
  return text.substr(0, limit);
}

// A text from outside as an error quotes it: short enough to read.
inline std::string Shown(std::string_view text) {
  constexpr size_t kMostBytes = 200;
  if (text.size() <= kMostBytes) return std::string(text);
  return std::string(Utf8Prefix(text, kMostBytes)) + "... (" + std::to_string(text.size()) +
         " bytes)";
}

}  // namespace tilewright
