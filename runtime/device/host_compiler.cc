#include "runtime/device/host_compiler.h"

#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string_view>
#include <vector>

#include "runtime/error.h"

namespace tilewright::runtime {
namespace {

constexpr char kCompiler[] = "/usr/bin/c++";
constexpr size_t kMostMessages = 4000;

constexpr char kPrelude[] = R"(
typedef float tw_f32; typedef double tw_f64; typedef long long tw_i64; typedef int tw_i32;
typedef short tw_i16; typedef signed char tw_i8; typedef unsigned long long tw_u64;
typedef unsigned int tw_u32; typedef unsigned short tw_u16; typedef unsigned char tw_u8;
typedef unsigned char tw_bool; typedef unsigned short tw_f16; typedef unsigned short tw_bf16;
typedef unsigned short tw_v2; typedef unsigned int tw_v4;
struct tw_v8 { tw_u32 x, y; };
struct tw_v16 { tw_u32 x, y, z, w; };
#define TW_ZERO_8 (tw_v8{})
#define TW_ZERO_16 (tw_v16{})
#define TW_FN static inline
#define TW_GLOBAL
#define TW_LOCAL
#define TW_KERNEL(x, y, z) static void
#define TW_UNROLL
#define TW_I64(x) x##LL
#define TW_U64(x) x##ULL
TW_FN tw_u32 tw_bits(float x) { tw_u32 y; __builtin_memcpy(&y, &x, 4); return y; }
TW_FN float tw_from_bits(tw_u32 x) { float y; __builtin_memcpy(&y, &x, 4); return y; }
#define TW_BITS(x) tw_bits(x)
#define TW_FROM_BITS(x) tw_from_bits(x)
#define TW_INF_f32 __builtin_inff()
#define TW_NAN_f32 __builtin_nanf("")
#define TW_INF_f64 __builtin_inf()
#define TW_NAN_f64 __builtin_nan("")
#define TW_M32(name) __builtin_##name##f
#define TW_M64(name) __builtin_##name
TW_FN float tw_load_f16(tw_f16 x) { _Float16 y; __builtin_memcpy(&y, &x, 2); return (float)y; }
TW_FN tw_f16 tw_store_f16(float x) {
  _Float16 y = (_Float16)x;
  tw_f16 z;
  __builtin_memcpy(&z, &y, 2);
  return z;
}
struct tw_run {
  template <class F, class... A> tw_run(F kernel, A... args) { kernel(args...); }
};
)";

// A standard stream of the compiler: a file in memory.
class Stream {
 public:
  explicit Stream(std::string_view contents = "")
      : fd_(memfd_create("tilewright-compiler", MFD_CLOEXEC)) {
    const auto bytes = static_cast<ssize_t>(contents.size());
    const bool written = fd_ >= 0 && write(fd_, contents.data(), contents.size()) == bytes;
    if (written && lseek(fd_, 0, SEEK_SET) == 0) return;
    const std::string reason = std::strerror(errno);
    if (fd_ >= 0) close(fd_);
    throw Error(TW_INTERNAL, "cannot make a file in memory: " + reason);
  }
  ~Stream() { close(fd_); }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  int fd() const { return fd_; }

  std::string Contents() const {
    std::string text;
    char part[1 << 16];
    while (true) {
      const ssize_t n = pread(fd_, part, sizeof(part), static_cast<off_t>(text.size()));
      if (n <= 0) return text;
      text.append(part, static_cast<size_t>(n));
    }
  }

 private:
  int fd_;
};

// Runs with these as standard input, output and error; gives the exit status.
int RunWith(std::vector<std::string> arguments, const std::vector<const Stream*>& streams) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  for (size_t i = 0; i < streams.size(); ++i) {
    posix_spawn_file_actions_adddup2(&actions, streams[i]->fd(), static_cast<int>(i));
  }
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  char path[] = "PATH=/usr/bin:/bin";  // of the assembler and the linker
  char* environment[] = {path, nullptr};
  pid_t child = 0;
  const int error = posix_spawn(&child, argv[0], &actions, nullptr, argv.data(), environment);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) {
    throw Error(TW_UNAVAILABLE, "cannot start " + arguments[0] + ": " + std::strerror(error));
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return status;
}

}  // namespace

std::string HostCompiler() {
  if (access(kCompiler, X_OK) == 0) return kCompiler;
  throw Error(TW_UNAVAILABLE, std::string("no C++ compiler at ") + kCompiler + " (Debian: g++)");
}

std::string_view HostPrelude() { return kPrelude; }

std::string CompileOnHost(const std::string& text) {
  const std::string compiler = HostCompiler();
  const Stream source(text), library, messages;
  // The linker writes to what standard output is, not to a path that it would replace.
  const int status =
      RunWith({compiler, "-x", "c++", "-std=c++17", "-O1", "-w", "-fPIC", "-fno-exceptions",
               "-fno-rtti", "-fno-strict-aliasing", "-ffp-contract=off", "-shared", "-nostdlib",
               "-Wl,-z,noexecstack", "-o", "/proc/self/fd/1", "-", "-lm"},
              {&source, &library, &messages});
  if (status == 0) return library.Contents();
  throw Error(TW_INTERNAL, compiler + " does not compile the kernels: " +
                               messages.Contents().substr(0, kMostMessages));
}

}  // namespace tilewright::runtime
