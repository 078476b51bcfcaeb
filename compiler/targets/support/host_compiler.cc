#include "compiler/targets/support/host_compiler.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "compiler/targets/support/link.h"
#include "compiler/targets/support/memory_file.h"

namespace tilewright {
namespace {

constexpr char kCompiler[] = "/usr/bin/c++";
constexpr size_t kMostMessages = 4000;

std::string Contents(const MemoryFile& file) {
  std::ifstream stream(file.path(), std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(stream), {});
}

// Runs with files as standard input, output and error; gives the exit status.
absl::StatusOr<int> RunWithFiles(std::vector<std::string> arguments,
                                 const std::vector<const MemoryFile*>& files) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  std::vector<int> opened;
  for (size_t i = 0; i < files.size(); ++i) {
    opened.push_back(open(files[i]->path().c_str(), O_RDWR | O_CLOEXEC));
    posix_spawn_file_actions_adddup2(&actions, opened.back(), static_cast<int>(i));
  }
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  char path[] = "PATH=/usr/bin:/bin";  // of the assembler
  char* environment[] = {path, nullptr};
  pid_t child = 0;
  const int error = posix_spawn(&child, argv[0], &actions, nullptr, argv.data(), environment);
  posix_spawn_file_actions_destroy(&actions);
  for (const int fd : opened) close(fd);
  if (error != 0) {
    return absl::UnavailableError(absl::StrCat("cannot start ", argv[0], ": ", strerror(error)));
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return status;
}

}  // namespace

absl::StatusOr<std::string> HostCompiler() {
  if (access(kCompiler, X_OK) == 0) return kCompiler;
  return absl::UnavailableError(absl::StrCat("no C++ compiler at ", kCompiler, " (Debian: g++)"));
}

absl::StatusOr<std::string> CompileOnHost(const std::string& text) {
  TW_ASSIGN_OR_RETURN(const std::string compiler, HostCompiler());
  MemoryFile source, object, messages;
  TW_RETURN_IF_ERROR(source.Write(text));
  TW_ASSIGN_OR_RETURN(const int status,
                      RunWithFiles({compiler, "-x", "c++", "-std=c++17", "-O1", "-w", "-fPIC",
                                    "-fno-exceptions", "-fno-rtti", "-fno-strict-aliasing",
                                    "-ffp-contract=off", "-c", "-o", "/dev/stdout", "-"},
                                   {&source, &object, &messages}));
  if (status != 0) {
    return absl::InternalError(absl::StrCat(
        compiler, " does not compile the kernels: ", Contents(messages).substr(0, kMostMessages)));
  }
  const std::string bytes[] = {Contents(object)};
  return LinkShared(bytes);
}

}  // namespace tilewright
