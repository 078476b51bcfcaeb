#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/strings.h"
#include "compiler/targets/target_backend.h"

namespace tilewright {

#define ENTRY(name) const TargetBackend& name();
#include "targets_catalog.inc"
#undef ENTRY

const std::vector<TargetEntry>& Targets() {
  static const auto* targets = new std::vector<TargetEntry>{
#define ENTRY(name) {#name, &name()},
#include "targets_catalog.inc"
#undef ENTRY
  };
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
