// How programs become code for one kind of target: the CPU (cpu.cc), or a kind of device that
// runtime/device/kinds has a file of (device_target.h). Stateless, thread-safe.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "compiler/core/target.h"
#include "compiler/loop/stmt.h"

namespace tilewright {

// Calling convention of every generated CPU kernel, also used by runtime/:
//   void name(void* const* args, int64_t begin, int64_t end)
// args in parameter order, 64-byte aligned; iterations [begin, end) of the outermost parallel
// loop are run ([0, 1) when there is none). Kernels call nothing but libm.

enum class Optimize {
  kFull,   // a * b + c may become one fused operation; fast vector exp, log, tanh, erf in float32
  kPlain,  // every floating-point operation rounds once, in the order written: the reference
};

struct CompileOptions {
  Optimize optimize = Optimize::kFull;
  std::string* assembly = nullptr;  // when set, receives the assembly text
  std::string* ir = nullptr;        // when set, receives the optimised LLVM IR (cpu)
  std::string* log = nullptr;       // when set, receives the compiler's remarks (cuda: registers)
};

class TargetBackend {
 public:
  virtual ~TargetBackend() = default;
  virtual std::string_view Summary() const = 0;
  // What this machine has for the target, and what is missing.
  virtual std::string Found() const = 0;
  // Fills defaults: mcpu is this machine's CPU (also for "native"), or "generic" for another
  // architecture's triple; the triple stays empty for this machine. Vector features that the CPU
  // has by name but this machine hides are switched off in mattr. InvalidArgument for an unknown
  // triple, CPU or feature, listing near names. Devices: mcpu is the architecture.
  virtual absl::StatusOr<Target> Resolve(const Target& target) const = 0;
  // cpu: one shared library (ELF .so bytes) with one exported function per program, linked against
  // nothing but libm. Devices: what their driver loads, such as a cubin or source text.
  // Unavailable when what compiles for the target is missing here. REQUIRES: target resolved,
  // programs verified and unrolled (UnrollLoops is applied by the backend), names unique.
  virtual absl::StatusOr<std::string> CompileLibrary(std::span<const Program> programs,
                                                     const Target& target,
                                                     const CompileOptions& options) const = 0;
};

struct TargetEntry {
  std::string name;
  const TargetBackend* impl;
};
const std::vector<TargetEntry>& Targets();
// NotFound lists the known names.
absl::StatusOr<const TargetBackend*> FindTarget(std::string_view kind);
// FindTarget(target.kind)->Resolve(target).
absl::StatusOr<Target> ResolveTarget(const Target& target);

}  // namespace tilewright
