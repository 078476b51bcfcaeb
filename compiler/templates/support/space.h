// Helpers for the templates' config spaces.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <vector>

#include "compiler/schedule/config_space.h"

namespace tilewright {

// Divisors of `extent` up to `limit`, ascending.
std::vector<int64_t> Divisors(int64_t extent, int64_t limit);

// Those of `values` that are at most `extent`, in their order.
std::vector<int64_t> UpTo(int64_t extent, std::initializer_list<int64_t> values);

// A scalar knob with integer candidates.
void DefineIntKnob(ConfigSpace& space, std::string name, const std::vector<int64_t>& candidates);

// OK when `config` is a valid point of `space`, else InvalidArgument (ConfigSpace::Canonical).
inline absl::Status CheckConfig(const ConfigSpace& space, const Config& config) {
  return space.Canonical(config).status();
}

// Builders of entities for defaults: [-1, inner] and scalars.
Entity InnerSplit(int64_t inner);
Entity Scalar(int64_t value);
Entity Flag(bool value);

}  // namespace tilewright
