// Direct convolution over channel-blocked tensors: a register tile of output-channel blocks x
// output pixels accumulates the whole reduction; the lanes of a vector are output channels, so
// each input element is a broadcast. 1x1 convolutions without padding run over the flattened image,
// those with strides over a copy of the pixels that they reach. Narrow numbers are multiplied two
// or four input channels at a time where the CPU can.
//
// Knobs: tile_oc (blocks in the tile), tile_oh, tile_ow (rows and columns of pixels in the tile),
// tile_ic (input blocks per pass; partial sums travel through the output), order (which loop keeps
// its data in cache), unroll_kw, unroll_ic, prefetch (the next channels' weights), pad (reads a
// copy of the data inside borders of zeros; absent from older records, which have none).
#include <algorithm>

#include "base/status_macros.h"
#include "compiler/core/layout.h"
#include "compiler/operators/define.h"
#include "compiler/operators/workload_rules.h"
#include "compiler/schedule/schedule.h"
#include "compiler/templates/support/copied_data.h"
#include "compiler/templates/support/fused_epilogue.h"
#include "compiler/templates/support/narrow_words.h"
#include "compiler/templates/support/space.h"
#include "compiler/templates/support/tile_model.h"
#include "compiler/templates/template.h"

namespace tilewright {
namespace {

// Above this many multiply-adds in one straight-line body, compiling costs more than it gains.
constexpr int64_t kMaxBodyFmas = 700;

// Everything the template needs to know of the workload, in blocks.
struct ConvShape {
  int64_t batch, in_blocks, in_block, out_blocks, lanes;  // in_blocks per group
  int64_t
      per_word;   // narrow numbers that are multiplied at a time, of neighbouring channels; else 1
  int64_t words;  // of a block of input channels
  int64_t height, width, out_height, out_width;
  int64_t kernel_h, kernel_w, groups;
  std::vector<int64_t> strides, padding, dilation;
  bool flat;  // 1x1 without padding: height 1, width H*W of what is read
  // What is read is a copy: of the pixels that strides reach (a tile of a flat image crosses rows,
  // so that small maps have hardly any that are not full), or with borders of zeros.
  bool gathered, bordered;

