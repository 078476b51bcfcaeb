// CPUs as LLVM knows them: names, features and the machine that emits code for one.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "compiler/core/target.h"
#include "compiler/targets/target_backend.h"
#include "llvm/Target/TargetMachine.h"

namespace tilewright {

// TargetBackend::Resolve for kind "cpu".
absl::StatusOr<Target> ResolveCpu(const Target& target);

// What the target's CPU and mattr enable, by LLVM's names. REQUIRES: resolved.
std::vector<std::string> EnabledFeatures(const Target& target);

// Position-independent code. Not thread-safe once made: one for each thread. InvalidArgument when
// the target is not one that ResolveCpu accepts.
absl::StatusOr<std::unique_ptr<llvm::TargetMachine>> MakeTargetMachine(const Target& target,
                                                                       Optimize optimize);

}  // namespace tilewright
