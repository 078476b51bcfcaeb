// One point of a search space, readable by eye: {tile_oc: [-1,2], unroll_kw: true}. Values;
// they know nothing of their space (compiler/schedule/config_space.h).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"

namespace tilewright {

// The four entity kinds of AutoTVM's log format 0.2 (apache/tvm v0.18 record.py).
struct SplitEntity {  // "sp": sizes outer to inner; first may be -1 = the rest
  std::vector<int64_t> sizes;
  friend bool operator==(const SplitEntity&, const SplitEntity&) = default;
};
struct ReorderEntity {  // "re": a permutation
  std::vector<int64_t> order;
  friend bool operator==(const ReorderEntity&, const ReorderEntity&) = default;
};
struct AnnotateEntity {  // "an": one annotation per axis: none, vec, unroll, ...
  std::vector<std::string> annotations;
  friend bool operator==(const AnnotateEntity&, const AnnotateEntity&) = default;
};
// "ot": any scalar.
using OtherEntity = std::variant<int64_t, bool, std::string>;

using Entity = std::variant<SplitEntity, ReorderEntity, AnnotateEntity, OtherEntity>;

struct Config {
  // In the space's definition order.
  std::vector<std::pair<std::string, Entity>> entities;

  // Typed look-ups. REQUIRES: the knob exists with that kind (our templates read only knobs they
  // defined; configs from outside are made canonical by ConfigSpace::Canonical first).
  const std::vector<int64_t>& Split(std::string_view knob) const;
  int64_t Inner(std::string_view knob) const;  // last size of a split
  int64_t Int(std::string_view knob) const;
  bool Bool(std::string_view knob) const;
  const std::string& Str(std::string_view knob) const;

  friend bool operator==(const Config&, const Config&) = default;
};

// AutoTVM's entity list as JSON text: [["tile_oc","sp",[-1,2]],["unroll_kw","ot",true]].
std::string EntitiesToJson(const Config& config);
// InvalidArgument on anything else, with what was found. Bounded: at most 256 knobs.
absl::StatusOr<Config> ParseEntitiesJson(std::string_view json);

}  // namespace tilewright