  int64_t in_channels() const { return in_blocks * groups * in_block; }
};

int64_t CeilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }
int64_t Strides(const ConvShape& s) { return s.strides[0] * s.strides[1]; }

// Whether config knob "pad" makes a difference.
bool CanPad(const Workload& w) {
  const std::vector<int64_t>& padding = w.Attr("padding");
  const bool pads = std::any_of(padding.begin(), padding.end(), [](int64_t p) { return p > 0; });
  return pads && Layout::Parse(w.data_layout).value().blocked();
}

// Reads the data inside borders of zeros: no tap is outside then.
void AddBorders(ConvShape* s) {
  s->bordered = true;
  s->height += s->padding[0] + s->padding[2];
  s->width += s->padding[1] + s->padding[3];
  s->padding = {0, 0, 0, 0};
}

ConvShape ShapeOf(const Workload& w, const Target& target) {
  const Shape& data = w.inputs[0].shape;
  const Shape& weight = w.inputs[1].shape;
  const Shape out = OutputShape(w);
  const int64_t lanes = Layout::Parse(w.out_layout).value().BlockOf('C');
  ConvShape s{.batch = data[0], .lanes = lanes, .height = data[2], .width = data[3]};
  s.out_height = out[2];
  s.out_width = out[3];
  s.kernel_h = weight[2];
  s.kernel_w = weight[3];
  s.groups = w.Attr("groups")[0];
  s.strides = w.Attr("strides");
  s.padding = w.Attr("padding");
  s.dilation = w.Attr("dilation");
  s.in_block = Layout::Parse(w.data_layout).value().BlockOf('C');  // 1 of plain NCHW
  s.per_word = ElementsPerWord(w, target, s.in_block);
  s.words = s.in_block / s.per_word;
  s.in_blocks = CeilDiv(weight[1], s.in_block);
  s.out_blocks = CeilDiv(out[1], lanes);
  const bool pads = std::any_of(s.padding.begin(), s.padding.end(), [](int64_t p) { return p; });
  s.flat = s.kernel_h * s.kernel_w == 1 && !pads && (s.in_block > 1 || Strides(s) == 1);
  s.gathered = s.flat && Strides(s) > 1;
  if (s.flat) {
    s.width = s.out_width = s.out_height * s.out_width;
    s.height = s.out_height = 1;
    s.strides = {1, 1};
  }
  return s;
}

// In-bounds condition of one input coordinate; null when it cannot leave the image.
Expr InBounds(const Expr& at, int64_t extent, int64_t before, int64_t after) {
  Expr condition;
  if (before > 0) condition = Le(Int(0), at);
  if (after > 0) condition = And(condition, Lt(at, Int(extent)));
  return condition;
}

Buffer Weights(const Workload& w, const ConvShape& s) {
  return MakeBuffer("weight", w.inputs[1].dtype,
                    {s.out_blocks, s.in_blocks, s.kernel_h, s.kernel_w, s.in_block, s.lanes});
}

Buffer WeightWords(const ConvShape& s) {
  return MakeBuffer("words", DType::kI32,
                    {s.out_blocks, s.in_blocks, s.kernel_h, s.kernel_w, s.words, s.lanes});
}

// Makes the words of the weights.
Program WordsOfWeights(const Workload& w, const ConvShape& s) {
  Compute c{.name = "conv2d_words", .inputs = {Weights(w, s)}, .output = WeightWords(s)};
  c.axes = MakeAxes(c.output->shape, "i");
  c.body = WordAt(c.inputs[0], Vars(c.axes), 4, s.per_word);
  return LowerPlain(c);
}

// What is summed for data at `at`, whose last index counts words.
Expr SummedProduct(const Workload& w, const ConvShape& s, const StorePlace& data,
                   const Expr& weight) {
  if (s.per_word == 1) return Product(w, Load(data.buffer, data.indices), weight);
  const Expr word = WordAt(data.buffer, data.indices, data.indices.size() - 1, s.per_word);
  return DotOfWords(w.inputs[0].dtype, s.per_word, word, weight);
}

Compute ConvCompute(const Workload& w, const ConvShape& s) {
  Compute c{.name = "conv2d"};
  c.axes = {{Var("n"), s.batch},
            {Var("oc"), s.out_blocks},
            {Var("oh"), s.out_height},
            {Var("ow"), s.out_width},
            {Var("lane"), s.lanes}};
  c.reduce = {{Var("ic"), s.in_blocks},
              {Var("kh"), s.kernel_h},
              {Var("kw"), s.kernel_w},
              {Var("ici"), s.words}};
  c.reducer = Reducer::kSum;
  const int64_t all_blocks = s.in_blocks * s.groups;
  const Buffer data =
      MakeBuffer("data", w.inputs[0].dtype, {s.batch, all_blocks, s.height, s.width, s.in_block});
  const Buffer weight = s.per_word > 1 ? WeightWords(s) : Weights(w, s);
  c.inputs = {data, weight};
  c.output = MakeBuffer("out", OutputTypeOf(w),
                        {s.batch, s.out_blocks, s.out_height, s.out_width, s.lanes});
  const Expr oc = c.axes[1].var, lane = c.axes[4].var;
  const Expr ic = c.reduce[0].var, kh = c.reduce[1].var, kw = c.reduce[2].var;
  const Expr ici = c.reduce[3].var;
  const Expr ih = c.axes[2].var * s.strides[0] + kh * s.dilation[0] - s.padding[0];
  const Expr iw = c.axes[3].var * s.strides[1] + kw * s.dilation[1] - s.padding[1];
  const Expr block = s.groups == 1 ? ic : FloorDiv(oc, s.out_blocks / s.groups) * s.in_blocks + ic;
  c.body = SummedProduct(w, s, {data, {c.axes[0].var, block, ih, iw, ici}},
                         Load(weight, {oc, ic, kh, kw, ici, lane}));
  c.predicate = And(InBounds(ih, s.height, s.padding[0], s.padding[2]),
                    InBounds(iw, s.width, s.padding[1], s.padding[3]));
  FuseEpilogue(w, oc * s.lanes + lane, s.out_blocks * s.lanes, &c);
  return c;
}

TensorType DataOf(const Workload& w, const ConvShape& s) {
  const Shape& data = w.inputs[0].shape;
  return {w.inputs[0].dtype, {s.batch, s.in_blocks * s.groups, data[2], data[3], s.in_block}};
}

// The copy that the convolution reads in place of its data; nullopt when it reads the data.
std::optional<Program> CopyFor(const Workload& w, const ConvShape& s) {
  const Shape out = OutputShape(w);
  if (s.gathered) {
    return CopyData(DataOf(w, s),
                    {.strides = w.Attr("strides"), .height = out[2], .width = out[3]});
  }
  if (!s.bordered) return std::nullopt;
  const std::vector<int64_t>& padding = w.Attr("padding");
  return CopyData(DataOf(w, s),
                  {.top = padding[0], .left = padding[1], .height = s.height, .width = s.width});
}

std::vector<int64_t> IcChunks(const ConvShape& s) {
  std::vector<int64_t> chunks;
  for (int64_t chunk : {4, 16}) {
    if (chunk < s.in_blocks && s.in_blocks % chunk == 0) chunks.push_back(chunk);
  }
  chunks.push_back(s.in_blocks);
  return chunks;
}

// Several rows a tile only pay where one row is too short to fill the registers.
std::vector<int64_t> RowCandidates(const ConvShape& s) {
  std::vector<int64_t> rows = {1};
  for (int64_t candidate : {2, 3, 4}) {
    if (s.out_width <= 14 && candidate <= s.out_height) rows.push_back(candidate);
  }
  return rows;
}

int64_t Accumulators(const Config& config) {
  return config.Inner("tile_oc") * config.Inner("tile_oh") * config.Inner("tile_ow");
}

// Whether a row's last tap lies outside the image: not every stride reaches the padding.
bool RightPadded(const ConvShape& s) {
  const int64_t last_tap =
      (s.out_width - 1) * s.strides[1] + (s.kernel_w - 1) * s.dilation[1] - s.padding[1];
  return last_tap >= s.width;
}

// Whether every tile along a row has taps outside the image. Their conditions cost nothing where
// the taps are unrolled; elsewhere a loop over the taps is better.
bool EveryTilePadded(const ConvShape& s, int64_t columns) {
  const bool left = s.padding[1] > 0, right = RightPadded(s);
  const int64_t tiles = CeilDiv(s.out_width, columns);
  return s.kernel_w > 1 && (tiles == 1 ? left || right : tiles == 2 && left && right);
}

// FMAs of one unrolled body.
int64_t BodyFmas(const ConvShape& s, const Config& config) {
  return Accumulators(config) * config.Int("unroll_ic") *
         (config.Bool("unroll_kw") ? s.kernel_w : 1);
}

class Conv2dNchwc final : public Template {
 public:
  std::string_view Summary() const override {
    return "direct convolution, NCHW[x]c, register tile of channel blocks x pixels";
  }

