// What the GPU templates of one matrix product on tensor cores share: the space of AutoTVM's
// dense_tensorcore.cuda, its filters, the default and the lowering (tensor_core_gemm.h). A template
// says what the matrices are.
#pragma once

#include "compiler/templates/support/gemm_template.h"

namespace tilewright {

// The multiplication for the workload's element types that the target has; null: none. Data and
// weight are of one type, float16, bfloat16 or int8: float32 is never multiplied as tf32.
const TileOp* MultiplyOf(const Workload& workload, const Target& target);

// Batches are blocks along z.
inline constexpr int64_t kMostBatches = 65535;

// Knobs, candidates and order are AutoTVM's (apache/tvm v0.18, topi/cuda/dense_tensorcore.py),
// whose tiles of wmma_m are made of smaller ones here, and later ones of our own: double_buffer,
// direct_store, async_stages, swizzle, last_block and atomics, all 0 in AutoTVM, and split_k,
// there 1. `offset` is in 16-bit words of a staged row, `offsetCS` in sums.
class TensorCoreTemplate : public GemmTemplate {
 public:
  // An eighth of that of direct summation, as far as tiles are filled.
  double Cost(const Workload& workload, const Target& target) const override;

 protected:
  ConfigSpace SpaceOf(const TensorCoreGemm& gemm, const Target& target) const override;
  std::vector<Config> Candidates(const TensorCoreGemm& gemm,
                                 const ConfigSpace& space) const override;
  double Seconds(const TensorCoreGemm& gemm, const Config& config,
                 const Target& target) const override;
  Program LowerProducts(const TensorCoreGemm& gemm, const Config& config,
                        const Target& target) const override;
};

// The schedule that a config of such a space stands for.
TensorCoreSchedule TensorCoreScheduleOf(const Config& config);

}  // namespace tilewright
