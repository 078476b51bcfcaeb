#include "cli/printable.h"

#include "absl/strings/str_cat.h"

namespace tilewright {
namespace {

constexpr unsigned char kDelete = 0x7f;
constexpr unsigned char kFirstOfC1 = 0xc2, kEndOfC1 = 0xa0;  // U+0080 to U+009F in UTF-8

bool IsControl(unsigned char c) { return (c < ' ' && c != '\n' && c != '\t') || c == kDelete; }

}  // namespace

std::string Printable(std::string_view text) {
  std::string shown;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    const auto next = static_cast<unsigned char>(i + 1 < text.size() ? text[i + 1] : 0);
    const bool c1 = c == kFirstOfC1 && next >= 0x80 && next < kEndOfC1;
    if (IsControl(c) || c1) {
      absl::StrAppend(&shown, "\\x", absl::Hex(c1 ? next : c, absl::kZeroPad2));
    } else {
      shown += text[i];
    }
    if (c1) ++i;
  }
  return shown;
}

}  // namespace tilewright
