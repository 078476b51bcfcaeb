// Winograd's convolution over plain NCHW tensors on a GPU, cut into programs: the weights and the
// tiles of the input are transformed, alpha * alpha matrix products follow (any template's), and
// the products are transformed back with the epilogue. A transform is a thread a tile and channel;
// neighbouring threads have neighbouring tiles (output channels, of the weights), so that what they
// write or read of the matrices lies side by side.
#pragma once

#include "compiler/core/workload.h"
#include "compiler/loop/compute.h"
#include "compiler/templates/support/winograd_stages.h"

namespace tilewright {

// The shapes are those of winograd_stages.h with one lane: REQUIRES: shape.lanes == 1.

// The transformed operands, float32: weights [alpha * alpha, CI, CO], data [alpha * alpha, CI,
// tiles] and their products [alpha * alpha, CO, tiles].
TensorType SimtWeights(const WinogradShape& shape);
TensorType SimtTiles(const WinogradShape& shape);
TensorType SimtProducts(const WinogradShape& shape);

// products[xi, co, p] = sum over ci of weights[xi, ci, co] * tiles[xi, ci, p]
Compute WinogradProduct(const WinogradShape& shape);

// Parameters weight [CO, CI, 3, 3], weights.
Program TransformWeightsSimt(const WinogradShape& shape);
// Parameters data [N, CI, H, W], tiles.
Program TransformTilesSimt(const WinogradShape& shape);
// Parameters products, the epilogue's inputs, the workload's output.
Program TransformProductsSimt(const Workload& workload, const WinogradShape& shape);

}  // namespace tilewright
