// A kind of device as a target: its kernels are C-like text (support/gpu_text.h) that the kind's
// compiler takes.
#pragma once

#include "compiler/targets/target_backend.h"
#include "runtime/device/device_kind.h"

namespace tilewright {

class DeviceTarget final : public TargetBackend {
 public:
  // The kind must outlive it.
  explicit DeviceTarget(const runtime::DeviceKind& kind) : kind_(kind) {}

  std::string_view Summary() const override { return kind_.summary; }
  std::string Found() const override { return kind_.found(); }
  absl::StatusOr<Target> Resolve(const Target& target) const override;
  absl::StatusOr<std::string> CompileLibrary(std::span<const Program> programs,
                                             const Target& target,
                                             const CompileOptions& options) const override;

 private:
  const runtime::DeviceKind& kind_;
};

}  // namespace tilewright
