// Recursive readers of JSON (copies, printing) overflow the stack on deep nesting: text from
// outside is measured before it is parsed.
#pragma once

#include <cstddef>
#include <string_view>

namespace tilewright {

// Whether lists and objects of a JSON text nest deeper than `limit`. Of text that is no JSON the
// answer means nothing, but is given.
inline bool NestsDeeperThan(std::string_view json, int limit) {
  int depth = 0;
  bool quoted = false;
  for (size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (quoted && c == '\\') ++i;
    if (c == '"') quoted = !quoted;
    if (quoted) continue;
    if (c == '[' || c == '{') ++depth;
    if (c == ']' || c == '}') --depth;
    if (depth > limit) return true;
  }
  return false;
}

}  // namespace tilewright
