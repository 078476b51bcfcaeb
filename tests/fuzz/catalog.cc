#include "tests/fuzz/target.h"

namespace tilewright {

#define ENTRY(name) FuzzTarget name();
#include "tests/fuzz/targets.inc"
#undef ENTRY

const std::vector<NamedFuzzTarget>& FuzzTargets() {
  static const auto* targets = new std::vector<NamedFuzzTarget>{
#define ENTRY(name) {#name, name},
#include "tests/fuzz/targets.inc"
#undef ENTRY
  };
  return *targets;
}

}  // namespace tilewright
