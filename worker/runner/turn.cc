#include "worker/runner/turn.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "worker/run_spec.h"

namespace tilewright {

std::optional<double> AwaitTurn() {
  std::string line;
  while (line.size() <= kMostGoBytes) {
    pollfd input{STDIN_FILENO, POLLIN, 0};
    poll(&input, 1, /*timeout=*/-1);
    char byte;
    const ssize_t n = read(STDIN_FILENO, &byte, 1);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (n <= 0) return std::nullopt;
    if (byte == '\n') return ParseGoLine(line);
    line += byte;
  }
  return std::nullopt;
}

}  // namespace tilewright
