// Attention that never holds all scores: a block of queries of one head computes its scores for a
// block of keys in scratch that stays in the cache, turns them into weights and multiplies them
// with the values (support/attention_stages.h). With several blocks of keys the sums so far are
// corrected as the maximum grows. A program before it turns the keys, so that all is read along
// rows. Sums are float32 for every type.
//
// Knobs: tile_m (queries in registers), pieces (of tile_m queries in a block), keys (in a block),
// tile_n, tile_e (vectors of keys and of a value's elements in registers, at most).
#include <algorithm>

#include "base/status_macros.h"
#include "compiler/schedule/schedule.h"
#include "compiler/templates/support/attention_stages.h"
#include "compiler/templates/support/space.h"
#include "compiler/templates/support/tile_model.h"
#include "compiler/templates/template.h"

namespace tilewright {
namespace {

// Of a block of queries: within the second cache, with turned keys and values to spare.
constexpr int64_t kMaxScratchBytes = 256 << 10;
constexpr int64_t kFewestKeys = 64;  // in a block, of more
const std::vector<int64_t> kPieces = {1, 2, 3, 4, 6, 8, 12, 16};
const std::vector<int64_t> kVectors = {1, 2, 3, 4, 6, 8};

// Of keys and values, which a core reads again for each block of queries, in the time of a
// multiply-add of a vector: nearly all of it hides (measured: blocks of 16 and of 128 queries take
// the same time).
constexpr double kBytesPerMultiplyAdd = 256;

AttentionTile TileOf(const Config& config, const Target& target) {
  const int64_t rows = config.Int("tile_m");
  return {.lanes = VectorLanes(target),
          .rows = rows * config.Int("pieces"),
          .tile_rows = rows,
          .keys = config.Int("keys"),
          .key_vectors = config.Int("tile_n"),
          .value_vectors = config.Int("tile_e")};
}

// All keys at once, or blocks.
std::vector<int64_t> KeyBlocks(const AttentionDims& d) {
  std::vector<int64_t> blocks;
  for (const int64_t keys : {64, 128, 256, 512, 1024}) {
    if (keys < d.keys) blocks.push_back(keys);
  }
  if (d.keys * static_cast<int64_t>(sizeof(float)) < kMaxScratchBytes) blocks.push_back(d.keys);
  return blocks;
}

// Multiply-adds of vectors for each key and vector of a head: those of partly filled tiles and
// blocks count, of keys that causality hides but for the block they are in, and reading.
double CostOf(const AttentionDims& d, const AttentionTile& t, bool causal) {
  const double fmas = static_cast<double>(t.tile_rows * t.value_vectors);
  const double loads = static_cast<double>(t.tile_rows + t.value_vectors);
  constexpr double kNeededAccumulators = 8, kTileOverhead = 1.5;
  const double tile = (std::max({fmas, loads, kNeededAccumulators}) + kTileOverhead) / fmas;
  const double bytes = static_cast<double>(t.lanes) * sizeof(float);
  const double reads = bytes / kBytesPerMultiplyAdd / static_cast<double>(t.rows);
  const int64_t rows = (d.queries + t.rows - 1) / t.rows * t.rows;
  // Correcting the sums for each block of keys (measured: 3 % with 128).
  const double corrections = t.keys < d.keys ? 4.0 / static_cast<double>(t.keys) : 0;
  const double hidden =
      causal ? static_cast<double>(t.rows + t.keys) / static_cast<double>(d.keys) : 0;
  return static_cast<double>(rows) * (tile + reads) * (1 + hidden) * (1 + corrections);
}

class Attention final : public Template {
 public:
  std::string_view Summary() const override {
    return "attention by blocks of queries and keys, scores in the cache";
  }

  bool Matches(const Workload& w, const Target& target) const override {
    return target.kind == "cpu" && w.op == "attention";
  }

