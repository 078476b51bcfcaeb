// Batched matrix product [B,M,K] x [B,K,N], row-major, nothing packed: the lanes of a vector are
// columns of N, a register tile of rows x vectors accumulates over K.
//
// Knobs: tile_n (vectors in the tile), tile_m (rows in the tile), order, unroll_k.
#include <algorithm>

#include "base/status_macros.h"
#include "compiler/operators/define.h"
#include "compiler/schedule/schedule.h"
#include "compiler/templates/support/fused_epilogue.h"
#include "compiler/templates/support/space.h"
#include "compiler/templates/support/tile_model.h"
#include "compiler/templates/template.h"

namespace tilewright {
namespace {

struct MatmulShape {
  int64_t batch, m, n, k, lanes, vectors;  // vectors of N, the last one possibly short
};

MatmulShape ShapeOf(const Workload& w, const Target& target) {
  const Shape& a = w.inputs[0].shape;
  const int64_t n = w.inputs[1].shape[2];
  const int64_t lanes = std::min<int64_t>(n, VectorLanes(target));
  return {.batch = a[0],
          .m = a[1],
          .n = n,
          .k = a[2],
          .lanes = lanes,
          .vectors = (n + lanes - 1) / lanes};
}

Compute MatmulCompute(const Workload& w, const MatmulShape& s) {
  Compute c{.name = "batch_matmul"};
  c.axes = {{Var("b"), s.batch}, {Var("m"), s.m}, {Var("n"), s.n}};
  c.reduce = {{Var("k"), s.k}};
  c.reducer = Reducer::kSum;
  const Buffer a = MakeBuffer("data", w.inputs[0].dtype, {s.batch, s.m, s.k});
  const Buffer b = MakeBuffer("weight", w.inputs[1].dtype, {s.batch, s.k, s.n});
  c.inputs = {a, b};
  c.output = MakeBuffer("out", OutputTypeOf(w), {s.batch, s.m, s.n});
  const Expr batch = c.axes[0].var, m = c.axes[1].var, n = c.axes[2].var, k = c.reduce[0].var;
  c.body = Product(w, Load(a, {batch, m, k}), Load(b, {batch, k, n}));
  FuseEpilogue(w, n, s.n, &c);
  return c;
}

// A short last vector must stand alone in its tile: with more the tail would need masks.
std::vector<int64_t> VectorCandidates(const MatmulShape& s) {
  return s.n % s.lanes == 0 ? Divisors(s.vectors, 8) : std::vector<int64_t>{1};
}

class BatchMatmul final : public Template {
 public:
  std::string_view Summary() const override {
    return "batched matrix product, register tile of rows x vectors";
  }

  bool Matches(const Workload& w, const Target& target) const override {
    return target.kind == "cpu" && w.op == "batch_matmul";
  }

  ConfigSpace Space(const Workload& w, const Target& target) const override {
    const MatmulShape s = ShapeOf(w, target);
    ConfigSpace space;
    space.DefineSplit("tile_n", s.vectors, {.candidates = VectorCandidates(s)});
    space.DefineSplit("tile_m", s.m, {.candidates = TileWidths(s.m)});
    space.DefineKnob("order", {std::string("n"), std::string("m")});
    DefineIntKnob(space, "unroll_k", Divisors(s.k, 16));
    const int64_t most = MaxAccumulators(TraitsOf(target).vector_registers);
    space.AddConstraint("at most as many accumulators as registers allow",
                        [most](const Config& config) {
                          return config.Inner("tile_n") * config.Inner("tile_m") <= most;
                        });
    return space;
  }

  Config Default(const Workload& w, const Target& target) const override {
    const MatmulShape s = ShapeOf(w, target);
    const TileChoice tile = ChooseTile({s.vectors, VectorCandidates(s)}, {s.m, TileWidths(s.m)},
                                       TraitsOf(target).vector_registers, target);
    int64_t unroll = 1;
    for (int64_t candidate : Divisors(s.k, 4)) unroll = candidate;
    return {{{"tile_n", InnerSplit(tile.rows)},
             {"tile_m", InnerSplit(tile.columns)},
             {"order", OtherEntity{std::string("n")}},
             {"unroll_k", Scalar(unroll)}}};
  }

  absl::StatusOr<LoweredTask> Lower(const Workload& w, const Target& target,
                                    const Config& given) const override {
    TW_ASSIGN_OR_RETURN(const Config config, Space(w, target).Canonical(given));
    const MatmulShape s = ShapeOf(w, target);
    Schedule sch(MatmulCompute(w, s));
    const Loop batch = sch.axis(0);
    const auto [vectors, lane] = sch.Split(sch.axis(2), s.lanes);
    const auto [n, n_tile] = sch.Split(vectors, config.Inner("tile_n"));
    const auto [m, m_tile] = sch.Split(sch.axis(1), config.Inner("tile_m"));
    const auto [k, k_tile] = sch.Split(sch.reduce(0), config.Int("unroll_k"));
    if (config.Str("order") == "n") {
      sch.Reorder({batch, n, m, k, k_tile, m_tile, n_tile, lane});
    } else {
      sch.Reorder({batch, m, n, k, k_tile, m_tile, n_tile, lane});
    }
    sch.Parallel(3);
    sch.AccumulateAt(3);
    for (Loop loop : {k_tile, n_tile, m_tile}) sch.Unroll(loop);
    sch.Vectorize(lane);
    return SingleStep(sch.Lower());
  }
};

}  // namespace

const Template& batch_matmul_cpu() {
  static const BatchMatmul instance;
  return instance;
}

}  // namespace tilewright
