// Direct convolution over plain NCHW tensors: the lanes of a vector are output pixels of one row,
// weights are broadcast, so that any number of channels and any groups fill the lanes, and weights
// need no packing (they may be known only at run time). 1x1 convolutions run over the flattened
// image. Strided rows are first copied so that lanes are neighbours: staged[.., p, q] holds column
// q * stride + p, padding included.
//
// Knobs: tile_oc (output channels in the register tile), tile_oh (rows), tile_ow (vectors of
// pixels), lanes (pixels in a vector), order (px: the pixels' data stays in cache; oc: a channel's
// weights), unroll_kw, unroll_ic.
#include <algorithm>

#include "base/status_macros.h"
#include "compiler/operators/define.h"
#include "compiler/operators/workload_rules.h"
#include "compiler/schedule/schedule.h"
#include "compiler/templates/support/fused_epilogue.h"
#include "compiler/templates/support/space.h"
#include "compiler/templates/support/tile_model.h"
#include "compiler/templates/template.h"

namespace tilewright {
namespace {

// Above this many multiply-adds in one straight-line body, compiling costs more than it gains.
constexpr int64_t kMaxBodyFmas = 700;
// Wider windows stay a loop.
constexpr int64_t kMaxUnrolledTaps = 16;

int64_t CeilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

// One spatial dimension of the convolution.
struct Extent {
  int64_t in, out, kernel, stride, before, after, dilation;
  bool padded() const { return before > 0 || after > 0; }
  int64_t last_tap() const { return (kernel - 1) * dilation; }
};

// What the register tiles run over. Input position of (oh, kh): oh * row_step + kh * row_tap -
// row_before; of (ow, kw): column ow + kw * dilation / phases - column_before of phase
// kw * dilation % phases.
struct Nest {
  int64_t batch, groups, in_channels, out_channels;  // channels of a group
  int64_t kernel_h, kernel_w, out_height, out_width;
  bool staged = false;
  int64_t rows = 1, phases = 1, columns = 1;  // of what is read: [.., rows, phases, columns]
  Extent h, v;                                // of the workload
};

Extent ExtentOf(const Workload& w, size_t d) {
  const auto& padding = w.Attr("padding");
  return {.in = w.inputs[0].shape[2 + d],
          .out = OutputShape(w)[2 + d],
          .kernel = w.inputs[1].shape[2 + d],
          .stride = w.Attr("strides")[d],
          .before = padding[d],
          .after = padding[d + 2],
          .dilation = w.Attr("dilation")[d]};
}

Nest NestOf(const Workload& w) {
  const int64_t groups = w.Attr("groups")[0];
  Nest s{.batch = w.inputs[0].shape[0],
         .groups = groups,
         .in_channels = w.inputs[1].shape[1],
         .out_channels = w.inputs[1].shape[0] / groups};
  s.h = ExtentOf(w, 0);
  s.v = ExtentOf(w, 1);
  s.kernel_h = s.h.kernel;
  s.kernel_w = s.v.kernel;
  s.out_height = s.h.out;
  s.out_width = s.v.out;
  s.rows = s.h.in;
  s.columns = s.v.in;
  const bool pointwise = s.kernel_h * s.kernel_w == 1;
  const bool plain = s.h.stride * s.v.stride == 1 && !s.h.padded() && !s.v.padded();
  s.staged = s.v.stride > 1 || (pointwise && !plain);
  if (s.staged) {
    s.phases = s.kernel_w == 1 ? 1 : s.v.stride;
    s.rows = s.kernel_h == 1 ? s.out_height : (s.out_height - 1) * s.h.stride + s.h.last_tap() + 1;
    s.columns = s.out_width + s.v.last_tap() / s.v.stride;
  }
  if (pointwise) {
    s.columns = s.out_width = s.out_height * s.out_width;
    s.rows = s.out_height = 1;
  }
  return s;
}

Expr Inside(const Expr& at, int64_t extent) { return And(Le(Int(0), at), Lt(at, Int(extent))); }

// The copy of the input, as a sum of one term that the predicate guards: lowering keeps the
// conditions at the borders.
Compute StageCompute(const Workload& w, const Nest& s) {
  const int64_t images = s.batch * s.groups * s.in_channels;
  const int64_t rows = s.kernel_h * s.kernel_w == 1 ? s.h.out : s.rows;
  const int64_t columns = s.kernel_h * s.kernel_w == 1 ? s.v.out : s.columns;
  Compute c{.name = "stage"};
  c.axes = {{Var("image"), images},
            {Var("row"), rows},
            {Var("phase"), s.phases},
            {Var("column"), columns}};
  c.reduce = {{Var("once"), 1}};
  c.reducer = Reducer::kSum;
  c.inputs = {MakeBuffer("data", w.inputs[0].dtype, {images, s.h.in, s.v.in})};
  c.output = MakeBuffer("staged", w.inputs[0].dtype, {images, rows, s.phases, columns});
  const Expr row = c.axes[1].var * (s.kernel_h == 1 ? s.h.stride : 1) - s.h.before;
  const Expr column = c.axes[3].var * s.v.stride + c.axes[2].var - s.v.before;
  c.body = Load(c.inputs[0], {c.axes[0].var, row, column});
  c.predicate = And(Inside(row, s.h.in), Inside(column, s.v.in));
  return c;
}

Program Stage(const Workload& w, const Nest& s, int lanes) {
  Schedule sch(StageCompute(w, s));
  const int64_t columns = s.kernel_h * s.kernel_w == 1 ? s.v.out : s.columns;
  const auto [column, lane] = sch.Split(sch.axis(3), std::min<int64_t>(lanes, columns));
  sch.Reorder({sch.axis(0), sch.axis(1), sch.axis(2), column, sch.reduce(0), lane});
  sch.Vectorize(lane);
  sch.Parallel(2);
  sch.AccumulateAt(4);
  return sch.Lower();
}

Compute ConvCompute(const Workload& w, const Nest& s) {
  Compute c{.name = "conv2d"};
  c.axes = {{Var("n"), s.batch},
            {Var("g"), s.groups},
            {Var("oc"), s.out_channels},
            {Var("oh"), s.out_height},
            {Var("ow"), s.out_width}};
  c.reduce = {{Var("ic"), s.in_channels}, {Var("kh"), s.kernel_h}, {Var("kw"), s.kernel_w}};
  c.reducer = Reducer::kSum;
  const Buffer data = MakeBuffer("data", w.inputs[0].dtype,
                                 {s.batch, s.groups, s.in_channels, s.rows, s.phases, s.columns});
  const Buffer weight =
      MakeBuffer("weight", w.inputs[1].dtype,
                 {s.groups, s.out_channels, s.in_channels, s.kernel_h, s.kernel_w});
  c.inputs = {data, weight};
  c.output = MakeBuffer("out", OutputTypeOf(w),
                        {s.batch, s.groups, s.out_channels, s.out_height, s.out_width});
  const std::vector<Expr> at = Vars(c.axes);
  const Expr ic = c.reduce[0].var, kh = c.reduce[1].var, kw = c.reduce[2].var;
  Expr row = at[3] * (s.staged && s.kernel_h == 1 ? 1 : s.h.stride) + kh * s.h.dilation;
  Expr column = at[4] + FloorDiv(kw * s.v.dilation, s.phases);
  if (!s.staged) {
    row = row - s.h.before;
    column = column - s.v.before;
    if (s.h.padded()) c.predicate = Inside(row, s.rows);
    if (s.v.padded()) c.predicate = And(c.predicate, Inside(column, s.columns));
  }
  c.body =
      Product(w, Load(data, {at[0], at[1], ic, row, FloorMod(kw * s.v.dilation, s.phases), column}),
              Load(weight, {at[1], at[2], ic, kh, kw}));
  FuseEpilogue(w, at[1] * s.out_channels + at[2], s.groups * s.out_channels, &c);
  return c;
}

// Full vectors, and such that cut a row evenly.
std::vector<int64_t> LaneCandidates(const Nest& s, int lanes) {
  const int64_t widest = std::min<int64_t>(lanes, s.out_width);
  const int64_t even = CeilDiv(s.out_width, CeilDiv(s.out_width, widest));
  std::vector<int64_t> candidates = {widest};
  for (int64_t candidate : {even, widest / 2}) {
    const bool known = std::count(candidates.begin(), candidates.end(), candidate) > 0;
    if (candidate >= 1 && !known) candidates.push_back(candidate);
  }
  return candidates;
}

std::vector<int64_t> ChannelCandidates(const Nest& s) {
  return UpTo(s.out_channels, {1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 24});
}

std::vector<int64_t> RowCandidates(const Nest& s) { return UpTo(s.out_height, {1, 2, 4}); }

// Vectors a tile, whatever their lanes.
std::vector<int64_t> VectorCandidates(const Nest& s, int lanes) {
  return UpTo(CeilDiv(s.out_width, LaneCandidates(s, lanes)[0]), {1, 2, 3, 4, 6, 8});
}

struct Tile {
  int64_t channels, rows, vectors, lanes, unroll_ic;
  bool unroll_kw, by_pixel;
  int64_t accumulators() const { return channels * rows * vectors; }
};

Tile TileOf(const Config& config) {
  return {.channels = config.Int("tile_oc"),
          .rows = config.Int("tile_oh"),
          .vectors = config.Int("tile_ow"),
          .lanes = config.Int("lanes"),
          .unroll_ic = config.Int("unroll_ic"),
          .unroll_kw = config.Bool("unroll_kw"),
          .by_pixel = config.Str("order") == "px"};
}

int64_t BodyFmas(const Nest& s, const Tile& tile) {
  return tile.accumulators() * tile.unroll_ic * (tile.unroll_kw ? s.kernel_w : 1);
}

// Windows over one channel are unrolled whole, the rows of the tile one after the other: each row
// of data is loaded once, and few are kept.
bool UnrollsWindow(const Nest& s, const Tile& tile) {
  return s.in_channels == 1 && s.kernel_h > 1 && tile.unroll_kw &&
         BodyFmas(s, tile) * s.kernel_h <= kMaxBodyFmas;
}

Program Multiply(const Workload& w, const Nest& s, const Tile& tile) {
  Schedule sch(ConvCompute(w, s));
  const Loop n = sch.axis(0), g = sch.axis(1), kh = sch.reduce(1), kw = sch.reduce(2);
  const auto [oc, oc_tile] = sch.Split(sch.axis(2), tile.channels);
  const auto [oh, oh_tile] = sch.Split(sch.axis(3), tile.rows);
  const auto [vectors, lane] = sch.Split(sch.axis(4), tile.lanes);
  const auto [ow, ow_tile] = sch.Split(vectors, tile.vectors);
  const auto [ic, ic_tile] = sch.Split(sch.reduce(0), tile.unroll_ic);
  std::vector<Loop> order = {n, g, oh, ow, oc};
  if (!tile.by_pixel) order = {n, g, oc, oh, ow};
  const bool window = UnrollsWindow(s, tile);
  std::vector<Loop> inner = {ic, kh, kw, ic_tile, oc_tile, oh_tile, ow_tile, lane};
  if (window) inner = {ic, ic_tile, oc_tile, oh_tile, kh, kw, ow_tile, lane};
  order.insert(order.end(), inner.begin(), inner.end());
  sch.Reorder(order);
  sch.Parallel(5);
  sch.AccumulateAt(5);
  if (tile.unroll_kw) sch.Unroll(kw);
  if (window) sch.Unroll(kh);
  for (Loop loop : {ic_tile, oc_tile, oh_tile, ow_tile}) sch.Unroll(loop);
  sch.Vectorize(lane);
  return sch.Lower();
}

class Conv2dNchw final : public Template {
 public:
  std::string_view Summary() const override {
    return "direct convolution, NCHW, any groups, register tile of channels x vectors of pixels";
  }

