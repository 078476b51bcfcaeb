#include "cli/npz/text_array.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/utf8.h"

namespace tilewright {
namespace {

constexpr int64_t kMostCharacters = 1 << 20;
constexpr size_t kUnit = 4;  // bytes of a code point in UTF-32
constexpr std::string_view kPrefix = "<U";

// Takes the first code point away.
uint32_t TakeCodePoint(std::string_view& text) {
  const size_t length = Utf8Length(text);
  const auto at = [&](size_t i) { return uint32_t{static_cast<unsigned char>(text[i])}; };
  uint32_t point = length == 1 ? at(0) : 0xFFFD;
  if (length > 1) point = at(0) & (0x7FU >> length);
  for (size_t i = 1; i < length; ++i) point = point << 6 | (at(i) & 0x3F);
  text.remove_prefix(std::max<size_t>(1, length));
  return point;
}

void AppendUtf8(uint32_t point, std::string& text) {
  const auto append = [&text](uint32_t byte) { text += static_cast<char>(byte); };
  if (point < 0x80) return append(point);
  if (point < 0x800) {
    append(0xC0 | point >> 6);
  } else if (point < 0x10000) {
    append(0xE0 | point >> 12), append(0x80 | (point >> 6 & 0x3F));
  } else {
    append(0xF0 | (point >> 18 & 7)), append(0x80 | (point >> 12 & 0x3F));
    append(0x80 | (point >> 6 & 0x3F));
  }
  append(0x80 | (point & 0x3F));
}

}  // namespace

int64_t TextBytes(std::string_view dtype) {
  if (!dtype.starts_with(kPrefix)) return 0;
  int64_t characters = 0;
  const char* const end = dtype.data() + dtype.size();
  const auto [stop, error] = std::from_chars(dtype.data() + kPrefix.size(), end, characters);
  const bool good = error == std::errc() && stop == end && characters >= 1;
  return good && characters <= kMostCharacters ? characters * static_cast<int64_t>(kUnit) : 0;
}

bool IsTextType(std::string_view dtype) { return TextBytes(dtype) > 0; }

NpzArray TextArray(std::string name, std::vector<int64_t> shape,
                   const std::vector<std::string>& texts) {
  std::vector<std::vector<uint32_t>> points(texts.size());
  size_t longest = 1;
  for (size_t i = 0; i < texts.size(); ++i) {
    for (std::string_view rest = texts[i]; !rest.empty();) points[i].push_back(TakeCodePoint(rest));
    longest = std::max(longest, points[i].size());
  }
  std::string data;
  for (std::vector<uint32_t>& text : points) {
    text.resize(longest);
    for (uint32_t point : text) {
      for (size_t byte = 0; byte < kUnit; ++byte) data += static_cast<char>(point >> 8 * byte);
    }
  }
  return {std::move(name), std::string(kPrefix) + std::to_string(longest), std::move(shape), data};
}

std::vector<std::string> TextsOf(const NpzArray& array) {
  std::vector<std::string> texts;
  const auto bytes = static_cast<size_t>(TextBytes(array.dtype));
  for (size_t start = 0; start + bytes <= array.data.size(); start += bytes) {
    std::string& text = texts.emplace_back();
    for (size_t at = start; at < start + bytes; at += kUnit) {
      uint32_t point = 0;
      for (size_t byte = kUnit; byte-- > 0;) {
        point = point << 8 | static_cast<unsigned char>(array.data[at + byte]);
      }
      if (point == 0) break;
      AppendUtf8(point, text);
    }
  }
  return texts;
}

}  // namespace tilewright
