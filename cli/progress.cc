#include "cli/progress.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <string>

#include "absl/strings/str_cat.h"

namespace tilewright {
namespace {

constexpr int64_t kBarWidth = 24;
constexpr size_t kTextWidth = 70;  // with the bar still one line of a 110-column terminal
constexpr char kEraseLine[] = "\r\x1b[K";

std::string Bar(int64_t done, int64_t total) {
  const int64_t filled = std::min(kBarWidth, done * kBarWidth / total);
  return absl::StrCat("[", std::string(filled, '#'), std::string(kBarWidth - filled, '.'), "] ",
                      std::min<int64_t>(100, done * 100 / total), " % ");
}

}  // namespace

Progress::Progress() : on_terminal_(isatty(STDERR_FILENO) == 1) {}

Progress::~Progress() { Clear(); }

void Progress::Show(int64_t done, int64_t total, std::string_view text) {
  if (!on_terminal_) return;
  const std::string bar = total > 0 ? Bar(done, total) : "";
  const std::string line = bar + std::string(text.substr(0, kTextWidth));
  std::fprintf(stderr, "%s%s", kEraseLine, line.c_str());
  std::fflush(stderr);
  shown_ = true;
}

void Progress::Clear() {
  if (!shown_) return;
  std::fputs(kEraseLine, stderr);
  std::fflush(stderr);
  shown_ = false;
}

}  // namespace tilewright
