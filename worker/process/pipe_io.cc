#include "worker/process/pipe_io.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include <algorithm>
#include <span>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace tilewright {
namespace {

// Of one poll: deadlines beyond the range of its argument are waited for in pieces.
constexpr int64_t kMaxPollMs = 60'000;
// When an interrupt has no descriptor that would end the poll.
constexpr int64_t kBlindPollMs = 100;

// Ok: readable or ended.
absl::Status WaitReadable(int fd, Deadline deadline, const Interrupt* interrupt) {
  const int wake = interrupt ? interrupt->fd() : -1;
  const int64_t longest = interrupt && wake < 0 ? kBlindPollMs : kMaxPollMs;
  while (true) {
    if (interrupt && interrupt->raised()) return absl::CancelledError("interrupted");
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0) return absl::DeadlineExceededError("no answer in time");
    pollfd entries[] = {{fd, POLLIN, 0}, {wake, POLLIN, 0}};
    poll(entries, 2, static_cast<int>(std::min<int64_t>(left.count(), longest)));
    if (entries[0].revents != 0) return absl::OkStatus();
  }
}

// Bytes read, 0 at the end.
absl::StatusOr<size_t> ReadSome(int fd, std::span<char> to, Deadline deadline,
                                const Interrupt* interrupt) {
  while (true) {
    TW_RETURN_IF_ERROR(WaitReadable(fd, deadline, interrupt));
    const ssize_t n = read(fd, to.data(), to.size());
    if (n >= 0) return static_cast<size_t>(n);
    if (errno != EINTR) return absl::UnavailableError(strerror(errno));
  }
}

absl::StatusOr<std::string> ReadExactly(int fd, size_t size, Deadline deadline,
                                        const Interrupt* interrupt) {
  std::string bytes(size, '\0');
  for (size_t done = 0; done < size;) {
    TW_ASSIGN_OR_RETURN(const size_t n,
                        ReadSome(fd, std::span(bytes).subspan(done), deadline, interrupt));
    if (n == 0) return absl::UnavailableError("the other side is gone");
    done += n;
  }
  return bytes;
}

}  // namespace

Deadline DeadlineAfter(double seconds) {
  return std::chrono::steady_clock::now() + std::chrono::duration_cast<std::chrono::nanoseconds>(
                                                std::chrono::duration<double>(seconds));
}

absl::Status WriteAll(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return absl::UnavailableError(strerror(errno));
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return absl::OkStatus();
}

absl::Status WriteFrame(int fd, std::string_view bytes) {
  const uint32_t size = static_cast<uint32_t>(bytes.size());
  std::string frame(4, '\0');
  for (int i = 0; i < 4; ++i) frame[i] = static_cast<char>(size >> (8 * i));
  frame.append(bytes);
  return WriteAll(fd, frame);
}

absl::StatusOr<std::string> ReadFrame(int fd, Deadline deadline, const Interrupt* interrupt) {
  TW_ASSIGN_OR_RETURN(const std::string header, ReadExactly(fd, 4, deadline, interrupt));
  uint32_t size = 0;
  for (int i = 0; i < 4; ++i) {
    size |= static_cast<uint32_t>(static_cast<uint8_t>(header[i])) << (8 * i);
  }
  if (size > kMaxFrame) return absl::DataLossError(absl::StrCat("a frame of ", size, " bytes"));
  return ReadExactly(fd, size, deadline, interrupt);
}

absl::StatusOr<std::string> ReadLine(int fd, Deadline deadline, const Interrupt* interrupt) {
  std::string line;
  while (line.size() < kMaxFrame) {
    TW_ASSIGN_OR_RETURN(const std::string next, ReadExactly(fd, 1, deadline, interrupt));
    if (next == "\n") return line;
    line += next;
  }
  return absl::DataLossError("a line without end");
}

absl::StatusOr<std::string> ReadText(int fd, size_t max_bytes, Deadline deadline,
                                     const Interrupt* interrupt) {
  std::string bytes;
  char buffer[4096];
  while (!bytes.ends_with('\n')) {
    TW_ASSIGN_OR_RETURN(const size_t n, ReadSome(fd, buffer, deadline, interrupt));
    if (n == 0) break;
    bytes.append(buffer, std::min(n, max_bytes - bytes.size()));
  }
  return bytes;
}

absl::StatusOr<std::string> ReadToEnd(int fd, size_t max_bytes, Deadline deadline,
                                      const Interrupt* interrupt) {
  std::string bytes;
  char buffer[4096];
  while (true) {
    TW_ASSIGN_OR_RETURN(const size_t n, ReadSome(fd, buffer, deadline, interrupt));
    if (n == 0) return bytes;
    bytes.append(buffer, std::min(n, max_bytes - bytes.size()));
  }
}

}  // namespace tilewright
