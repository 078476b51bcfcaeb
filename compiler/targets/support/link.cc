#include "compiler/targets/support/link.h"

#include <deque>
#include <map>
#include <mutex>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "compiler/targets/support/memory_file.h"
#include "compiler/targets/support/output_pipe.h"
#include "lld/Common/Driver.h"
#include "llvm/Support/raw_ostream.h"

LLD_HAS_DRIVER(elf)

namespace tilewright {
namespace {

// Of an ELF file: its class, byte order and ABI, type and machine.
constexpr size_t kMachineBytes = 20;

absl::Status RunLld(const std::vector<std::string>& arguments) {
  static std::mutex mutex;
  static bool usable = true;  // LLD says when a crash has left its global state damaged
  const std::lock_guard<std::mutex> lock(mutex);
  if (!usable) {
    return absl::UnavailableError("the linker has crashed in this process; start another");
  }
  std::vector<const char*> argv;
  for (const std::string& argument : arguments) argv.push_back(argument.c_str());
  std::string messages;
  llvm::raw_string_ostream stream(messages);
  const lld::Result result = lld::lldMain(argv, stream, stream, {{lld::Gnu, &lld::elf::link}});
  usable = result.canRunAgain;
  if (result.retCode == 0) return absl::OkStatus();
  return absl::InternalError(absl::StrCat("link failed: ", messages));
}

// Links to memory.
absl::StatusOr<std::string> Link(const std::vector<std::string>& inputs) {
  TW_ASSIGN_OR_RETURN(const auto output, OutputPipe::Make());
  std::vector<std::string> arguments = {
      "ld.lld", "-shared",     "--threads=1", "--build-id=none", "--hash-style=gnu",
      "-z",     "noexecstack", "-o",          output->path()};
  arguments.insert(arguments.end(), inputs.begin(), inputs.end());
  TW_RETURN_IF_ERROR(RunLld(arguments));
  if (!output->Finish().empty()) return output->Finish();
  return absl::ResourceExhaustedError("the linker's output was lost");
}

// An empty library named libm.so.6 for the machine of the object, which lies at `path`: linking
// against it records the need without having the file, so that libraries for other machines are
// linked alike. Made once for each machine: it takes as long as linking the kernel.
absl::StatusOr<std::string> MathStub(const std::string& object, const std::string& path) {
  static std::mutex mutex;
  static auto* const stubs = new std::map<std::string, std::string>;
  const std::lock_guard<std::mutex> lock(mutex);
  std::string& stub = (*stubs)[object.substr(0, kMachineBytes)];
  if (!stub.empty()) return stub;
  MemoryFile nothing;
  TW_RETURN_IF_ERROR(nothing.Write("{ local: *; };"));
  TW_ASSIGN_OR_RETURN(stub, Link({"-soname", "libm.so.6", "--gc-sections", "--version-script",
                                  nothing.path(), path}));
  return stub;
}

}  // namespace

absl::StatusOr<std::string> LinkShared(std::span<const std::string> objects) {
  std::deque<MemoryFile> files;
  std::vector<std::string> inputs;
  for (const std::string& object : objects) {
    TW_RETURN_IF_ERROR(files.emplace_back().Write(object));
    inputs.push_back(files.back().path());
  }
  TW_ASSIGN_OR_RETURN(const std::string stub, MathStub(objects.front(), inputs.front()));
  TW_RETURN_IF_ERROR(files.emplace_back().Write(stub));
  inputs.insert(inputs.end(), {"--no-as-needed", files.back().path()});
  return Link(inputs);
}

}  // namespace tilewright
