#include "compiler/targets/support/link.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <mutex>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "compiler/targets/support/memory_file.h"
#include "lld/Common/Driver.h"
#include "llvm/Support/raw_ostream.h"

LLD_HAS_DRIVER(elf)

namespace tilewright {
namespace {

absl::Status SystemError(const char* what) {
  return absl::ResourceExhaustedError(absl::StrCat(what, ": ", strerror(errno)));
}

// A private folder for what LLD writes: it makes a file beside its output and renames it.
class TemporaryFolder {
 public:
  static absl::StatusOr<TemporaryFolder> Make() {
    std::string path = P_tmpdir "/tilewright-link-XXXXXX";
    if (mkdtemp(path.data()) == nullptr) return SystemError("cannot make a folder in " P_tmpdir);
    return TemporaryFolder(std::move(path));
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(TemporaryFolder&& other) : path_(std::exchange(other.path_, "")) {}

  std::string File(const char* name) const { return absl::StrCat(path_, "/", name); }

 private:
  explicit TemporaryFolder(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  if (!file || bytes.empty()) return SystemError("cannot read the linked library");
  return bytes;
}

absl::Status RunLld(std::vector<std::string> arguments) {
  static std::mutex mutex;
  const std::lock_guard<std::mutex> lock(mutex);
  std::vector<const char*> argv;
  for (const std::string& argument : arguments) argv.push_back(argument.c_str());
  std::string messages;
  llvm::raw_string_ostream stream(messages);
  const lld::Result result = lld::lldMain(argv, stream, stream, {{lld::Gnu, &lld::elf::link}});
  if (result.retCode == 0) return absl::OkStatus();
  return absl::InternalError(absl::StrCat("link failed: ", messages));
}

std::vector<std::string> BaseArguments(std::string output) {
  return {"ld.lld", "-shared",     "--threads=1", "--build-id=none", "--hash-style=gnu",
          "-z",     "noexecstack", "-o",          std::move(output)};
}

// An empty library named libm.so.6: linking against it records the need without having the file,
// so that libraries for other machines are linked alike.
absl::Status LinkMathStub(const MemoryFile& object, const std::string& stub) {
  std::vector<std::string> arguments = BaseArguments(stub);
  arguments.insert(arguments.end(), {"-soname", "libm.so.6", object.path()});
  return RunLld(std::move(arguments));
}

}  // namespace

absl::StatusOr<std::string> LinkShared(std::span<const std::string> objects) {
  TW_ASSIGN_OR_RETURN(const TemporaryFolder folder, TemporaryFolder::Make());
  const std::string stub = folder.File("libm.so.6"), output = folder.File("kernels.so");
  std::deque<MemoryFile> inputs;
  std::vector<std::string> arguments = BaseArguments(output);
  for (const std::string& object : objects) {
    TW_RETURN_IF_ERROR(inputs.emplace_back().Write(object));
    arguments.push_back(inputs.back().path());
  }
  TW_RETURN_IF_ERROR(LinkMathStub(inputs.front(), stub));
  arguments.insert(arguments.end(), {"--no-as-needed", stub});
  TW_RETURN_IF_ERROR(RunLld(std::move(arguments)));
  return ReadFile(output);
}

}  // namespace tilewright
