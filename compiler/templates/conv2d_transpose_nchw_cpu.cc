// Transposed convolution over plain NCHW tensors, any groups: a nest for each pair of phases
// (support/transposed_phases.h), side by side in one program where they are equally long
// (support/phase_steps.h), each a register tile of output channels x vectors of pixels of that
// phase; weights are broadcast.
//
// Knobs: tile_oc (channels in the tile), tile_ow (vectors of pixels), lanes (pixels in a vector),
// unroll_taps (of a row).
#include <algorithm>

#include "base/status_macros.h"
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

struct Nest {
  int64_t batch, groups, in, out, height, width;  // in and out: channels of a group
  std::vector<TransposedPhase> rows, columns;
  LargestPhase largest;
};

Nest NestOf(const Workload& w) {
  const Shape& data = w.inputs[0].shape;
  const int64_t groups = w.Attr("groups")[0];
  Nest s{.batch = data[0],
         .groups = groups,
         .in = data[1] / groups,
         .out = w.inputs[1].shape[1],
         .height = data[2],
         .width = data[3],
         .rows = PhasesOf(w, 0),
         .columns = PhasesOf(w, 1)};
  s.largest = LargestOf(s.rows, s.columns);
  return s;
}

// The products of a phase; a phase without taps is the epilogue of zero.
void SetBody(const Workload& w, const Nest& s, const PhasePair& phase, Compute* c) {
  const TransposedPhase &h = phase.h, &v = phase.v;
  const Shape& weight_shape = w.inputs[1].shape;
  const Buffer data =
      MakeBuffer("data", w.inputs[0].dtype, {s.batch, s.groups, s.in, s.height, s.width});
  const Buffer weight = MakeBuffer("weight", w.inputs[1].dtype,
                                   {s.groups, s.in, s.out, weight_shape[2], weight_shape[3]});
  c->inputs = {data, weight};
  if (h.taps * v.taps == 0) {
    c->body = Const(0, AccumulatorOf(w));
    return;
  }
  c->reduce = {{Var("ic"), s.in}, {Var("th"), h.taps}, {Var("tw"), v.taps}};
  c->reducer = Reducer::kSum;
  const std::vector<Expr> at = Vars(c->axes), r = Vars(c->reduce);
  const Expr ih = h.Input(at[3], r[1]), iw = v.Input(at[4], r[2]);
  c->body = Product(w, Load(data, {at[0], at[1], r[0], ih, iw}),
                    Load(weight, {at[1], r[0], at[2], h.Tap(r[1]), v.Tap(r[2])}));
  c->predicate = And(h.Inside(ih), v.Inside(iw));
}

struct Tile {
  int64_t channels, vectors, lanes;
  bool unroll_taps;
};

Tile TileOf(const Config& config) {
  return {.channels = config.Int("tile_oc"),
          .vectors = config.Int("tile_ow"),
          .lanes = config.Int("lanes"),
          .unroll_taps = config.Bool("unroll_taps")};
}

Program LowerPhase(const Workload& w, const Nest& s, const PhasePair& phase, const Tile& tile) {
  const TransposedPhase &h = phase.h, &v = phase.v;
  Compute c{.name = "conv2d_transpose"};
  c.axes = {{Var("n"), s.batch},
            {Var("g"), s.groups},
            {Var("oc"), s.out},
            {Var("oh"), h.outputs},
            {Var("ow"), v.outputs}};
  SetBody(w, s, phase, &c);
  const Shape shape = OutputShape(w);
  const Buffer out =
      MakeBuffer("out", OutputTypeOf(w), {s.batch, s.groups, s.out, shape[2], shape[3]});
  c.output = MakeBuffer("phase", OutputTypeOf(w), {s.batch, s.groups, s.out, h.outputs, v.outputs});
  const std::vector<Expr> at = Vars(c.axes);
  const std::vector<Expr> position = {at[0], at[1], at[2], h.Output(at[3]), v.Output(at[4])};
  FuseEpilogueAt(w, {out, s.groups * s.out, {position, at[1] * s.out + at[2]}}, &c);
  const bool sums = c.reducer == Reducer::kSum;
  Schedule sch(std::move(c));
  const auto [oc, oc_tile] = sch.Split(sch.axis(2), tile.channels);
  const auto [vectors, lane] = sch.Split(sch.axis(4), std::min(tile.lanes, v.outputs));
  const int64_t count = (v.outputs + tile.lanes - 1) / tile.lanes;
  const auto [ow, ow_tile] = sch.Split(vectors, std::min(tile.vectors, count));
  std::vector<Loop> order = {sch.axis(0), sch.axis(1), sch.axis(3), ow, oc};
  for (size_t i = 0; sums && i < 3; ++i) order.push_back(sch.reduce(i));
  for (Loop loop : {oc_tile, ow_tile, lane}) order.push_back(loop);
  sch.Reorder(order);
  sch.Parallel(5);
  sch.AccumulateAt(5);
  if (sums && tile.unroll_taps) sch.Unroll(sch.reduce(2));
  sch.Unroll(oc_tile);
  sch.Unroll(ow_tile);
  sch.Vectorize(lane);
  sch.StoreAt(out, position);
  return sch.Lower();
}

