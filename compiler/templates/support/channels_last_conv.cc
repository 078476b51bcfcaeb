#include "compiler/templates/support/channels_last_conv.h"

#include <utility>

#include "compiler/loop/simplify.h"
#include "compiler/operators/define.h"
#include "compiler/schedule/fixed_gpu.h"
#include "compiler/templates/support/pixel_tiles.h"
#include "compiler/templates/support/tap_window.h"
#include "compiler/templates/support/warpgroup_gemm.h"

namespace tilewright {
namespace {

constexpr int64_t kRowUnit = 16;                        // bytes
constexpr int64_t kSquare = 32, kSquareThreadRows = 8;  // of the transposition

int64_t RoundUp(int64_t value, int64_t to) { return (value + to - 1) / to * to; }

// The pixels that a window's taps read, by their residue modulo the stride: pixel `row` of a
// residue is the image's row * stride + residue. A single tap reads those of one residue alone.
struct Residues {
  TapWindow window;
  int64_t count, first, rows;

  explicit Residues(const TapWindow& w)
      : window(w),
        count(w.taps == 1 ? 1 : w.stride),
        first(w.taps == 1 ? *AsInt(FloorMod(Int(-w.before), w.stride)) : 0),
        rows((w.extent - first + w.stride - 1) / w.stride) {}

  Expr PixelAt(const Expr& residue, const Expr& row) const {
    return row * window.stride + residue + first;
  }
  Expr ResidueOf(const Expr& tap) const {
    return count == 1 ? Int(0) : FloorMod(tap * window.dilation - window.before, window.stride);
  }
  Expr RowOf(const Expr& output, const Expr& tap) const {
    return output + FloorDiv(tap * window.dilation - window.before, window.stride);
  }
};

struct ChannelsLast {
  Shape data, weight;
  DType type;
  Residues h, v;
  int64_t channels, deep_channels;  // laid out, and of whole stages

  ChannelsLast(const Workload& w, const Shape& out)
      : data(w.inputs[0].shape),
        weight(w.inputs[1].shape),
        type(w.inputs[0].dtype),
        h(TapWindow(w, out, 0)),
        v(TapWindow(w, out, 1)),
        channels(RoundUp(data[1], kRowUnit / static_cast<int64_t>(SizeOf(type)))),
        deep_channels(RoundUp(data[1], StageDepth(type))) {}

