// Depthwise convolution over channel-blocked tensors: one vector of channels a pixel, a register
// tile of rows x columns of pixels, the window unrolled (unless it is a very wide one) so that
// neighbouring pixels share their loads. Where CPUs have dots and shuffles of bytes, four taps of a
// row are one word, and rows of pixels share the words.
//
// Knobs: tile_oh, tile_ow (pixels in the tile), unroll_kh.
#include <algorithm>

#include "base/status_macros.h"
#include "compiler/core/layout.h"
#include "compiler/core/narrow_dots.h"
#include "compiler/operators/define.h"
#include "compiler/operators/workload_rules.h"
#include "compiler/schedule/schedule.h"
#include "compiler/templates/support/fused_epilogue.h"
#include "compiler/templates/support/narrow_words.h"
#include "compiler/templates/support/space.h"
#include "compiler/templates/support/tile_model.h"
#include "compiler/templates/template.h"

namespace tilewright {
namespace {

constexpr int64_t kMaxBodyFmas = 700;
// Wider windows stay a loop.
constexpr int64_t kMaxUnrolledTaps = 32;

struct DepthwiseShape {
  int64_t batch, blocks, lanes, height, width, out_height, out_width, kernel_h, kernel_w;
  int64_t per_word;  // neighbouring taps of a row that are multiplied at a time; else 1
  std::vector<int64_t> strides, padding, dilation;
};

// Four bytes of neighbouring columns are a word where one instruction puts them together.
int64_t TapsPerWord(const Workload& w, const Target& target) {
  return HasByteShuffles(target) && ElementsPerWord(w, target, 4) == 4 ? 4 : 1;
}

DepthwiseShape ShapeOf(const Workload& w, const Target& target) {
  const Shape& data = w.inputs[0].shape;
  const Shape out = OutputShape(w);
  const int64_t lanes = Layout::Parse(w.out_layout).value().BlockOf('C');
  return {.batch = data[0],
          .blocks = (data[1] + lanes - 1) / lanes,
          .lanes = lanes,
          .height = data[2],
          .width = data[3],
          .out_height = out[2],
          .out_width = out[3],
          .kernel_h = w.inputs[1].shape[2],
          .kernel_w = w.inputs[1].shape[3],
          .per_word = TapsPerWord(w, target),
          .strides = w.Attr("strides"),
          .padding = w.Attr("padding"),
          .dilation = w.Attr("dilation")};
}

int64_t Words(const DepthwiseShape& s) { return (s.kernel_w + s.per_word - 1) / s.per_word; }

bool UnrollsColumns(const DepthwiseShape& s) { return s.kernel_w <= kMaxUnrolledTaps; }

// Multiply-adds of the unrolled body a pixel. REQUIRES of unroll_kh: UnrollsColumns.
int64_t UnrolledTaps(const DepthwiseShape& s, bool unroll_kh) {
  return (UnrollsColumns(s) ? Words(s) : 1) * (unroll_kh ? s.kernel_h : 1);
}

Expr Inside(const Expr& at, int64_t extent) { return And(Le(Int(0), at), Lt(at, Int(extent))); }

Buffer Weights(const Workload& w, const DepthwiseShape& s) {
  return MakeBuffer("weight", w.inputs[1].dtype, {s.blocks, s.kernel_h, s.kernel_w, s.lanes});
}

Buffer WeightWords(const DepthwiseShape& s) {
  return MakeBuffer("words", DType::kI32, {s.blocks, s.kernel_h, Words(s), s.lanes});
}

// Makes the words of the weights; what a row has no taps for is 0.
Program WordsOfWeights(const Workload& w, const DepthwiseShape& s) {
  Compute c{.name = "depthwise_words", .inputs = {Weights(w, s)}, .output = WeightWords(s)};
  c.axes = MakeAxes(c.output->shape, "i");
  std::vector<Expr> at = Vars(c.axes), taps;
  const Expr first = at[2] * s.per_word;
  for (int64_t i = 0; i < s.per_word; ++i) {
    at[2] = first + i;
    const Expr zero = Int(0, w.inputs[1].dtype);
    taps.push_back(Select(Lt(at[2], Int(s.kernel_w)), Load(c.inputs[0], at), zero));
  }
  c.body = WordOf(taps);
  return LowerPlain(c);
}

// Adds to `c` what the taps of row `ih` from word `kw` on give; the weight is at `tap`.
void SumWords(const DepthwiseShape& s, const Expr& ih, std::vector<Expr> tap, Compute* c) {
  const Expr &ow = c->axes[3].var, &lane = c->axes[4].var, &kw = c->reduce[1].var;
  std::vector<Expr> bytes;
  for (int64_t i = 0; i < s.per_word; ++i) {
    const Expr iw = ow * s.strides[1] + (kw * s.per_word + i) * s.dilation[1] - s.padding[1];
    const Expr byte = Load(c->inputs[0], {c->axes[0].var, c->axes[1].var, ih, iw, lane});
    bytes.push_back(Select(Inside(iw, s.width), byte, Int(0, byte->dtype)));
  }
  c->body = DotOfWords(c->inputs[0]->dtype, s.per_word, WordOf(bytes),
                       Load(c->inputs[1], std::move(tap)));
  c->predicate = Inside(ih, s.height);
}

Compute DepthwiseCompute(const Workload& w, const DepthwiseShape& s) {
  Compute c{.name = "depthwise_conv2d"};
  c.axes = {{Var("n"), s.batch},
            {Var("cb"), s.blocks},
            {Var("oh"), s.out_height},
            {Var("ow"), s.out_width},
            {Var("lane"), s.lanes}};
  c.reduce = {{Var("kh"), s.kernel_h}, {Var("kw"), Words(s)}};
  c.reducer = Reducer::kSum;
  const Buffer data =
      MakeBuffer("data", w.inputs[0].dtype, {s.batch, s.blocks, s.height, s.width, s.lanes});
  c.inputs = {data, s.per_word > 1 ? WeightWords(s) : Weights(w, s)};
  c.output =
      MakeBuffer("out", OutputTypeOf(w), {s.batch, s.blocks, s.out_height, s.out_width, s.lanes});
  const Expr cb = c.axes[1].var, lane = c.axes[4].var;
  const Expr kh = c.reduce[0].var, kw = c.reduce[1].var;
  const Expr ih = c.axes[2].var * s.strides[0] + kh * s.dilation[0] - s.padding[0];
  const Expr iw = c.axes[3].var * s.strides[1] + kw * s.dilation[1] - s.padding[1];
  if (s.per_word > 1) {
    SumWords(s, ih, {cb, kh, kw, lane}, &c);
  } else {
    c.body = Product(w, Load(data, {c.axes[0].var, cb, ih, iw, lane}),
                     Load(c.inputs[1], {cb, kh, kw, lane}));
    c.predicate = And(Inside(ih, s.height), Inside(iw, s.width));
  }
  FuseEpilogue(w, cb * s.lanes + lane, s.blocks * s.lanes, &c);
  return c;
}

class DepthwiseNchwc final : public Template {
 public:
  std::string_view Summary() const override {
    return "depthwise convolution, NCHW[x]c, register tile of pixels";
  }

