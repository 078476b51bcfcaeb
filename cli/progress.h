// One line of progress on stderr, redrawn in place. Silent unless stderr is a terminal, so that
// logs stay clean. Not thread-safe.
#pragma once

#include <cstdint>
#include <string_view>

namespace tilewright {

class Progress {
 public:
  Progress();
  ~Progress();  // clears the line
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // "[#####.....]  50 % text". REQUIRES: 0 <= done; a total of 0 draws no bar.
  void Show(int64_t done, int64_t total, std::string_view text);
  // Removes the line, so that something else can be printed; the next Show redraws it.
  void Clear();
  bool on_terminal() const { return on_terminal_; }

 private:
  bool on_terminal_;
  bool shown_ = false;
};

}  // namespace tilewright
