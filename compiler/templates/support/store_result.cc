#include "compiler/templates/support/store_result.h"

#include "compiler/loop/visit.h"

namespace tilewright {

Stmt StoreResult(const Compute& compute, const std::vector<Expr>& position, const Expr& sum) {
  if (compute.result == nullptr) return Store(compute.output, position, sum);
  Substitution meaning = {{compute.acc.get(), sum}};
  for (size_t i = 0; i < position.size(); ++i) meaning[compute.axes[i].var.get()] = position[i];
  return Store(compute.output, position, Substitute(compute.result, meaning));
}

}  // namespace tilewright
