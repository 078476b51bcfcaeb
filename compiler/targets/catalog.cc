#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/strings.h"
#include "compiler/targets/device_target.h"

namespace tilewright {

const TargetBackend& cpu();

const std::vector<TargetEntry>& Targets() {
  static const auto* targets = [] {
    auto* entries = new std::vector<TargetEntry>{{"cpu", &cpu()}};
    for (const runtime::DeviceKind* kind : runtime::DeviceKinds()) {
      entries->push_back({std::string(kind->name()), new DeviceTarget(*kind)});
    }
    return entries;
  }();
  return *targets;
}

absl::StatusOr<const TargetBackend*> FindTarget(std::string_view kind) {
  std::vector<std::string> known;
  for (const TargetEntry& entry : Targets()) {
    if (entry.name == kind) return entry.impl;
    known.push_back(entry.name);
  }
  const std::string list = absl::StrJoin(known, ", ");
  return absl::NotFoundError(absl::StrCat("unknown target \"", Sv(kind), "\"; known: ", list));
}

absl::StatusOr<Target> ResolveTarget(const Target& target) {
  const absl::StatusOr<const TargetBackend*> backend = FindTarget(target.kind);
  if (!backend.ok()) return backend.status();
  return (*backend)->Resolve(target);
}

}  // namespace tilewright
