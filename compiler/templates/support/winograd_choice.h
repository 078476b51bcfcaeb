// What a config of the CPU's Winograd convolution chooses: limits, cost and the default. Pure
// functions of the workload, the target and the choice. Private to the folder.
#pragma once

#include <optional>
#include <vector>

#include "compiler/core/target.h"
#include "compiler/core/workload.h"
#include "compiler/schedule/config_space.h"
#include "compiler/templates/support/winograd_stages.h"

namespace tilewright {

// Order "oc" is `by_channel`, "px" is not (conv2d_winograd_cpu.cc).
struct WinogradChoice {
  WinogradShape shape;
  WinogradTile tile;
  bool by_channel;
};

// nullopt where the template has none for the workload's types on the target.
std::optional<WinogradArithmetic> WinogradArithmeticOf(const Workload& w, const Target& target);

// All of the following REQUIRE that there is one.
WinogradShape WinogradShapeOf(const Workload& w, const Target& target, int64_t m, int64_t piece);
WinogradTile WinogradTileOf(const Config& config);
WinogradChoice WinogradChoiceOf(const Workload& w, const Target& target, const Config& config);
Config ConfigOf(const WinogradChoice& choice);

// Sizes m of tiles that are not much larger than the image.
std::vector<int64_t> WinogradTileSizes(const Workload& w);

// Groups of output channels whose products are in registers one after the other.
int64_t Groups(const WinogradChoice& choice);

// What a choice has to keep: at most `most` accumulators, 350 multiply-adds in the unrolled body,
// 400 KiB of scratch a piece (within the second cache), no piece larger than the image.
bool HasAccumulators(const WinogradTile& tile, int64_t most);
bool FitsBody(const WinogradTile& tile);
bool FitsScratch(const WinogradChoice& choice);
bool FitsImage(const WinogradChoice& choice);

// The least cost (that of MemoryBoundCost) over tile sizes, orders and sizes of a piece, each with
// the register tile that suits it. Without configs: each look-up asks this of every convolution.
struct WinogradDefault {
  WinogradChoice choice;
  double cost = 0;
};
WinogradDefault ChooseWinogradDefault(const Workload& w, const Target& target);

}  // namespace tilewright
