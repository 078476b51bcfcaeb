// Dense layer with packed weights NK<x>n: a register tile of rows x blocks of output columns
// accumulates over K; each data element is a broadcast. Narrow numbers are multiplied two or four
// of K at a time where the CPU can.
//
// Knobs: tile_n (blocks in the tile), tile_m (rows in the tile), order, unroll_k, prefetch (the
// next columns' weights).
#include <algorithm>
#include <numeric>

#include "base/status_macros.h"
#include "compiler/core/layout.h"
#include "compiler/operators/define.h"
#include "compiler/schedule/schedule.h"
#include "compiler/templates/support/fused_epilogue.h"
#include "compiler/templates/support/narrow_words.h"
#include "compiler/templates/support/space.h"
#include "compiler/templates/support/tile_model.h"
#include "compiler/templates/template.h"

namespace tilewright {
namespace {

struct DenseShape {
  int64_t m, n, k, blocks, lanes;
  int64_t per_word;  // narrow numbers of K that are multiplied at a time; else 1
  int64_t steps;     // over K: words
};

DenseShape ShapeOf(const Workload& w, const Target& target) {
  const int64_t lanes = Layout::Parse(w.weight_layout).value().BlockOf('N');
  const int64_t n = w.inputs[1].shape[0], k = w.inputs[0].shape[1];
  const int64_t per_word = ElementsPerWord(w, target, k);
  return {.m = w.inputs[0].shape[0],
          .n = n,
          .k = k,
          .blocks = (n + lanes - 1) / lanes,
          .lanes = lanes,
          .per_word = per_word,
          .steps = k / per_word};
}

Buffer Weights(const Workload& w, const DenseShape& s) {
  return MakeBuffer("weight", w.inputs[1].dtype, {s.blocks, s.k, s.lanes});
}

Buffer WeightWords(const DenseShape& s) {
  return MakeBuffer("words", DType::kI32, {s.blocks, s.steps, s.lanes});
}

// Makes the words of the weights.
Program WordsOfWeights(const Workload& w, const DenseShape& s) {
  Compute c{.name = "dense_words", .inputs = {Weights(w, s)}, .output = WeightWords(s)};
  c.axes = MakeAxes(c.output->shape, "i");
  c.body = WordAt(c.inputs[0], Vars(c.axes), 1, s.per_word);
  return LowerPlain(c);
}

// The column axis runs over whole blocks; StoreOnlyIf keeps the padding out of the output.
Compute DenseCompute(const Workload& w, const DenseShape& s) {
  Compute c{.name = "dense"};
  c.axes = {{Var("m"), s.m}, {Var("n"), s.blocks * s.lanes}};
  c.reduce = {{Var("k"), s.steps}};
  c.reducer = Reducer::kSum;
  const Buffer data = MakeBuffer("data", w.inputs[0].dtype, {s.m, s.k});
  const Buffer weight = s.per_word > 1 ? WeightWords(s) : Weights(w, s);
  c.inputs = {data, weight};
  c.output = MakeBuffer("out", OutputTypeOf(w), {s.m, s.n});
  const Expr m = c.axes[0].var, n = c.axes[1].var, k = c.reduce[0].var;
  const Expr element = Load(weight, {FloorDiv(n, s.lanes), k, FloorMod(n, s.lanes)});
  if (s.per_word > 1) {
    c.body =
        DotOfWords(w.inputs[0].dtype, s.per_word, WordAt(data, {m, k}, 1, s.per_word), element);
  } else {
    c.body = Product(w, Load(data, {m, k}), element);
  }
  FuseEpilogue(w, n, s.n, &c);
  return c;
}

// A divisor would leave 1000 = 62.5 blocks with one tile size; widths with a tail are worth it.
std::vector<int64_t> BlockCandidates(const DenseShape& s, int registers) {
  std::vector<int64_t> candidates;
  for (int64_t blocks : {1, 2, 3, 4, 6, 8}) {
    if (blocks <= s.blocks && blocks <= MaxAccumulators(registers)) candidates.push_back(blocks);
  }
  return candidates;
}

// What is fetched ahead has to stay in the second-level cache (512 KiB on the least of today's
// servers) beside what is in use; of weights that are read only once nothing is. A CPU that
// computes with several rows while it reads them asks for too few by itself; with up to four it
// only waits for memory, whatever it asks for.
bool PrefetchPays(const Workload& w, const DenseShape& s, const TileChoice& tile) {
  constexpr int64_t kMostBytes = 256 << 10, kMostBytesOnce = 640 << 10, kWaitingRows = 4;
  const auto element = static_cast<int64_t>(SizeOf(w.inputs[1].dtype));
  const bool once = s.m <= tile.columns;
  return s.m > kWaitingRows &&
         tile.rows * s.lanes * s.k * element <= (once ? kMostBytesOnce : kMostBytes);
}

// Rows of data that the first cache (of 64 sets of 8 lines, the least of today's) holds one line
// each of: where rows lie a multiple of its sets apart, all of them meet in one set. All of its
// lines where one tile then has all rows and reads the weights once; else it keeps two for what
// streams through.
int64_t RowsInFirstCache(const Workload& w, const DenseShape& s) {
  constexpr int64_t kLineBytes = 64, kSets = 64, kWays = 8, kStreaming = 2;
  const auto row_bytes = s.k * static_cast<int64_t>(SizeOf(w.inputs[0].dtype));
  if (row_bytes % kLineBytes != 0) return s.m;
  const int64_t met = kSets / std::gcd(row_bytes / kLineBytes, kSets);
  return met * (s.m <= kWays ? kWays : kWays - kStreaming);
}

std::vector<int64_t> UnrollCandidates(const DenseShape& s) { return Divisors(s.steps, 16); }

class DensePack final : public Template {
 public:
  std::string_view Summary() const override {
    return "dense layer, packed weights, register tile of rows x column blocks";
  }

