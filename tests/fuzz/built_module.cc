// What builders send runners. What is accepted is what a runner understands.
#include <elf.h>
#include <google/protobuf/stubs/logging.h>

#include <cstddef>

#include "base/check.h"
#include "compiler/operators/workload_rules.h"
#include "tests/fuzz/target.h"
#include "worker/pipeline/module.h"
#include "worker/process/run_kernel.h"

namespace tilewright {
namespace {

Workload Dense() { return ParseWorkload("dense(float32[4,8],float32[8,8];,NK,)").value(); }

// As much of a shared library as its reader looks at.
std::string Library() {
  std::string bytes(sizeof(Elf64_Ehdr), '\0');
  bytes.replace(0, SELFMAG, ELFMAG);
  bytes[offsetof(Elf64_Ehdr, e_type)] = ET_DYN;
  return bytes;
}

CompiledTask Compiled() {
  return {.so = Library(),
          .buffers = {ParseTensorType("float32[4,2]").value()},
          .prepare = {{.symbol = "pack", .operands = {1, 3}}},
          .calls = {{.symbol = "k", .extent = 4, .operands = {0, 3, 2}}},
          .tolerance = 1e-4};
}

void CheckUnderstood(const CompiledTask& task) {
  RunSpec spec = SpecOf({"library.so", task}, RunArguments(Dense()));
  spec.reference = "reference.bin";
  spec.token = "token";
  TW_CHECK(ParseRunSpec(ToText(spec)).has_value()) << ToText(spec);
}

}  // namespace

FuzzTarget built_module() {
  return {{EncodeModule({Compiled(), Compiled()})}, [](std::string_view bytes) {
            const google::protobuf::LogSilencer silence;
            const auto module = DecodeModule(std::string(bytes), Dense());
            if (!module.ok()) return false;
            CheckUnderstood(module->kernel);
            CheckUnderstood(module->reference);
            return true;
          }};
}

}  // namespace tilewright
