#include "compiler/targets/support/link.h"

#include <deque>
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

}  // namespace

absl::StatusOr<std::string> LinkShared(std::span<const std::string> objects) {
  std::deque<MemoryFile> files;
  std::vector<std::string> inputs;
  for (const std::string& object : objects) {
    TW_RETURN_IF_ERROR(files.emplace_back().Write(object));
    inputs.push_back(files.back().path());
  }
  // An empty library named libm.so.6: linking against it records the need without having the file,
  // so that libraries for other machines are linked alike.
  TW_ASSIGN_OR_RETURN(const std::string stub, Link({"-soname", "libm.so.6", inputs.front()}));
  TW_RETURN_IF_ERROR(files.emplace_back().Write(stub));
  inputs.insert(inputs.end(), {"--no-as-needed", files.back().path()});
  return Link(inputs);
}

}  // namespace tilewright
