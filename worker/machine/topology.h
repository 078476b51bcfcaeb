// Which logical CPUs share a physical core, by hwloc.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace tilewright {

struct PhysicalCore {
  std::vector<int> cpus;  // those this process may use, ascending; hyper-threads of one core
  // All of its CPUs are ours: nobody else's load shares its execution units.
  bool whole = true;
  int node = 0;  // whose memory is nearest; as the system numbers them
  friend bool operator==(const PhysicalCore&, const PhysicalCore&) = default;
};

// The cores with at least one of the `allowed` CPUs; neighbours share caches and memory.
// `synthetic` is hwloc's description of a machine ("pack:2 core:4 pu:2") to be read instead of this
// one, for tests. Where hwloc finds no cores, each CPU is one. Unavailable when hwloc fails.
absl::StatusOr<std::vector<PhysicalCore>> ReadTopology(const std::vector<int>& allowed,
                                                       const std::string& synthetic = "");

}  // namespace tilewright
