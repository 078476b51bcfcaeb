// Reading and writing pipes with a deadline. Frames are a 4-byte little-endian length and as many
// bytes, at most kMaxFrame. Every read ends with Cancelled once its interrupt, which may be null,
// is raised.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "worker/process/interrupt.h"

namespace tilewright {

using Deadline = std::chrono::steady_clock::time_point;
Deadline DeadlineAfter(double seconds);

inline constexpr size_t kMaxFrame = 16 << 20;

// Unavailable: the other side is gone. REQUIRES: SIGPIPE is ignored or the reader lives.
absl::Status WriteAll(int fd, std::string_view bytes);
absl::Status WriteFrame(int fd, std::string_view bytes);

// Unavailable: the other side is gone; DeadlineExceeded; DataLoss: an impossible length.
absl::StatusOr<std::string> ReadFrame(int fd, Deadline deadline,
                                      const Interrupt* interrupt = nullptr);
// Up to a newline, which is not part of it. Unavailable: the other side is gone before.
absl::StatusOr<std::string> ReadLine(int fd, Deadline deadline,
                                     const Interrupt* interrupt = nullptr);
// Until what has come ends with a newline, or the stream ends; at most `max_bytes` are kept. For
// the last that is expected: it may read beyond a line. DeadlineExceeded.
absl::StatusOr<std::string> ReadText(int fd, size_t max_bytes, Deadline deadline,
                                     const Interrupt* interrupt = nullptr);
// Until the end of the stream, at most `max_bytes` are kept. DeadlineExceeded.
absl::StatusOr<std::string> ReadToEnd(int fd, size_t max_bytes, Deadline deadline,
                                      const Interrupt* interrupt = nullptr);

}  // namespace tilewright