  int64_t taps() const { return weight[2] * weight[3]; }
  int64_t depth() const { return taps() * deep_channels; }
  int64_t pixels() const { return h.count * v.count * data[0] * h.rows * v.rows; }
  Buffer Pixels() const {
    return MakeBuffer("pixels", type, {h.count * v.count, data[0], h.rows, v.rows, channels});
  }
  Buffer Weights() const { return MakeBuffer("weights", type, {taps(), weight[0], channels}); }
};

ChannelsLast ChannelsLastOf(const Workload& w) { return {w, Define(w).output->shape}; }

StagedMatrix LeftOf(const ChannelsLast& s) {
  StagedMatrix left{.source = s.Weights(), .rows = s.weight[0], .columns = s.depth()};
  left.at = [deep = s.deep_channels](const Expr&, const Expr& row, const Expr& column) {
    return std::vector<Expr>{FloorDiv(column, deep), row, FloorMod(column, deep)};
  };
  return left;
}

// Past the last tap no image is.
StagedMatrix RightOf(const ChannelsLast& s, const PixelTiles& tiles, int64_t rows) {
  StagedMatrix right{.source = s.Pixels(), .rows = rows, .columns = s.depth()};
  right.at = [s, tiles](const Expr&, const Expr& row, const Expr& column) {
    const std::vector<Expr> pixel = tiles.At(row);
    const Expr tap = FloorDiv(column, s.deep_channels);
    const Expr y = FloorMod(FloorDiv(tap, s.weight[3]), s.weight[2]);
    const Expr x = FloorMod(tap, s.weight[3]);
    const Expr beyond = FloorDiv(tap, s.taps()) * s.data[0];
    return std::vector<Expr>{s.h.ResidueOf(y) * s.v.count + s.v.ResidueOf(x), pixel[0] + beyond,
                             s.h.RowOf(pixel[1], y), s.v.RowOf(pixel[2], x),
                             FloorMod(column, s.deep_channels)};
  };
  right.box = {1, tiles.box()[0], tiles.box()[1], tiles.box()[2]};
  return right;
}

// What lies at pixel number `pixel` of those laid out; zero where the image or its channels end.
Expr PixelOf(const ChannelsLast& s, const Buffer& data, const Expr& pixel, const Expr& channel) {
  const Expr row = FloorDiv(pixel, s.v.rows), image = FloorDiv(row, s.h.rows);
  const Expr residue = FloorDiv(image, s.data[0]);
  const Expr y = s.h.PixelAt(FloorDiv(residue, s.v.count), FloorMod(row, s.h.rows));
  const Expr x = s.v.PixelAt(FloorMod(residue, s.v.count), FloorMod(pixel, s.v.rows));
  Expr there = And(Lt(channel, Int(s.data[1])), Lt(pixel, Int(s.pixels())));
  there = And(there, And(Lt(y, Int(s.data[2])), Lt(x, Int(s.data[3]))));
  return Select(there, Load(data, {FloorMod(image, s.data[0]), channel, y, x}), Const(0, s.type));
}

// A square at a time through shared memory, so that neighbouring threads read neighbouring pixels
// and write neighbouring channels. One column more keeps threads on banks of their own.
Program LayOutPixels(const ChannelsLast& s) {
  const Buffer data = MakeBuffer("data", s.type, s.data);
  const Buffer out = MakeBuffer("pixels", s.type, {s.pixels(), s.channels});
  const Buffer square = MakeBuffer("square", s.type, {kSquare, kSquare + 1}, Scope::kShared);
  const Expr thread = Var("thread"), row = Var("row"), i = Var("i");
  const Expr pixels = Var("block_x"), channels = Var("block_y");
  const Expr across = i * kSquareThreadRows + row;
  const auto at = [](const Expr& block, const Expr& within) { return block * kSquare + within; };
  const Expr pixel = at(pixels, across), channel = at(channels, thread);
  const Stmt store = If(And(Lt(pixel, Int(s.pixels())), Lt(channel, Int(s.channels))),
                        Store(out, {pixel, channel}, Load(square, {thread, across})));
  const Stmt load =
      Store(square, {across, thread}, PixelOf(s, data, at(pixels, thread), at(channels, across)));
  const auto each = [&](const Stmt& body) {
    return For(i, kSquare / kSquareThreadRows, LoopKind::kUnrolled, body);
  };
  Stmt inside = Seq({each(load), Barrier(), each(store)});
  inside = For(thread, kSquare, ThreadAxis::kThreadX, std::move(inside));
  inside = For(row, kSquareThreadRows, ThreadAxis::kThreadY, std::move(inside));
  inside = Alloc(square, std::move(inside));
  const int64_t blocks_x = RoundUp(s.pixels(), kSquare) / kSquare;
  inside = For(pixels, blocks_x, ThreadAxis::kBlockX, std::move(inside));
  inside =
      For(channels, RoundUp(s.channels, kSquare) / kSquare, ThreadAxis::kBlockY, std::move(inside));
  return {.name = "channels_last", .params = {data, out}, .body = Simplify(inside)};
}

Program LayOutWeights(const ChannelsLast& s) {
  const Buffer weight = MakeBuffer("weight", s.type, s.weight);
  Compute c{.name = "weights_by_taps", .inputs = {weight}, .output = s.Weights()};
  c.axes = MakeAxes(c.output->shape, "w");
  const std::vector<Expr> at = Vars(c.axes);
  const Expr tap =
      Load(weight, {at[1], at[2], FloorDiv(at[0], s.weight[3]), FloorMod(at[0], s.weight[3])});
  c.body = Select(Lt(at[2], Int(s.weight[1])), tap, Const(0, s.type));
  return ScheduleFixedGpu(c);
}

}  // namespace

TensorCoreGemm ChannelsLastGemm(const Workload& w, int64_t columns) {
  TensorCoreGemm gemm{.compute = Define(w)};
  const Shape& out = gemm.compute.output->shape;
  const ChannelsLast s(w, out);
  gemm.pixels = {out[0], out[2], out[3]};
  const PixelTiles tiles(*gemm.pixels, columns);
  gemm.m = out[1];
  gemm.n = tiles.count() * columns;
  gemm.k = s.depth();
  gemm.left = LeftOf(s);
  gemm.right = RightOf(s, tiles, gemm.n);
  gemm.inputs = gemm.compute.inputs;
  gemm.inputs[0] = gemm.right.source;
  gemm.inputs[1] = gemm.left.source;
  gemm.inside = [tiles](const Expr& n) { return tiles.Inside(n); };
  gemm.axes = [tiles](const Expr&, const Expr& m, const Expr& n) {
    const std::vector<Expr> pixel = tiles.At(n);
    return std::vector<Expr>{pixel[0], m, pixel[1], pixel[2]};
  };
  return gemm;
}

LoweredTask WithChannelsLast(const Workload& w, LoweredTask products) {
  const ChannelsLast s = ChannelsLastOf(w);
  const int arguments = static_cast<int>(ArgumentTypes(w).size());
  const int pixels = arguments + static_cast<int>(products.buffers.size()), weights = pixels + 1;
  for (const Buffer& buffer : {s.Pixels(), s.Weights()}) {
    products.buffers.push_back({buffer->dtype, buffer->shape});
  }
  products.steps[0].operands[0] = pixels;
  products.steps[0].operands[1] = weights;
  products.prepare.push_back({LayOutWeights(s), {1, weights}});
  products.steps.insert(products.steps.begin(), {LayOutPixels(s), {0, pixels}});
  return products;
}

}  // namespace tilewright
