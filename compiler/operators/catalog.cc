#include "base/check.h"
#include "compiler/operators/operator_def.h"

namespace tilewright {

#define ENTRY(stem) const OperatorDef& stem();
#include "operators.inc"
#undef ENTRY

const std::vector<OperatorEntry>& Operators() {
  static const auto* entries = new std::vector<OperatorEntry>{
#define ENTRY(stem) {#stem, &stem()},
#include "operators.inc"
#undef ENTRY
  };
  return *entries;
}

const OperatorDef* FindOperator(std::string_view name) {
  for (const OperatorEntry& entry : Operators()) {
    if (entry.name == name) return entry.def;
  }
  return nullptr;
}

const OperatorDef& OperatorOf(const Workload& workload) {
  const OperatorDef* def = FindOperator(workload.op);
  TW_CHECK(def != nullptr) << "no operator " << workload.op;
  return *def;
}

}  // namespace tilewright
