// The stages of a Winograd convolution over channel-blocked tensors as statements of the loop IR:
// transform the weights, transform tiles of the input, multiply, transform to the output.
//
// The output's tiles of m x m pixels are numbered over images, rows and columns and cut into
// pieces of `piece` tiles. A vector holds channels throughout.
//
// In integers all is exact. With whole matrices (winograd_matrices.h) the transformed bytes and
// weights fit 16 bits, products are summed modulo 2^32, and what is transformed back is divisor^2
// times the output. Its odd factor is divided out modulo 2^32, its power of two, 2^6 (m = 4) or
// 2^2, by a shift, which leaves 26 or 30 bits: enough for the output of a `chunk` of input
// channels, whatever the weights. Chunks' outputs are added.
#pragma once

#include <vector>

#include "compiler/core/workload.h"
#include "compiler/loop/compute.h"
#include "compiler/templates/support/winograd_matrices.h"

namespace tilewright {

// What is computed in which types.
struct WinogradArithmetic {
  DType data = DType::kF32, weight = DType::kF32;  // as they are read
  DType transformed = DType::kF32;                 // kF32, kBF16 or kI16
  int64_t per_word = 1;                            // of them that are multiplied at a time

  bool whole() const { return transformed == DType::kI16; }
  DType input() const { return whole() ? DType::kI16 : DType::kF32; }   // of its transform
  DType output() const { return whole() ? DType::kI32 : DType::kF32; }  // of the products
};

// What the stages need to know of the workload and the config.
struct WinogradShape {
  int64_t batch, in_blocks, out_blocks, lanes;
  int64_t height, width, out_height, out_width, pad_top, pad_left;
  int64_t m, alpha, tile_rows, tile_columns;  // tiles of an image
  int64_t piece = 1;                          // tiles
  int64_t chunk = 0;                          // blocks of input channels whose products are summed
  WinogradArithmetic types = {};
  int64_t tiles() const { return batch * tile_rows * tile_columns; }
  int64_t pieces() const { return (tiles() + piece - 1) / piece; }
  int64_t in_channels() const { return in_blocks * lanes; }
  int64_t words() const { return lanes / types.per_word; }  // of a block of input channels
  int64_t chunks() const { return in_blocks / chunk; }
};

// REQUIRES: a conv2d of kernel 3x3, stride and dilation 1, groups 1, channels blocked by one width
// in data, weight and output; m is 2, 4 or 6; in integers of uint8 by int8, 2 or 4.
WinogradShape WinogradShapeOf(const Workload& workload, int64_t m, int64_t piece,
                              const WinogradArithmetic& types = {});

// How the products are computed.
struct WinogradTile {
  int64_t blocks = 1;     // of output channels in registers
  int64_t columns = 1;    // tiles in registers; divides the piece
  int64_t unroll = 1;     // words of input channels; divides those of a block
  bool prefetch = false;  // asks for the weights of the next of the matrix products
};

// [out_blocks, alpha * alpha, words of in_channels, lanes]
TensorType TransformedWeights(const WinogradShape& shape);
// One piece's: [alpha * alpha, in_blocks, piece, lanes]
std::vector<int64_t> TransformedPiece(const WinogradShape& shape);
// One piece's products: [blocks, alpha * alpha, piece, lanes]
std::vector<int64_t> ProductsOfPiece(const WinogradShape& shape, const WinogradTile& tile);

// The program that transforms weights of the blocked layout, in float64 or int32: parameters
// weight, out.
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

// The input tiles of piece number `piece` in channel block `block`.
struct InputPart {
  Expr piece, block;
};
// Transforms them; tiles beyond the last are zero.
Stmt TransformInput(const WinogradShape& shape, const Buffer& data, const InputPart& part,
                    const PieceBuffer& out);

// What is multiplied: chunk number `chunk` of the input channels, by the weights of the tile's
// output blocks, which begin at first_block.
struct PieceFactors {
  Buffer weights;
  PieceBuffer input;
  Expr first_block, chunk;
};
// products[o, xi, p, lane] = the sum over the chunk.
Stmt MultiplyPiece(const WinogradShape& shape, const WinogradTile& tile,
                   const PieceFactors& factors, const Buffer& products);

// Where the output goes and what is fused into it: axes n, oc, oh, ow, lane; acc and result by
// FuseEpilogue; output. It has no body.
Compute WinogradEpilogue(const Workload& workload, const WinogradShape& shape);

// One piece's outputs of several chunks: [blocks, piece, m, m, lanes]
std::vector<int64_t> SumsOfPiece(const WinogradShape& shape, const WinogradTile& tile);

// Sets them to 0.
Stmt ClearSums(const WinogradShape& shape, const WinogradTile& tile, const Buffer& sums);

// Transforms one piece's products and adds them to `sums`.
Stmt AddOutput(const WinogradShape& shape, const WinogradTile& tile, const Buffer& products,
               const Buffer& sums);

// The products of one piece with the tile's output blocks, which begin at first_block, and the
// sums that are added to them; null: none.
struct PieceOutput {
  Buffer products, sums;
  Expr piece, first_block;
};
// Transforms them, applies the epilogue and stores.
Stmt TransformOutput(const WinogradShape& shape, const WinogradTile& tile,
                     const PieceOutput& output, const Compute& epilogue);

}  // namespace tilewright
