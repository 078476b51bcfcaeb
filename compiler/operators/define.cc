#include "compiler/operators/define.h"

#include "base/check.h"
#include "compiler/operators/operators.h"

namespace tilewright {

Compute Define(const Workload& workload) {
  TW_CHECK(CheckWorkload(workload).ok()) << CheckWorkload(workload).message();
  if (workload.op == "dense") return DefineDense(workload);
  if (workload.op == "batch_matmul") return DefineBatchMatmul(workload);
  if (workload.op == "conv2d_transpose") return DefineConv2dTranspose(workload);
  return DefineConv2d(workload);
}

}  // namespace tilewright
