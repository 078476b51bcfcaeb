// Which texts protobuf's strings and JSON take, and people's terminals.
#pragma once

#include <cstddef>
#include <string_view>

namespace tilewright {

// The bytes of the sequence at the text's start; 0: it is no UTF-8 (RFC 3629: no overlong forms, no
// surrogates, nothing above U+10FFFF).
inline size_t Utf8Length(std::string_view text) {
  const auto at = [&](size_t i) -> unsigned {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0;
  };
  const auto continues = [&](size_t i) { return (at(i) & 0xC0) == 0x80; };
  const unsigned lead = at(0);
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) return continues(1) ? 2 : 0;
  if ((lead & 0xF0) == 0xE0) {
    const unsigned least = lead == 0xE0 ? 0xA0 : 0x80, most = lead == 0xED ? 0x9F : 0xBF;
    return at(1) >= least && at(1) <= most && continues(2) ? 3 : 0;
  }
  if (lead < 0xF0 || lead > 0xF4) return 0;
  const unsigned least = lead == 0xF0 ? 0x90 : 0x80, most = lead == 0xF4 ? 0x8F : 0xBF;
  return at(1) >= least && at(1) <= most && continues(2) && continues(3) ? 4 : 0;
}

inline bool IsUtf8(std::string_view text) {
  while (!text.empty()) {
    const size_t length = Utf8Length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

// What a name or a reason may be: one line of UTF-8 without control characters, which would steer
// the terminals of those who read it.
inline bool IsOneLine(std::string_view text) {
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < ' ' || c == 0x7F) return false;
  }
  return IsUtf8(text);
}

}  // namespace tilewright
