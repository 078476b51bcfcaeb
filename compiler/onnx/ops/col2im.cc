// Col2Im: the sum of the blocks of an image that Im2Col took apart, gathered by each element of the
// image.
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "compiler/onnx/tensor_ops.h"
#include "compiler/onnx/window.h"

namespace tilewright::onnx_ops {
namespace {

struct Blocks {
  Window window;   // slid over the image
  Shape counts;    // blocks along each dimension
  int64_t size;    // elements of a block
  int64_t number;  // of blocks
};

absl::StatusOr<Blocks> ReadBlocks(OpBuilder& b, const Shape& image) {
  TW_ASSIGN_OR_RETURN(const std::vector<int64_t> block, b.ConstInts(2, "block_shape"));
  if (image.empty() || block.size() != image.size()) {
    return absl::InvalidArgumentError(absl::StrCat("image_shape has ", image.size(),
                                                   " dimensions and block_shape ", block.size()));
  }
  TW_RETURN_IF_ERROR(CheckWindowValues(image, image.size(), 1, "image_shape"));
  Blocks blocks{};
  TW_ASSIGN_OR_RETURN(blocks.window, ReadWindow(b, image, block));
  blocks.counts = blocks.window.output;
  blocks.size = NumElements(block);
  blocks.number = NumElements(blocks.counts);
  return blocks;
}

// Where the row and the column of a tap of an output element stand in the input, and whether there
// is a block of which the element is that tap.
struct Tap {
  Expr row, column, inside;
};

Tap TapAt(const Blocks& blocks, const Exprs& axes, const Exprs& taps) {
  const Window& w = blocks.window;
  Tap tap{Int(0), Int(0), nullptr};
  for (size_t d = 0; d < taps.size(); ++d) {
    const Expr from = axes[d + 2] + w.pads_begin[d] - taps[d] * w.dilations[d];
    const Expr block = FloorDiv(from, w.strides[d]);
    tap.inside = And(tap.inside, Eq(FloorMod(from, w.strides[d]), Int(0)));
    tap.inside = And(tap.inside, And(Le(Int(0), block), Lt(block, Int(blocks.counts[d]))));
    tap.row = tap.row * w.kernel[d] + taps[d];
    tap.column = tap.column * blocks.counts[d] + block;
  }
  return tap;
}

absl::StatusOr<Outputs> Col2Im(OpBuilder& b) {
  TW_RETURN_IF_ERROR(CheckRank(b, b.Input(0), 3, 3));
  TW_ASSIGN_OR_RETURN(const std::vector<int64_t> image, b.ConstInts(1, "image_shape"));
  TW_ASSIGN_OR_RETURN(const Blocks blocks, ReadBlocks(b, image));
  const Shape data = b.ShapeOf(b.Input(0));
  if (data[1] % blocks.size != 0 || data[2] != blocks.number) {
    return absl::InvalidArgumentError(absl::StrCat("has ", data[1], " rows and ", data[2],
                                                   " columns where a multiple of ", blocks.size,
                                                   " rows and ", blocks.number, " columns fit"));
  }
  Shape out = {data[0], data[1] / blocks.size};
  out.insert(out.end(), image.begin(), image.end());
  return b.Emit(
      {.op = "col2im",
       .inputs = {b.Input(0)},
       .type = {b.DTypeOf(b.Input(0)), out},
       .body =
           [&](const Point& p) {
             const Tap tap = TapAt(blocks, p.axes, p.reduce);
             return p.Load(0, {p.axes[0], p.axes[1] * blocks.size + tap.row, tap.column});
           },
       .reducer = Reducer::kSum,
       .reduce = blocks.window.kernel,
       .predicate = [&](const Point& p) { return TapAt(blocks, p.axes, p.reduce).inside; }});
}

}  // namespace

OpList col2im() { return {{"Col2Im", 18, 3, Col2Im, kNumbers}}; }

}  // namespace tilewright::onnx_ops
