#include "worker/machine/topology.h"

#include <hwloc.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

#include "absl/strings/str_cat.h"

namespace tilewright {
namespace {

struct Destroy {
  void operator()(hwloc_topology_t topology) const { hwloc_topology_destroy(topology); }
};
using Topology = std::unique_ptr<hwloc_topology, Destroy>;

absl::StatusOr<Topology> Load(const std::string& synthetic) {
  hwloc_topology_t raw = nullptr;
  if (hwloc_topology_init(&raw) != 0) {
    return absl::UnavailableError("hwloc cannot be initialised");
  }
  Topology topology(raw);
  // CPUs that a container may not use belong to cores all the same.
  hwloc_topology_set_flags(raw, HWLOC_TOPOLOGY_FLAG_INCLUDE_DISALLOWED);
  if (!synthetic.empty() && hwloc_topology_set_synthetic(raw, synthetic.c_str()) != 0) {
    return absl::UnavailableError(absl::StrCat("hwloc does not take \"", synthetic, "\""));
  }
  if (hwloc_topology_load(raw) != 0) {
    return absl::UnavailableError(
        absl::StrCat("hwloc cannot read this machine's cores: ", strerror(errno)));
  }
  return topology;
}

PhysicalCore FromObject(hwloc_const_cpuset_t cpus, hwloc_const_nodeset_t nodes,
                        const std::vector<int>& allowed) {
  PhysicalCore core;
  core.node = std::max(0, hwloc_bitmap_first(nodes));
  for (int cpu = hwloc_bitmap_first(cpus); cpu >= 0; cpu = hwloc_bitmap_next(cpus, cpu)) {
    if (std::binary_search(allowed.begin(), allowed.end(), cpu)) {
      core.cpus.push_back(cpu);
    } else {
      core.whole = false;
    }
  }
  return core;
}

}  // namespace

absl::StatusOr<std::vector<PhysicalCore>> ReadTopology(const std::vector<int>& allowed,
                                                       const std::string& synthetic) {
  const absl::StatusOr<Topology> topology = Load(synthetic);
  if (!topology.ok()) return topology.status();
  std::vector<PhysicalCore> cores;
  for (hwloc_obj_t object = nullptr;
       (object = hwloc_get_next_obj_by_type(topology->get(), HWLOC_OBJ_CORE, object));) {
    PhysicalCore core = FromObject(object->cpuset, object->nodeset, allowed);
    if (!core.cpus.empty()) cores.push_back(std::move(core));
  }
  if (!cores.empty()) return cores;
  for (const int cpu : allowed) cores.push_back({.cpus = {cpu}});
  return cores;
}

}  // namespace tilewright