  bool Matches(const Workload& w, const Target& target) const override {
    return target.kind == "cpu" && (w.op == "conv2d" || w.op == "depthwise_conv2d") &&
           w.data_layout == "NCHW" && w.weight_layout == "OIHW" && w.out_layout == "NCHW";
  }

  ConfigSpace Space(const Workload& w, const Target& target) const override {
    const Nest s = NestOf(w);
    const int lanes = VectorLanes(target);
    ConfigSpace space;
    DefineIntKnob(space, "tile_oc", ChannelCandidates(s));
    DefineIntKnob(space, "tile_oh", RowCandidates(s));
    DefineIntKnob(space, "tile_ow", VectorCandidates(s, lanes));
    DefineIntKnob(space, "lanes", LaneCandidates(s, lanes));
    space.DefineKnob("order", {std::string("px"), std::string("oc")});
    if (s.kernel_w > 1 && s.kernel_w <= kMaxUnrolledTaps) {
      space.DefineKnob("unroll_kw", {true, false});
    } else {
      space.DefineKnob("unroll_kw", {false});
    }
    DefineIntKnob(space, "unroll_ic", Divisors(s.in_channels, 8));
    const int64_t most = MaxAccumulators(TraitsOf(target).vector_registers);
    space.AddConstraint("at most as many accumulators as registers allow",
                        [most](const Config& c) { return TileOf(c).accumulators() <= most; });
    space.AddConstraint("at most 700 multiply-adds in the unrolled body",
                        [s](const Config& c) { return BodyFmas(s, TileOf(c)) <= kMaxBodyFmas; });
    return space;
  }

