#include "compiler/targets/support/output_pipe.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"

namespace tilewright {
namespace {

void Drain(int reader, std::string* bytes) {
  char buffer[1 << 16];
  while (true) {
    const ssize_t n = read(reader, buffer, sizeof(buffer));
    if (n > 0) bytes->append(buffer, static_cast<size_t>(n));
    if (n == 0 || (n < 0 && errno != EINTR)) break;
  }
  close(reader);
}

}  // namespace

absl::StatusOr<std::unique_ptr<OutputPipe>> OutputPipe::Make() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) {
    return absl::ResourceExhaustedError(absl::StrCat("cannot make a pipe: ", strerror(errno)));
  }
  return std::unique_ptr<OutputPipe>(new OutputPipe(ends[0], ends[1]));
}

OutputPipe::OutputPipe(int reader, int writer)
    : writer_(writer),
      path_(absl::StrCat("/proc/self/fd/", writer)),
      drain_([this, reader] { Drain(reader, &bytes_); }) {}

const std::string& OutputPipe::Finish() {
  if (writer_ >= 0) close(writer_);
  writer_ = -1;
  if (drain_.joinable()) drain_.join();
  return bytes_;
}

}  // namespace tilewright