  ConfigSpace Space(const Workload& w, const Target& target) const override {
    const AttentionDims d = AttentionDimsOf(w);
    ConfigSpace space;
    DefineIntKnob(space, "tile_m", TileWidths(d.queries));
    DefineIntKnob(space, "pieces", kPieces);
    DefineIntKnob(space, "keys", KeyBlocks(d));
    DefineIntKnob(space, "tile_n", kVectors);
    DefineIntKnob(space, "tile_e", kVectors);
    const int64_t most = MaxAccumulators(TraitsOf(target).vector_registers);
    space.AddConstraint(
        "at most as many accumulators as registers allow", [most](const Config& config) {
          return config.Int("tile_m") * std::max(config.Int("tile_n"), config.Int("tile_e")) <=
                 most;
        });
    space.AddConstraint("no block larger than the queries", [d](const Config& config) {
      const int64_t rows = config.Int("tile_m");
      return rows * config.Int("pieces") < d.queries + rows;
    });
    space.AddConstraint("at most 256 KiB of scratch", [d, target](const Config& config) {
      return AttentionScratchBytes(d, TileOf(config, target)) <= kMaxScratchBytes;
    });
    return space;
  }

  Config Default(const Workload& w, const Target& target) const override {
    const AttentionDims d = AttentionDimsOf(w);
    const ConfigSpace space = Space(w, target);
    const bool causal = w.Attr("causal")[0] >= 0;
    std::optional<Config> best;
    double least = 0;
    for (const int64_t rows : TileWidths(d.queries)) {
      for (const int64_t pieces : kPieces) {
        const Config config = ConfigOf(w, target, rows, pieces);
        if (space.WhyInvalid(config)) continue;
        const double cost = CostOf(d, TileOf(config, target), causal);
        if (best && cost >= least) continue;
        best = config;
        least = cost;
      }
    }
    return *best;
  }

  absl::StatusOr<LoweredTask> Lower(const Workload& w, const Target& target,
                                    const Config& given) const override {
    TW_ASSIGN_OR_RETURN(const Config config, Space(w, target).Canonical(given));
    const int inputs = static_cast<int>(w.inputs.size()), turned = inputs + 1;
    LoweredStep attend{AttendToKeys(w, TileOf(config, target)), {0, turned, 2}};
    for (int i = 3; i <= inputs; ++i) attend.operands.push_back(i);  // the mask, the output
    return LoweredTask{.buffers = {TurnedKeys(AttentionDimsOf(w))},
                       .steps = {{TurnKeys(w, target), {1, turned}}, std::move(attend)}};
  }

 private:
  // With the widest tiles beside so many rows, and the largest block of keys that fits; where
  // queries do not see what comes after them, smaller ones, which may be left out.
  static Config ConfigOf(const Workload& w, const Target& target, int64_t rows, int64_t pieces) {
    const AttentionDims d = AttentionDimsOf(w);
    const std::vector<int64_t> blocks = KeyBlocks(d);
    const bool causal = w.Attr("causal")[0] >= 0;
    const auto with = [&](int64_t keys) {
      return Config{{{"tile_m", Scalar(rows)},
                     {"pieces", Scalar(pieces)},
                     {"keys", Scalar(keys)},
                     {"tile_n", Scalar(Widest(rows, keys, target))},
                     {"tile_e", Scalar(Widest(rows, d.values, target))}}};
    };
    Config config = with(blocks.front());
    for (const int64_t keys : blocks) {
      if (causal && keys > 2 * kFewestKeys) break;
      const Config larger = with(keys);
      if (AttentionScratchBytes(d, TileOf(larger, target)) <= kMaxScratchBytes) config = larger;
    }
    return config;
  }

  // Vectors of `columns` columns beside so many rows; they divide the whole vectors.
  static int64_t Widest(int64_t rows, int64_t columns, const Target& target) {
    const int64_t vectors = std::max<int64_t>(1, columns / VectorLanes(target));
    int64_t widest = 1;
    for (const int64_t v : kVectors) {
      if (vectors % v == 0 && FitsRegisters(v, rows, TraitsOf(target).vector_registers)) widest = v;
    }
    return widest;
  }
};

}  // namespace

const Template& attention_cpu() {
  static const Attention instance;
  return instance;
}

}  // namespace tilewright