  bool Matches(const Workload& w, const Target& target) const override {
    if (target.kind != "cpu" || w.op != "depthwise_conv2d") return false;
    const int64_t lanes = Layout::Parse(w.out_layout).value().BlockOf('C');
    return lanes > 1 && Layout::Parse(w.data_layout).value().BlockOf('C') == lanes &&
           Layout::Parse(w.weight_layout).value().BlockOf('O') == lanes;
  }

  ConfigSpace Space(const Workload& w, const Target& target) const override {
    const DepthwiseShape s = ShapeOf(w, target);
    ConfigSpace space;
    space.DefineSplit("tile_oh", s.out_height, {.candidates = Divisors(s.out_height, 4)});
    space.DefineSplit("tile_ow", s.out_width, {.candidates = TileWidths(s.out_width)});
    space.DefineKnob("unroll_kh", {true, false});
    if (!UnrollsColumns(s)) {
      space.AddConstraint("unroll_kh needs a window of at most 32 columns",
                          [](const Config& config) { return !config.Bool("unroll_kh"); });
    }
    const int64_t most = MaxAccumulators(TraitsOf(target).vector_registers);
    space.AddConstraint("at most as many accumulators as registers allow",
                        [most](const Config& config) {
                          return config.Inner("tile_oh") * config.Inner("tile_ow") <= most;
                        });
    space.AddConstraint("at most 700 multiply-adds in the unrolled body",
                        [s](const Config& config) {
                          return config.Inner("tile_oh") * config.Inner("tile_ow") *
                                     UnrolledTaps(s, config.Bool("unroll_kh")) <=
                                 kMaxBodyFmas;
                        });
    return space;
  }

  Config Default(const Workload& w, const Target& target) const override {
    const DepthwiseShape s = ShapeOf(w, target);
    // Half of the registers: neighbouring inputs are kept too.
    // Rows of a tile share words of bytes.
    const int64_t rows = s.per_word > 1 ? Divisors(s.out_height, 2).back() : 1;
    const int64_t most = MaxAccumulators(TraitsOf(target).vector_registers) / 2 / rows;
    int64_t width = 1;
    for (int64_t candidate : TileWidths(s.out_width)) {
      const bool fits =
          candidate <= most && rows * candidate * UnrolledTaps(s, false) <= kMaxBodyFmas;
      if (fits && s.out_width % candidate <= s.out_width % width) width = candidate;
    }
    const bool unroll = UnrollsColumns(s) && rows * width * UnrolledTaps(s, true) <= kMaxBodyFmas;
    return {{{"tile_oh", InnerSplit(rows)},
             {"tile_ow", InnerSplit(width)},
             {"unroll_kh", Flag(unroll)}}};
  }

  absl::StatusOr<LoweredTask> Lower(const Workload& w, const Target& target,
                                    const Config& given) const override {
    TW_ASSIGN_OR_RETURN(const Config config, Space(w, target).Canonical(given));
    const DepthwiseShape s = ShapeOf(w, target);
    Schedule sch(DepthwiseCompute(w, s));
    const Loop n = sch.axis(0), cb = sch.axis(1), lane = sch.axis(4);
    const Loop kh = sch.reduce(0), kw = sch.reduce(1);
    const auto [oh, oh_tile] = sch.Split(sch.axis(2), config.Inner("tile_oh"));
    const auto [ow, ow_tile] = sch.Split(sch.axis(3), config.Inner("tile_ow"));
    sch.Reorder({n, cb, oh, ow, kh, kw, oh_tile, ow_tile, lane});
    sch.Parallel(3);
    sch.AccumulateAt(4);
    if (config.Bool("unroll_kh")) sch.Unroll(kh);
    if (UnrollsColumns(s)) sch.Unroll(kw);
    for (Loop loop : {oh_tile, ow_tile}) sch.Unroll(loop);
    sch.Vectorize(lane);
    if (s.per_word > 1) return WithPreparedWeights(sch.Lower(), WordsOfWeights(w, s));
    return SingleStep(sch.Lower());
  }
};

}  // namespace

const Template& depthwise_conv2d_nchwc_cpu() {
  static const DepthwiseNchwc instance;
  return instance;
}

}  // namespace tilewright
