// What operators are as one matrix product (tensor_core_gemm.h), whoever multiplies it.
#pragma once

#include "compiler/core/workload.h"
#include "compiler/templates/support/tensor_core_gemm.h"

namespace tilewright {

// Rows of data by rows of weights.
TensorCoreGemm DenseGemm(const Workload& workload);
TensorCoreGemm BatchMatmulGemm(const Workload& workload);
// Weights [O, I*KH*KW] times the pixels that each output's window reads [I*KH*KW, OH*OW] of each
// image, gathered; of a 1x1 convolution without strides and padding they are contiguous.
TensorCoreGemm Conv2dNchwGemm(const Workload& workload);

}  // namespace tilewright
