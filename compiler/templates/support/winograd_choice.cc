#include "compiler/templates/support/winograd_choice.h"

#include <algorithm>
#include <string>

#include "compiler/core/narrow_dots.h"
#include "compiler/operators/workload_rules.h"
#include "compiler/templates/support/element_types.h"
#include "compiler/templates/support/narrow_words.h"
#include "compiler/templates/support/space.h"
#include "compiler/templates/support/tile_model.h"

namespace tilewright {
namespace {

constexpr int64_t kMostWinogradScratch = 400 << 10;
constexpr int64_t kMostWinogradFmas = 350;

// Of float32 or int32.
int64_t Bytes(const std::vector<int64_t>& shape) { return NumBytes({DType::kF32, shape}); }

int64_t PieceBytes(const WinogradShape& s) {
  return NumBytes({s.types.transformed, TransformedPiece(s)});
}

int64_t ScratchBytes(const WinogradChoice& choice) {
  const WinogradShape& s = choice.shape;
  const int64_t products = Bytes(ProductsOfPiece(s, choice.tile));
  const int64_t sums = s.chunks() > 1 ? Bytes(SumsOfPiece(s, choice.tile)) : 0;
  return products + sums + (choice.by_channel ? 0 : PieceBytes(s));
}

// The largest tile whose rounding is small enough, or whose integers fit.
int64_t LargestTile(const Workload& w) {
  switch (w.inputs[0].dtype) {
    case DType::kBF16: return 2;
    case DType::kU8: return 4;
    default: return 6;
  }
}

// Loads, stores and arithmetic of both transforms, in multiply-adds for each vector of a
// transformed tile (measured): what is narrow is half the bytes.
double TransformCost(const WinogradArithmetic& types) { return types.per_word > 1 ? 9 : 12.5; }

// Time to read from the outer cache, in that of memory.
constexpr double kOuterCache = 0.25;

double CostOf(const WinogradChoice& choice, int64_t l2_bytes) {
  const WinogradShape& s = choice.shape;
  const double matrices = static_cast<double>(s.alpha * s.alpha);
  const double products =
      matrices * static_cast<double>(s.pieces() * s.piece * s.in_blocks * s.words() * s.out_blocks);
  const double transforms =
      matrices * static_cast<double>(s.tiles() * (s.in_blocks + s.out_blocks * s.chunks()));
  // What passes the outer cache because half of the second one does not keep it: weights from piece
  // to piece, or the transformed input, which is written and read for each group of output
  // channels.
  const auto beyond = [l2_bytes](int64_t bytes) {
    return std::max<int64_t>(bytes - l2_bytes / 2, 0);
  };
  const int64_t weights = NumBytes(TransformedWeights(s));
  const int64_t input = s.pieces() * PieceBytes(s);
  const int64_t again =
      choice.by_channel ? (2 + Groups(choice)) * beyond(input) : (s.pieces() - 1) * beyond(weights);
  return MemoryBoundCost(products + TransformCost(s.types) * transforms,
                         static_cast<double>(weights) + kOuterCache * static_cast<double>(again));
}

// Of the parallel loop that has the products.
int64_t Iterations(const WinogradChoice& choice) {
  return choice.shape.pieces() * (choice.by_channel ? Groups(choice) : 1);
}

// What a default's cost is multiplied by, because two threads may run it too: a tenth more where
// there is one iteration, and less the less of the time one of them would wait.
double SplitPenalty(int64_t iterations) {
  constexpr double kOfOneIteration = 0.1;
  return 1 +
         kOfOneIteration * static_cast<double>(iterations % 2) / static_cast<double>(iterations);
}

}  // namespace

std::optional<WinogradArithmetic> WinogradArithmeticOf(const Workload& w, const Target& target) {
  const DType data = w.inputs[0].dtype, weight = w.inputs[1].dtype;
  if (IsAllFloat32(w)) return WinogradArithmetic{};
  if (data == DType::kBF16 && AccumulatorOf(w) == DType::kF32 && HasBFloat16Dots(target)) {
    return WinogradArithmetic{data, weight, DType::kBF16, 2};
  }
  const bool bytes = data == DType::kU8 && weight == DType::kI8;
  if (bytes && AccumulatorOf(w) == DType::kI32 && TraitsOf(target).vector_bits >= 256) {
    return WinogradArithmetic{data, weight, DType::kI16, 2};
  }
  return std::nullopt;
}

WinogradShape WinogradShapeOf(const Workload& w, const Target& target, int64_t m, int64_t piece) {
  return WinogradShapeOf(w, m, piece, *WinogradArithmeticOf(w, target));
}

WinogradTile WinogradTileOf(const Config& config) {
  return {.blocks = config.Inner("tile_oc"),
          .columns = config.Inner("tile_p"),
          .unroll = config.Int("unroll_ic")};
}

WinogradChoice WinogradChoiceOf(const Workload& w, const Target& target, const Config& config) {
  const WinogradTile tile = WinogradTileOf(config);
  WinogradChoice choice{.shape = WinogradShapeOf(w, target, config.Int("tile_m"),
                                                 tile.columns * config.Int("pieces")),
                        .tile = tile,
                        .by_channel = config.Str("order") == "oc"};
  // Those that half of the second cache holds are there from the second piece on; products of
  // float32 take long enough without (measured: layers of 128 channels are 1.1 times as fast in
  // bytes, resnet50 is not in floats).
  choice.tile.prefetch = choice.shape.types.per_word > 1 &&
                         NumBytes(TransformedWeights(choice.shape)) > TraitsOf(target).l2_bytes / 2;
  return choice;
}

bool HasAccumulators(const WinogradTile& tile, int64_t most) {
  return tile.blocks * tile.columns <= most;
}
bool FitsBody(const WinogradTile& tile) {
  return tile.blocks * tile.columns * tile.unroll <= kMostWinogradFmas;
}
bool FitsScratch(const WinogradChoice& choice) {
  return ScratchBytes(choice) <= kMostWinogradScratch;
}
bool FitsImage(const WinogradChoice& choice) {
  const WinogradShape& s = choice.shape;
  return s.piece == choice.tile.columns || s.piece < s.tiles() + choice.tile.columns;
}

std::vector<int64_t> WinogradTileSizes(const Workload& w) {
  const Shape out = OutputShape(w);
  std::vector<int64_t> sizes = {2};
  for (const int64_t m : {4, 6}) {
    if (m <= LargestTile(w) && m - 2 < std::max(out[2], out[3])) sizes.push_back(m);
  }
  return sizes;
}

int64_t Groups(const WinogradChoice& choice) {
  return choice.shape.out_blocks / choice.tile.blocks;
}

WinogradDefault ChooseWinogradDefault(const Workload& w, const Target& target) {
  const CpuTraits traits = TraitsOf(target);
  const int64_t most = MaxAccumulators(traits.vector_registers);
  WinogradDefault best;
  for (const int64_t m : WinogradTileSizes(w)) {
    WinogradChoice choice{
        .shape = WinogradShapeOf(w, target, m, 1), .tile = {}, .by_channel = false};
    WinogradShape& s = choice.shape;
    const int registers =
        s.types.per_word > 1 ? RegistersForWords(target) : traits.vector_registers;
    const TileChoice tile = ChooseTile({s.out_blocks, Divisors(s.out_blocks, 4)},
                                       {s.tiles(), TileWidths(s.tiles())}, registers, target);
    choice.tile = {tile.rows, tile.columns, std::min<int64_t>(4, s.words())};
    if (!HasAccumulators(choice.tile, most) || !FitsBody(choice.tile)) continue;
    for (const bool by_channel : {false, true}) {
      for (const int64_t pieces : {1, 2, 4}) {
        choice.by_channel = by_channel;
        s.piece = tile.columns * pieces;
        if (!FitsScratch(choice) || !FitsImage(choice)) continue;
        const double cost = CostOf(choice, traits.l2_bytes) * SplitPenalty(Iterations(choice));
        if (best.cost == 0 || cost < best.cost) best = {choice, cost};
      }
    }
  }
  return best;
}

Config ConfigOf(const WinogradChoice& choice) {
  const WinogradTile& tile = choice.tile;
  return {{{"tile_m", Scalar(choice.shape.m)},
           {"tile_oc", InnerSplit(tile.blocks)},
           {"tile_p", InnerSplit(tile.columns)},
           {"pieces", Scalar(choice.shape.piece / tile.columns)},
           {"unroll_ic", Scalar(tile.unroll)},
           {"order", OtherEntity{std::string(choice.by_channel ? "oc" : "px")}}}};
}

}  // namespace tilewright