  bool Matches(const Workload& w, const Target& target) const override {
    if (target.kind != "cpu" || w.op != "conv2d") return false;
    const Layout data = Layout::Parse(w.data_layout).value();
    const Layout weight = Layout::Parse(w.weight_layout).value();
    const int64_t lanes = Layout::Parse(w.out_layout).value().BlockOf('C');
    const int64_t groups = w.Attr("groups")[0];
    if (lanes == 1 || weight.BlockOf('O') != lanes) return false;
    if (data.BlockOf('C') != weight.BlockOf('I')) return false;
    if (groups == 1) return true;
    if (data.BlockOf('C') != lanes) return false;
    const Shape& shape = w.inputs[1].shape;
    return shape[1] % lanes == 0 && shape[0] / groups % lanes == 0;
  }

  double Cost(const Workload& w, const Target& target) const override {
    const auto products = static_cast<double>(VectorLanes(target) * ShapeOf(w, target).per_word);
    const auto weights = static_cast<double>(NumBytes(ArgumentTypes(w)[1]));
    return MemoryBoundCost(Flops(w) / 2 / products, weights);
  }

  ConfigSpace Space(const Workload& w, const Target& target) const override {
    const ConvShape s = ShapeOf(w, target);
    ConfigSpace space;
    space.DefineSplit("tile_oc", s.out_blocks, {.candidates = Divisors(TileableBlocks(s), 8)});
    space.DefineSplit("tile_oh", s.out_height, {.candidates = RowCandidates(s)});
    space.DefineSplit("tile_ow", s.out_width, {.candidates = TileWidths(s.out_width)});
    space.DefineSplit("tile_ic", s.in_blocks, {.candidates = IcChunks(s)});
    space.DefineKnob("order", {std::string("oc"), std::string("px")});
    space.DefineKnob("unroll_kw", KwChoices(s));
    DefineIntKnob(space, "unroll_ic", Divisors(s.words, 16));
    space.DefineKnob("prefetch", {false, true});
    if (CanPad(w)) space.DefineLaterKnob("pad", {false, true});
    const int64_t most = MaxAccumulators(TraitsOf(target).vector_registers);
    space.AddConstraint("at most as many accumulators as registers allow",
                        [most](const Config& config) { return Accumulators(config) <= most; });
    space.AddConstraint("at most 700 multiply-adds in the unrolled body",
                        [s](const Config& config) { return BodyFmas(s, config) <= kMaxBodyFmas; });
    space.AddConstraint("tile_ic below all input blocks needs order oc", [s](const Config& config) {
      return config.Inner("tile_ic") == s.in_blocks || config.Str("order") == "oc";
    });
    space.AddConstraint("prefetch needs order oc and all input blocks", [s](const Config& config) {
      const bool streams = config.Str("order") == "oc" && config.Inner("tile_ic") == s.in_blocks;
      return streams || !config.Bool("prefetch");
    });
    return space;
  }

