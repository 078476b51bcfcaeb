#include "worker/pipeline/module.h"

#include <elf.h>

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "compiler/operators/workload_rules.h"
#include "proto/tilewright.pb.h"
#include "worker/process/kernel_json.h"

namespace tilewright {
namespace {

using Json = nlohmann::json;

constexpr size_t kMaxCalls = 1024, kMaxBuffers = 1024, kMaxOperands = 256, kMaxSymbol = 200;
constexpr int64_t kMaxBufferBytes = int64_t{1} << 40;  // together

// It becomes a word of the runner's spec.
bool IsSymbol(const std::string& text) {
  return !text.empty() && text.size() <= kMaxSymbol &&
         std::all_of(text.begin(), text.end(), [](unsigned char c) {
           return absl::ascii_isalnum(c) || c == '_' || c == '.' || c == '$';
         });
}

// Begins as a shared library does (ELF, of either class: e_type is at the same place).
bool IsLibrary(const std::string& bytes) {
  Elf64_Half type = ET_NONE;
  if (bytes.size() < sizeof(Elf32_Ehdr) || bytes.compare(0, SELFMAG, ELFMAG) != 0) return false;
  std::memcpy(&type, bytes.data() + offsetof(Elf64_Ehdr, e_type), sizeof(type));
  return type == ET_DYN;
}

absl::Status CheckCall(const KernelCall& call, size_t operands) {
  if (!IsSymbol(call.symbol)) {
    return absl::InvalidArgumentError(absl::StrCat("a symbol \"", Shown(call.symbol), "\""));
  }
  const bool in_range = std::all_of(call.operands.begin(), call.operands.end(), [&](int operand) {
    return operand >= 0 && static_cast<size_t>(operand) < operands;
  });
  const auto positive = [](const auto& axes) {
    return std::all_of(axes.begin(), axes.end(), [](int64_t extent) { return extent >= 1; });
  };
  const bool sizes = call.extent >= 1 && positive(call.launch.grid) &&
                     positive(call.launch.block) && !call.operands.empty() &&
                     call.operands.size() <= kMaxOperands;
  if (in_range && sizes) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("a call of ", call.symbol, " with ",
                                                 call.operands.size(), " operands of ", operands));
}

absl::Status CheckTask(const CompiledTask& task, size_t arguments) {
  const bool counts = !task.calls.empty() && task.calls.size() <= kMaxCalls &&
                      task.prepare.size() <= kMaxCalls && task.buffers.size() <= kMaxBuffers;
  const bool tolerance = task.tolerance == 0 || (task.tolerance >= 1e-12 && task.tolerance <= 1);
  if (!counts || !tolerance) {
    return absl::InvalidArgumentError("calls, buffers or a tolerance that no kernel has");
  }
  int64_t bytes = 0;
  for (const TensorType& type : task.buffers) bytes += NumBytes(type);
  if (bytes > kMaxBufferBytes) return absl::InvalidArgumentError("buffers above 1 TiB");
  for (const auto* calls : {&task.prepare, &task.calls}) {
    for (const KernelCall& call : *calls) {
      TW_RETURN_IF_ERROR(CheckCall(call, arguments + task.buffers.size()));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<CompiledTask> Decode(const std::string& library, const std::string& calls,
                                    const Workload& workload) {
  if (!IsLibrary(library)) {
    return absl::InvalidArgumentError(
        absl::StrCat(library.size(), " bytes that are no shared library"));
  }
  const Json json = Json::parse(calls, nullptr, /*allow_exceptions=*/false);
  TW_ASSIGN_OR_RETURN(CompiledTask task, CompiledTaskFromJson(json));
  TW_RETURN_IF_ERROR(CheckTask(task, ArgumentTypes(workload).size()));
  task.so = library;
  return task;
}

}  // namespace

std::string EncodeModule(const TrialModule& module) {
  v1::Module message;
  message.set_library(module.kernel.so);
  message.set_calls(ToJson(module.kernel).dump());
  message.set_reference(module.reference.so);
  message.set_reference_calls(ToJson(module.reference).dump());
  return message.SerializeAsString();
}

absl::StatusOr<TrialModule> DecodeModule(const std::string& bytes, const Workload& workload) {
  v1::Module message;
  if (bytes.size() > kMaxModuleBytes || !message.ParseFromString(bytes)) {
    return absl::InvalidArgumentError(absl::StrCat(bytes.size(), " bytes that are no module"));
  }
  TrialModule module;
  TW_ASSIGN_OR_RETURN(module.kernel, Decode(message.library(), message.calls(), workload));
  TW_ASSIGN_OR_RETURN(module.reference,
                      Decode(message.reference(), message.reference_calls(), workload));
  return module;
}

}  // namespace tilewright
