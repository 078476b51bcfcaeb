// Transposed convolution over channel-blocked tensors: a nest for each pair of phases
// (support/transposed_phases.h), side by side in one program where they are equally long
// (support/phase_steps.h), each a register tile of output-channel blocks x pixels of that phase;
// the lanes of a vector are output channels.
//
// Knobs: tile_oc (blocks in the tile), tile_ow (pixels of one phase), unroll_taps (of a row),
// unroll_ic.
#include "base/status_macros.h"
#include "compiler/core/layout.h"
#include "compiler/operators/define.h"
#include "compiler/operators/workload_rules.h"
#include "compiler/schedule/schedule.h"
#include "compiler/templates/support/fused_epilogue.h"
#include "compiler/templates/support/phase_steps.h"
#include "compiler/templates/support/space.h"
#include "compiler/templates/support/tile_model.h"
#include "compiler/templates/support/transposed_phases.h"
#include "compiler/templates/template.h"

namespace tilewright {
namespace {

// Above this many multiply-adds in one straight-line body, compiling costs more than it gains.
constexpr int64_t kMaxBodyFmas = 700;
// Programs of one task.
constexpr int64_t kMaxPhases = 64;

struct Blocks {
  int64_t batch, in, out, lanes;  // in and out: blocks of channels
  std::vector<TransposedPhase> rows, columns;
  LargestPhase largest;
};

Blocks BlocksOf(const Workload& w) {
  const int64_t lanes = Layout::Parse(w.out_layout).value().BlockOf('C');
  const auto blocks = [lanes](int64_t channels) { return (channels + lanes - 1) / lanes; };
  Blocks s{.batch = w.inputs[0].shape[0],
           .in = blocks(w.inputs[0].shape[1]),
           .out = blocks(w.inputs[1].shape[1]),
           .lanes = lanes,
           .rows = PhasesOf(w, 0),
           .columns = PhasesOf(w, 1)};
  s.largest = LargestOf(s.rows, s.columns);
  return s;
}

struct PhaseCompute {
  Compute compute;
  Buffer output;
  std::vector<Expr> position;
};

// The products of a phase; a phase without taps is the epilogue of zero.
void SetBody(const Workload& w, const Blocks& s, const PhasePair& phase, Compute* c) {
  const TransposedPhase &h = phase.h, &v = phase.v;
  const Shape& data_shape = w.inputs[0].shape;
  const Shape& weight_shape = w.inputs[1].shape;
  const Buffer data =
      MakeBuffer("data", w.inputs[0].dtype, {s.batch, s.in, data_shape[2], data_shape[3], s.lanes});
  const Buffer weight =
      MakeBuffer("weight", w.inputs[1].dtype,
                 {s.in, s.out, weight_shape[2], weight_shape[3], s.lanes, s.lanes});
  c->inputs = {data, weight};
  if (h.taps * v.taps == 0) {
    c->body = Const(0, AccumulatorOf(w));
    return;
  }
  c->reduce = {{Var("ic"), s.in}, {Var("th"), h.taps}, {Var("tw"), v.taps}, {Var("ici"), s.lanes}};
  c->reducer = Reducer::kSum;
  const std::vector<Expr> at = Vars(c->axes), r = Vars(c->reduce);
  const Expr ih = h.Input(at[2], r[1]), iw = v.Input(at[3], r[2]);
  c->body = Product(w, Load(data, {at[0], r[0], ih, iw, r[3]}),
                    Load(weight, {r[0], at[1], h.Tap(r[1]), v.Tap(r[2]), r[3], at[4]}));
  c->predicate = And(h.Inside(ih), v.Inside(iw));
}

PhaseCompute ComputeOf(const Workload& w, const Blocks& s, const PhasePair& phase) {
  const TransposedPhase &h = phase.h, &v = phase.v;
  PhaseCompute p;
  Compute& c = p.compute;
  c.name = "conv2d_transpose";
  c.axes = {{Var("n"), s.batch},
            {Var("oc"), s.out},
            {Var("oh"), h.outputs},
            {Var("ow"), v.outputs},
            {Var("lane"), s.lanes}};
  SetBody(w, s, phase, &c);
  const Shape out = OutputShape(w);
  p.output = MakeBuffer("out", OutputTypeOf(w), {s.batch, s.out, out[2], out[3], s.lanes});
  c.output = MakeBuffer("phase", OutputTypeOf(w), {s.batch, s.out, h.outputs, v.outputs, s.lanes});
  const std::vector<Expr> at = Vars(c.axes);
  p.position = {at[0], at[1], h.Output(at[2]), v.Output(at[3]), at[4]};
  FuseEpilogueAt(w, {p.output, s.out * s.lanes, {p.position, at[1] * s.lanes + at[4]}}, &c);
  return p;
}

Program LowerPhase(const Workload& w, const Blocks& s, const PhasePair& pair,
                   const Config& config) {
  PhaseCompute phase = ComputeOf(w, s, pair);
  const bool sums = phase.compute.reducer == Reducer::kSum;
  Schedule sch(std::move(phase.compute));
  const Loop n = sch.axis(0), oh = sch.axis(2), lane = sch.axis(4);
  const auto [oc, oc_tile] = sch.Split(sch.axis(1), config.Inner("tile_oc"));
  const auto [ow, ow_tile] =
      sch.Split(sch.axis(3), std::min(config.Inner("tile_ow"), pair.v.outputs));
  std::vector<Loop> order = {n, oc, oh, ow};
  if (sums) {
    const auto [ici, ici_tile] = sch.Split(sch.reduce(3), config.Int("unroll_ic"));
    for (Loop loop : {sch.reduce(0), sch.reduce(1), sch.reduce(2), ici, ici_tile}) {
      order.push_back(loop);
    }
    sch.Unroll(ici_tile);
    if (config.Bool("unroll_taps")) sch.Unroll(sch.reduce(2));
  }
  for (Loop loop : {ow_tile, oc_tile, lane}) order.push_back(loop);
  sch.Reorder(order);
  sch.Parallel(3);
  sch.AccumulateAt(4);
  sch.Unroll(oc_tile);
  sch.Unroll(ow_tile);
  sch.Vectorize(lane);
  sch.StoreAt(phase.output, phase.position);
  return sch.Lower();
}

// Blocks that a default's tile may have: those whose weights of a phase, read anew for each tile,
// stay in half of the first cache; any, where not even one block's do. (Measured on Zen 4, weights
// of all of it: 64 to 32 channels, 4 x 4, stride 2, to 160 x 160 in 3.6 ms by one block and, from
// process to process, 4.5 to 7.9 ms by two. Weights of twice the cache: no difference.)
std::vector<int64_t> BlocksOfTile(const Workload& w, const Blocks& s, const Target& target) {
  const int64_t block = s.in * s.largest.taps_h * s.largest.taps_w * s.lanes * s.lanes *
                        static_cast<int64_t>(SizeOf(w.inputs[1].dtype));
  const int64_t room = TraitsOf(target).l1_bytes / 2;
  std::vector<int64_t> blocks = Divisors(s.out, 8);
  if (block > room) return blocks;
  std::erase_if(blocks, [=](int64_t count) { return count * block > room; });
  return blocks;
}

class Conv2dTransposeNchwc final : public Template {
 public:
  std::string_view Summary() const override {
    return "transposed convolution by output phase, NCHW[x]c, tile of channel blocks x pixels";
  }