  bool Matches(const Workload& w, const Target& target) const override {
    return target.kind == "cpu" && w.op == "dense" &&
           Layout::Parse(w.weight_layout).value().BlockOf('N') > 1;
  }

  ConfigSpace Space(const Workload& w, const Target& target) const override {
    const DenseShape s = ShapeOf(w, target);
    const int registers = TraitsOf(target).vector_registers;
    ConfigSpace space;
    space.DefineSplit("tile_n", s.blocks, {.candidates = BlockCandidates(s, registers)});
    space.DefineSplit("tile_m", s.m, {.candidates = TileWidths(s.m)});
    space.DefineKnob("order", {std::string("n"), std::string("m")});
    DefineIntKnob(space, "unroll_k", UnrollCandidates(s));
    space.DefineKnob("prefetch", {false, true});
    space.AddConstraint("prefetch needs order n", [](const Config& config) {
      return config.Str("order") == "n" || !config.Bool("prefetch");
    });
    const int64_t most = MaxAccumulators(registers);
    space.AddConstraint("at most as many accumulators as registers allow",
                        [most](const Config& config) {
                          return config.Inner("tile_n") * config.Inner("tile_m") <= most;
                        });
    return space;
  }

  Config Default(const Workload& w, const Target& target) const override {
    const DenseShape s = ShapeOf(w, target);
    const int registers =
        s.per_word > 1 ? RegistersForWords(target) : TraitsOf(target).vector_registers;
    const TileChoice tile =
        ChooseTile({s.blocks, BlockCandidates(s, registers)},
                   {s.m, TileWidths(std::min(s.m, RowsInFirstCache(w, s)))}, registers, target);
    int64_t unroll = 1;
    for (int64_t candidate : UnrollCandidates(s)) {
      if (candidate <= 4) unroll = candidate;
    }
    const std::string order = s.n > s.m ? "n" : "m";
    return {{{"tile_n", InnerSplit(tile.rows)},
             {"tile_m", InnerSplit(tile.columns)},
             {"order", OtherEntity{order}},
             {"unroll_k", Scalar(unroll)},
             {"prefetch", Flag(order == "n" && PrefetchPays(w, s, tile))}}};
  }

  absl::StatusOr<LoweredTask> Lower(const Workload& w, const Target& target,
                                    const Config& given) const override {
    TW_ASSIGN_OR_RETURN(const Config config, Space(w, target).Canonical(given));
    const DenseShape s = ShapeOf(w, target);
    Schedule sch(DenseCompute(w, s));
    const auto [blocks, lane] = sch.Split(sch.axis(1), s.lanes);
    const auto [n, n_tile] = sch.Split(blocks, config.Inner("tile_n"));
    const auto [m, m_tile] = sch.Split(sch.axis(0), config.Inner("tile_m"));
    const auto [k, k_tile] = sch.Split(sch.reduce(0), config.Int("unroll_k"));
    if (config.Str("order") == "n") {
      sch.Reorder({n, m, k, k_tile, m_tile, n_tile, lane});
    } else {
      sch.Reorder({m, n, k, k_tile, m_tile, n_tile, lane});
    }
    sch.Parallel(2);
    sch.AccumulateAt(2);
    if (config.Bool("prefetch")) sch.PrefetchNext(/*input=*/1, /*outer_count=*/1);
    for (Loop loop : {k_tile, n_tile, m_tile}) sch.Unroll(loop);
    sch.Vectorize(lane);
    if (s.n % s.lanes != 0) sch.StoreOnlyIf(Lt(sch.AxisValue(1), Int(s.n)));
    if (s.per_word == 1) return SingleStep(sch.Lower());
    return WithPreparedWeights(sch.Lower(), WordsOfWeights(w, s));
  }
};

}  // namespace

const Template& dense_pack_cpu() {
  static const DensePack instance;
  return instance;
}

}  // namespace tilewright