  Config Default(const Workload& w, const Target& target) const override {
    ConvShape s = ShapeOf(w, target);
    const bool pad = CanPad(w) && PadPays(s, target);
    if (pad) AddBorders(&s);
    const TileChoice tile =
        ChooseTile({s.out_blocks, TileRows(TileableBlocks(s))},
                   {s.out_width, TileWidths(s.out_width)}, RegistersFor(s, target), target);
    const int64_t weights = s.out_blocks * s.in_blocks * s.kernel_h * s.kernel_w * s.in_block;
    const int64_t pixels = s.in_blocks * s.in_block * s.height * s.width / s.lanes;
    const bool by_channel = weights > pixels;
    const int64_t rows = tile.columns < s.out_width ? 1 : RowsFor(s, tile, target);
    const int64_t unroll_ic = UnrolledChannels(s, tile.rows * rows * tile.columns);
    const int64_t unrolled = tile.rows * rows * tile.columns * unroll_ic * s.kernel_w;
    // All taps in one straight line would spill.
    const bool unroll_kw =
        EveryTilePadded(s, tile.columns) && unroll_ic < s.words && unrolled <= kMaxBodyFmas;
    Config config{{{"tile_oc", InnerSplit(tile.rows)},
                   {"tile_oh", InnerSplit(rows)},
                   {"tile_ow", InnerSplit(tile.columns)},
                   {"tile_ic", InnerSplit(s.in_blocks)},
                   {"order", OtherEntity{std::string(by_channel ? "oc" : "px")}},
                   {"unroll_kw", Flag(unroll_kw)},
                   {"unroll_ic", Scalar(unroll_ic)},
                   {"prefetch", Flag(by_channel)}}};
    if (CanPad(w)) config.entities.emplace_back("pad", Flag(pad));
    return config;
  }