  bool Matches(const Workload& w, const Target& target) const override {
    if (target.kind != "cpu" || w.op != "conv2d_transpose") return false;
    const int64_t lanes = Layout::Parse(w.out_layout).value().BlockOf('C');
    const Layout weight = Layout::Parse(w.weight_layout).value();
    return lanes > 1 && Layout::Parse(w.data_layout).value().BlockOf('C') == lanes &&
           weight.BlockOf('I') == lanes && weight.BlockOf('O') == lanes &&
           w.Attr("groups")[0] == 1 && w.Attr("strides")[0] * w.Attr("strides")[1] <= kMaxPhases;
  }

  ConfigSpace Space(const Workload& w, const Target& target) const override {
    const Blocks s = BlocksOf(w);
    ConfigSpace space;
    space.DefineSplit("tile_oc", s.out, {.candidates = Divisors(s.out, 8)});
    space.DefineSplit("tile_ow", s.largest.columns, {.candidates = TileWidths(s.largest.columns)});
    space.DefineKnob("unroll_taps", {false, true});
    DefineIntKnob(space, "unroll_ic", Divisors(s.lanes, 16));
    const int64_t most = MaxAccumulators(TraitsOf(target).vector_registers);
    space.AddConstraint("at most as many accumulators as registers allow", [most](const Config& c) {
      return c.Inner("tile_oc") * c.Inner("tile_ow") <= most;
    });
    const int64_t taps = s.largest.taps_w;
    space.AddConstraint("at most 700 multiply-adds in the unrolled body", [taps](const Config& c) {
      const int64_t unrolled = c.Int("unroll_ic") * (c.Bool("unroll_taps") ? taps : 1);
      return c.Inner("tile_oc") * c.Inner("tile_ow") * unrolled <= kMaxBodyFmas;
    });
    return space;
  }

  Config Default(const Workload& w, const Target& target) const override {
    const Blocks s = BlocksOf(w);
    const TileChoice tile = ChooseTile({s.out, BlocksOfTile(w, s, target)},
                                       {s.largest.columns, TileWidths(s.largest.columns)},
                                       TraitsOf(target).vector_registers, target);
    // Taps of a border tile have conditions, which cost nothing where they are unrolled.
    const int64_t body = 2 * tile.rows * tile.columns * s.largest.taps_w;
    const bool taps = s.largest.taps_w > 1 && body <= kMaxBodyFmas;
    return {{{"tile_oc", InnerSplit(tile.rows)},
             {"tile_ow", InnerSplit(tile.columns)},
             {"unroll_taps", Flag(taps)},
             {"unroll_ic", Scalar(taps ? 2 : 4)}}};
  }

  absl::StatusOr<LoweredTask> Lower(const Workload& w, const Target& target,
                                    const Config& config) const override {
    TW_RETURN_IF_ERROR(CheckConfig(Space(w, target), config));
    const Blocks s = BlocksOf(w);
    std::vector<Program> phases;
    for (const TransposedPhase& h : s.rows) {
      for (const TransposedPhase& v : s.columns) {
        phases.push_back(LowerPhase(w, s, {h, v}, config));
      }
    }
    return PhaseSteps(phases);
  }
};

}  // namespace

const Template& conv2d_transpose_nchwc_cpu() {
  static const Conv2dTransposeNchwc instance;
  return instance;
}

}  // namespace tilewright