int64_t WidestLanes(const Nest& s, const Target& target) {
  return std::min<int64_t>(VectorLanes(target), s.largest.columns);
}

std::vector<int64_t> ChannelCandidates(const Nest& s) {
  return UpTo(s.out, {1, 2, 3, 4, 6, 8, 10, 12, 16});
}

std::vector<int64_t> VectorCandidates(const Nest& s, const Target& target) {
  const int64_t lanes = WidestLanes(s, target);
  return UpTo((s.largest.columns + lanes - 1) / lanes, {1, 2, 3, 4, 6});
}

class Conv2dTransposeNchw final : public Template {
 public:
  std::string_view Summary() const override {
    return "transposed convolution by output phase, NCHW, any groups, tile of channels x pixels";
  }

  bool Matches(const Workload& w, const Target& target) const override {
    return target.kind == "cpu" && w.op == "conv2d_transpose" && w.data_layout == "NCHW" &&
           w.weight_layout == "IOHW" && w.out_layout == "NCHW" &&
           w.Attr("strides")[0] * w.Attr("strides")[1] <= kMaxPhases;
  }

  ConfigSpace Space(const Workload& w, const Target& target) const override {
    const Nest s = NestOf(w);
    ConfigSpace space;
    DefineIntKnob(space, "tile_oc", ChannelCandidates(s));
    DefineIntKnob(space, "tile_ow", VectorCandidates(s, target));
    const int64_t widest = WidestLanes(s, target);
    DefineIntKnob(space, "lanes",
                  widest > 1 ? std::vector<int64_t>{widest, widest / 2} : std::vector<int64_t>{1});
    space.DefineKnob("unroll_taps", {true, false});
    const int64_t most = MaxAccumulators(TraitsOf(target).vector_registers);
    space.AddConstraint("at most as many accumulators as registers allow", [most](const Config& c) {
      return TileOf(c).channels * TileOf(c).vectors <= most;
    });
    const int64_t taps = s.largest.taps_w;
    space.AddConstraint("at most 700 multiply-adds in the unrolled body", [taps](const Config& c) {
      const Tile tile = TileOf(c);
      return tile.channels * tile.vectors * (tile.unroll_taps ? taps : 1) <= kMaxBodyFmas;
    });
    return space;
  }

  Config Default(const Workload& w, const Target& target) const override {
    const Nest s = NestOf(w);
    const int64_t widest = WidestLanes(s, target);
    const TileChoice tile =
        ChooseTile({(s.largest.columns + widest - 1) / widest, VectorCandidates(s, target)},
                   {s.out, ChannelCandidates(s)}, TraitsOf(target).vector_registers, target);
    const bool unroll = tile.rows * tile.columns * s.largest.taps_w <= kMaxBodyFmas;
    return {{{"tile_oc", Scalar(tile.columns)},
             {"tile_ow", Scalar(tile.rows)},
             {"lanes", Scalar(widest)},
             {"unroll_taps", Flag(unroll)}}};
  }

  absl::StatusOr<LoweredTask> Lower(const Workload& w, const Target& target,
                                    const Config& config) const override {
    TW_RETURN_IF_ERROR(CheckConfig(Space(w, target), config));
    const Nest s = NestOf(w);
    std::vector<Program> phases;
    for (const TransposedPhase& h : s.rows) {
      for (const TransposedPhase& v : s.columns) {
        phases.push_back(LowerPhase(w, s, {h, v}, TileOf(config)));
      }
    }
    return PhaseSteps(phases);
  }
};

}  // namespace

const Template& conv2d_transpose_nchw_cpu() {
  static const Conv2dTransposeNchw instance;
  return instance;
}

}  // namespace tilewright