  Config Default(const Workload& w, const Target& target) const override {
    const Nest s = NestOf(w);
    const int lanes = VectorLanes(target), registers = TraitsOf(target).vector_registers;
    const int64_t widest = LaneCandidates(s, lanes)[0];
    const int64_t vectors = CeilDiv(s.out_width, widest);
    // Vectors that cut the row evenly need no condition.
    const bool even = s.out_width % vectors == 0;
    Tile tile{.rows = 1, .lanes = even ? s.out_width / vectors : widest, .unroll_ic = 1};
    const TileChoice best = ChooseTile({vectors, VectorCandidates(s, lanes)},
                                       {s.out_channels, ChannelCandidates(s)}, registers, target);
    tile.vectors = best.rows;
    tile.channels = best.columns;
    for (int64_t rows : RowCandidates(s)) {
      if (FitsRegisters(rows * best.rows, best.columns, registers)) tile.rows = rows;
    }
    // Conditions on padding are free where the taps are constants.
    tile.unroll_kw = s.kernel_w > 1 && s.kernel_w <= kMaxUnrolledTaps &&
                     tile.accumulators() * s.kernel_w <= kMaxBodyFmas;
    const int64_t taps = tile.unroll_kw ? s.kernel_w : 1;
    for (int64_t unroll : Divisors(s.in_channels, 4)) {
      if (unroll * taps <= 4) tile.unroll_ic = unroll;
    }
    return {{{"tile_oc", Scalar(tile.channels)},
             {"tile_oh", Scalar(tile.rows)},
             {"tile_ow", Scalar(tile.vectors)},
             {"lanes", Scalar(tile.lanes)},
             {"order", OtherEntity{std::string("px")}},
             {"unroll_kw", Flag(tile.unroll_kw)},
             {"unroll_ic", Scalar(tile.unroll_ic)}}};
  }

  absl::StatusOr<LoweredTask> Lower(const Workload& w, const Target& target,
                                    const Config& config) const override {
    TW_RETURN_IF_ERROR(CheckConfig(Space(w, target), config));
    const Nest s = NestOf(w);
    LoweredTask task = SingleStep(Multiply(w, s, TileOf(config)));
    if (!s.staged) return task;
    const int scratch = static_cast<int>(ArgumentTypes(w).size());
    Program stage = Stage(w, s, VectorLanes(target));
    task.buffers = {{stage.params.back()->dtype, stage.params.back()->shape}};
    task.steps[0].operands[0] = scratch;
    task.steps.insert(task.steps.begin(), {.program = std::move(stage), .operands = {0, scratch}});
    return task;
  }
};

}  // namespace

const Template& conv2d_nchw_cpu() {
  static const Conv2dNchw instance;
  return instance;
}

}  // namespace tilewright
