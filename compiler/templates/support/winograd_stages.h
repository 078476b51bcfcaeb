// The stages of a Winograd convolution over channel-blocked tensors as statements of the loop IR:
// transform the weights, transform tiles of the input, multiply, transform to the output.
//
// The output's tiles of m x m pixels are numbered over images, rows and columns and cut into
// pieces of `piece` tiles. A vector holds channels throughout.
#pragma once

#include <vector>

#include "compiler/core/workload.h"
#include "compiler/loop/compute.h"
#include "compiler/templates/support/winograd_matrices.h"

namespace tilewright {

// What the stages need to know of the workload and the config.
struct WinogradShape {
  int64_t batch, in_blocks, out_blocks, lanes;
  int64_t height, width, out_height, out_width, pad_top, pad_left;
  int64_t m, alpha, tile_rows, tile_columns;  // tiles of an image
  int64_t piece = 1;                          // tiles
  int64_t tiles() const { return batch * tile_rows * tile_columns; }
  int64_t pieces() const { return (tiles() + piece - 1) / piece; }
  int64_t in_channels() const { return in_blocks * lanes; }
};

// REQUIRES: a conv2d of kernel 3x3, stride and dilation 1, groups 1, channels blocked by one width
// in data, weight and output; m is 2, 4 or 6.
WinogradShape WinogradShapeOf(const Workload& workload, int64_t m, int64_t piece);

// How the products are computed.
struct WinogradTile {
  int64_t blocks = 1;   // of output channels in registers
  int64_t columns = 1;  // tiles in registers; divides the piece
  int64_t unroll = 1;   // input channels; divides the lanes
};

// [out_blocks, alpha * alpha, in_channels, lanes]
TensorType TransformedWeights(const WinogradShape& shape);
// One piece's: [alpha * alpha, in_blocks, piece, lanes]
std::vector<int64_t> TransformedPiece(const WinogradShape& shape);
// One piece's products: [blocks, alpha * alpha, piece, lanes]
std::vector<int64_t> ProductsOfPiece(const WinogradShape& shape, const WinogradTile& tile);

// The program that transforms weights of the blocked layout, in float64: parameters weight, out.
Program TransformWeights(const WinogradShape& shape);

// A place for one piece's transformed input: `at` puts the piece's own indices into the buffer's.
struct PieceBuffer {
  Buffer buffer;
  std::vector<Expr> prefix;
  std::vector<Expr> At(std::vector<Expr> indices) const {
    indices.insert(indices.begin(), prefix.begin(), prefix.end());
    return indices;
  }
};

// Transforms channel block `block` of the input tiles of piece number `piece`; tiles beyond the
// last are zero.
Stmt TransformInput(const WinogradShape& shape, const Buffer& data, const Expr& piece,
                    const Expr& block, const PieceBuffer& out);

// products[o, xi, p, lane] = sum over the input channels, for the `blocks` output blocks that
// begin at first_block.
Stmt MultiplyPiece(const WinogradShape& shape, const WinogradTile& tile, const Buffer& weights,
                   const PieceBuffer& input, const Expr& first_block, const Buffer& products);

// Where the output goes and what is fused into it.
struct WinogradOutput {
  Compute epilogue;  // axes n, oc, oh, ow, lane; acc and result by FuseEpilogue; output
};
WinogradOutput MakeWinogradOutput(const Workload& workload, const WinogradShape& shape);

// Transforms one piece's products, applies the epilogue and stores.
Stmt TransformOutput(const WinogradShape& shape, const WinogradTile& tile, const Buffer& products,
                     const Expr& piece, const Expr& first_block, const WinogradOutput& output);

}  // namespace tilewright
