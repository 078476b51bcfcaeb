#include <map>

#include "compiler/graph/pipeline.h"

namespace tilewright {

std::vector<ExtractedWorkload> ExtractWorkloads(const Graph& graph) {
  std::vector<ExtractedWorkload> extracted;
  std::map<std::string, size_t> by_key;
  for (const Node& node : graph.nodes) {
    if (!node.workload) continue;
    const auto [at, fresh] = by_key.emplace(node.workload->Key(), extracted.size());
    if (fresh) extracted.push_back({.workload = *node.workload});
    ExtractedWorkload& entry = extracted[at->second];
    ++entry.count;
    entry.nodes.push_back(node.name);
  }
  return extracted;
}

}  // namespace tilewright