  absl::StatusOr<LoweredTask> Lower(const Workload& w, const Target& target,
                                    const Config& given) const override {
    TW_ASSIGN_OR_RETURN(const Config config, Space(w, target).Canonical(given));
    ConvShape s = ShapeOf(w, target);
    if (CanPad(w) && config.Bool("pad")) AddBorders(&s);
    Schedule sch(ConvCompute(w, s));
    const Loop n = sch.axis(0), lane = sch.axis(4);
    const Loop kh = sch.reduce(1), kw = sch.reduce(2);
    const auto [oc, oc_tile] = sch.Split(sch.axis(1), config.Inner("tile_oc"));
    const auto [oh, oh_tile] = sch.Split(sch.axis(2), config.Inner("tile_oh"));
    const auto [ow, ow_tile] = sch.Split(sch.axis(3), config.Inner("tile_ow"));
    const auto [ic, ic_inner] = sch.Split(sch.reduce(0), config.Inner("tile_ic"));
    const auto [ici, ici_tile] = sch.Split(sch.reduce(3), config.Int("unroll_ic"));
    const bool by_channel = config.Str("order") == "oc";
    const bool chunked = config.Inner("tile_ic") < s.in_blocks;
    std::vector<Loop> order;
    if (chunked) {
      order = {n, oc, ic, oh, ow};
    } else if (by_channel) {
      order = {n, oc, oh, ow, ic};
    } else if (s.flat) {
      order = {n, oh, ow, oc, ic};
    } else {
      order = {n, oh, oc, ow, ic};
    }
    for (Loop loop : {ic_inner, kh, kw, ici, ici_tile, oh_tile, ow_tile, oc_tile, lane}) {
      order.push_back(loop);
    }
    sch.Reorder(order);
    sch.Parallel(chunked ? 2 : (s.flat ? 4 : 3));
    sch.AccumulateAt(chunked ? 5 : 4);
    if (config.Bool("prefetch")) sch.PrefetchNext(/*input=*/1, /*outer_count=*/2);
    if (config.Bool("unroll_kw")) sch.Unroll(kw);
    for (Loop loop : {ici_tile, oc_tile, oh_tile, ow_tile}) sch.Unroll(loop);
    sch.Vectorize(lane);
    LoweredTask task = s.per_word > 1 ? WithPreparedWeights(sch.Lower(), WordsOfWeights(w, s))
                                      : SingleStep(sch.Lower());
    if (std::optional<Program> copy = CopyFor(w, s)) AfterCopy(*std::move(copy), &task);
    return task;
  }

 private:
  static int RegistersFor(const ConvShape& s, const Target& target) {
    return s.per_word > 1 ? RegistersForWords(target) : TraitsOf(target).vector_registers;
  }

  // With groups a tile must not straddle two of them.
  static int64_t TileableBlocks(const ConvShape& s) { return s.out_blocks / s.groups; }

  // Where conditions of the border are in a large part of the tiles (with a border on one side, as
  // of most strides of two, the copy costs 1.2 times: measured with AVX2), and the copy is small
  // beside the outermost cache. The large tiles of 32 registers lose little to them, and have no
  // register to spare for the loops that the copy makes shorter.
  static bool PadPays(const ConvShape& s, const Target& target) {
    constexpr int64_t kWidest = 48, kMostBytes = 2 << 20;
    const int64_t bytes = s.batch * s.in_channels() * s.height * s.width * 4;
    return s.padding[1] > 0 && RightPadded(s) && s.out_width <= kWidest && bytes <= kMostBytes &&
           TraitsOf(target).vector_registers <= 16;
  }

  // Channels of a straight-line body. Without taps whole blocks of up to 8 pay (measured with AVX2:
  // a loop of two turns inside the blocks' costs up to 1.4 times); with them four do, and leave
  // room to unroll the taps. Where taps are conditional, long bodies of byte dots spill
  // accumulators (measured with AVX-512 and the constants of a requantisation: up to 2 times
  // slower).
  static int64_t UnrolledChannels(const ConvShape& s, int64_t accumulators) {
    if (s.kernel_h * s.kernel_w == 1 && s.in_block <= 8) return s.words;
    const bool conditional = s.per_word == 4 && s.padding[1] > 0;
    return Divisors(s.words, conditional ? std::clamp<int64_t>(40 / accumulators, 1, 4) : 4).back();
  }

  // Rows that fill the registers next to a tile as wide as the image.
  static int64_t RowsFor(const ConvShape& s, const TileChoice& tile, const Target& target) {
    int64_t rows = 1;
    for (int64_t candidate : RowCandidates(s)) {
      const int registers = RegistersFor(s, target);
      if (FitsRegisters(tile.rows, candidate * tile.columns, registers)) rows = candidate;
    }
    return rows;
  }

  static std::vector<OtherEntity> KwChoices(const ConvShape& s) {
    if (s.kernel_w == 1) return {false};
    return {true, false};
  }
};

}  // namespace

const Template& conv2d_nchwc_cpu() {
  static const Conv2dNchwc instance;
  return instance;
}

}  // namespace tilewright
