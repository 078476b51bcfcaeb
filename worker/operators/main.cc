// tilewright-operators LIBRARY: asks a user's shared library for the text of its operators
// (runtime/include/tilewright_operators.h), confined as a kernel is. Writes to descriptor 3 "text",
// what the machine lacks to confine it, a newline and the text; or "error" and why.
#include <dlfcn.h>
#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <string>

#include "worker/run_spec.h"
#include "worker/runner/confine.h"
#include "worker/sandbox/system_calls.h"

namespace tilewright {
namespace {

constexpr int kAnswerFd = 3;
constexpr int kFormVersion = 1;
constexpr size_t kMaxText = 1 << 20;
constexpr int64_t kMemoryBytes = int64_t{1} << 30;
constexpr double kCpuSeconds = 2;

void Answer(const std::string& answer) {
  for (size_t at = 0; at < answer.size();) {
    const ssize_t n = write(kAnswerFd, answer.data() + at, answer.size() - at);
    if (n <= 0) return;
    at += static_cast<size_t>(n);
  }
}

std::string Lacking(const Confinement& got, bool seccomp) {
  std::string lacking;
  const auto say = [&](bool has, const char* what) {
    if (!has) lacking += std::string(lacking.empty() ? " " : ", ") + what;
  };
  say(got.namespaces, "namespaces");
  say(got.read_only_files, "read-only file systems");
  say(got.landlock, "Landlock");
  say(seccomp, "seccomp");
  return lacking;
}

std::string TextOf(const char* library, const std::string& lacking) {
  void* handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) return std::string("error ") + dlerror();
  using Function = const char* (*)(int);
  const auto function = reinterpret_cast<Function>(dlsym(handle, "tilewright_operators"));
  if (function == nullptr) return "error it has no function tilewright_operators";
  const char* text = function(kFormVersion);
  if (text == nullptr) return "error it does not know version 1 of the text's form";
  const size_t length = strnlen(text, kMaxText + 1);
  if (length > kMaxText) return "error its text has more than 1 MiB";
  return "text" + lacking + "\n" + std::string(text, length);
}

int Main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: tilewright-operators LIBRARY\n");
    return 2;
  }
  const RunSpec spec{.library = argv[1],
                     .reference = argv[1],
                     .memory_bytes = kMemoryBytes,
                     .cpu_seconds = kCpuSeconds};
  const Confinement got = Confine(spec);
  // Opened before it may not be; loaded, so that its first code runs, when nothing is allowed.
  const int library = open(argv[1], O_RDONLY | O_CLOEXEC);
  const bool seccomp = ForbidSystemCalls({.library = library});
  Answer(TextOf(argv[1], Lacking(got, seccomp)));
  _exit(0);  // no destructors: the library may have damaged the heap
}

}  // namespace
}  // namespace tilewright

int main(int argc, char** argv) { return tilewright::Main(argc, argv); }
