// Convolutions of NCHW for loads of boxes (TMA). A first kernel lays pixels out with the channels
// last, those of each residue modulo the strides side by side: then what a tap reads of a tile of
// outputs is one box whatever the strides and dilation, and what of it lies outside the image, or
// behind the last channel, is loaded as zeros. Weights are laid out alike, once.
//
//   pixels  [residues, images, rows, columns, channels]
//   weights [taps, output channels, channels]     both channels a multiple of 16 bytes
#pragma once

#include "compiler/core/workload.h"
#include "compiler/templates/lowered_task.h"
#include "compiler/templates/support/tensor_core_gemm.h"

namespace tilewright {

// Weights times the pixels, the depth being taps of channels up to whole stages of a warpgroup
// (StageDepth); n in the order of tiles of so many columns. REQUIRES: a conv2d of one group, plain
// layouts; both of one type of warpgroups' multiplications.
TensorCoreGemm ChannelsLastGemm(const Workload& workload, int64_t columns);

// The task of that gemm's products, whose first step's first operands become what is laid out here.
LoweredTask WithChannelsLast(const Workload& workload, LoweredTask products);

}  // namespace tilewright
