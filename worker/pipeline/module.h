// What one worker builds of a trial for another one to run: the candidate's library and the plain
// definition's, each with its calls. A value; its bytes (v1::Module) are what is hashed and signed.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "compiler/core/kernel.h"
#include "compiler/core/workload.h"

namespace tilewright {

inline constexpr size_t kMaxModuleBytes = 8 << 20;

struct TrialModule {
  CompiledTask kernel;
  CompiledTask reference;  // for the same target
};

std::string EncodeModule(const TrialModule& module);
// InvalidArgument for what no builder sends for this workload: too large, not decodable, no shared
// libraries, symbols or operands that cannot be.
absl::StatusOr<TrialModule> DecodeModule(const std::string& bytes, const Workload& workload);

}  // namespace tilewright
