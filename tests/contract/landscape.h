// A synthetic search space with a known speed at every point: looks like a blocked convolution's
// (plateaus, a cliff where registers run out, interactions between knobs, failures).
#pragma once

#include <cmath>
#include <cstdint>

#include "compiler/core/outcome.h"
#include "compiler/schedule/config_space.h"

namespace tilewright {

// 7 x 8 x 7 x 2 x 3 = 2,352 points, of which some are invalid and some fail.
inline ConfigSpace LandscapeSpace() {
  ConfigSpace space;
  space.DefineSplit("tile_oc", 64, {});
  space.DefineSplit("tile_ow", 56, {});
  space.DefineSplit("tile_ic", 64, {});
  space.DefineKnob("unroll_kw", {false, true});
  space.DefineKnob("order", {int64_t{0}, int64_t{1}, int64_t{2}});
  space.AddConstraint("at most 512 outputs a tile", [](const Config& c) {
    return c.Inner("tile_oc") * c.Inner("tile_ow") <= 512;
  });
  return space;
}

// Seconds around 1 ms; fails where the tile is tiny and unrolled.
inline Outcome LandscapeOutcome(const Config& config) {
  const double oc = std::log2(config.Inner("tile_oc"));
  const double ow = std::log2(config.Inner("tile_ow"));
  const double ic = std::log2(config.Inner("tile_ic"));
  const bool unroll = config.Bool("unroll_kw");
  if (oc + ow < 1 && unroll) return Failure{FailureKind::kBuild, "tile too small to unroll"};
  const double registers = std::exp2(oc + ow) / 16;
  double cost = 1 + 0.15 * (oc - 4) * (oc - 4) + 0.1 * (ow - 3) * (ow - 3);
  cost += 0.05 * std::abs(ic - 3 - 0.5 * (oc - 4)) + (unroll ? -0.1 : 0.0) * (ow > 2 ? 1 : -2);
  if (registers > 12) cost += 0.08 * (registers - 12);
  cost *= config.Int("order") == (ic > 3 ? 1 : 2) ? 1.0 : 1.2;
  return Timing{{cost * 1e-3}};
}

inline Trial LandscapeTrial(const ConfigSpace& space, uint64_t index) {
  const Config config = space.At(index);
  return {config, index, LandscapeOutcome(config)};
}

}  // namespace tilewright
