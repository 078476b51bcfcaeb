// Reading packages (format: runtime/package.h). Everything in them comes from outside and is
// checked here, so that the rest of the runtime can trust it.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/package.h"

namespace tilewright::runtime {

struct Package {
  Manifest manifest;
  std::vector<ExecutionPlan> plans;  // at least one
  std::string_view params, so;       // into the bytes read; the kernels, whatever their device
};

// Throws Error: BAD_PACKAGE for damage (checksums included) and other format versions,
// WRONG_CPU when `features` (CpuFeatures() of this machine) lack some that the kernels need, which
// it names, or the kernels are for another architecture.
Package ReadPackage(std::string_view bytes, const std::set<std::string>& features);

// Only the manifest, of a package for any CPU. Throws Error: BAD_PACKAGE.
Manifest ReadManifestOf(std::string_view bytes);

// Throws BadPackage unless ids, shapes, places, launches and offsets (multiples of `alignment`) are
// within limits: at most 2^20 tensors and calls, rank 8, 2^40 bytes a tensor.
void CheckPlan(const ExecutionPlan& plan, size_t params_bytes, int64_t alignment);
// The same of each plan, and that they are of one model: at most 256, whose inputs and outputs
// have the same names, types and ranks.
void CheckPlans(const std::vector<ExecutionPlan>& plans, size_t params_bytes, int64_t alignment);

// Bytes of a tensor and of one of its elements. REQUIRES: its plan passed CheckPlan.
size_t BytesOf(const PlanTensor& tensor);
size_t ElementBytes(const PlanTensor& tensor);

}  // namespace tilewright::runtime
