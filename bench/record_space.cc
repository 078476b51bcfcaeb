// bench-record-space KEY FILE: times every valid config of a convolution's space on this machine
// (one thread, weights not hot) and writes the space as a recorded one, for `tilewright replay`
// and for tests that must not depend on time.
#include <cstdio>
#include <fstream>
#include <unordered_map>

#include "bench/kernel_timer.h"
#include "compiler/operators/workload_rules.h"
#include "compiler/targets/target_backend.h"
#include "compiler/templates/template.h"
#include "tuner/replay/recorded_space.h"

namespace tilewright {
namespace {

constexpr double kBudgetSeconds = 0.01;

Outcome Measure(const Task& task, const Config& config) {
  const absl::StatusOr<CompiledTask> library = CompileTask(task, config);
  if (!library.ok()) return Failure{FailureKind::kBuild, std::string(library.status().message())};
  const auto timer = KernelTimer::Make(task.workload, *library);
  if (!timer.ok()) return Failure{FailureKind::kCrash, std::string(timer.status().message())};
  return Timing{{(*timer)->MedianSeconds(kBudgetSeconds)}};
}

int Main(const char* key, const char* path) {
  const absl::StatusOr<Workload> workload = ParseWorkload(key);
  if (!workload.ok()) {
    std::fprintf(stderr, "%s\n", workload.status().ToString().c_str());
    return 3;
  }
  const Target target = ResolveTarget(Target{}).value();
  const std::vector<TemplateEntry> templates = MatchingTemplates(*workload, target);
  if (templates.empty()) return 3;
  const Task task{*workload, templates.front().name, target};
  const ConfigSpace space = templates.front().impl->Space(*workload, target);
  const std::vector<uint64_t> valid = space.EnumerateValid().value();
  std::unordered_map<uint64_t, Outcome> outcomes;
  for (size_t i = 0; i < valid.size(); ++i) {
    outcomes[valid[i]] = Measure(task, space.At(valid[i]));
    if (i % 100 == 0) std::fprintf(stderr, "%zu of %zu\n", i, valid.size());
  }
  std::ofstream(path) << RecordedSpaceJson(KeyOf(task), Flops(*workload), space, outcomes);
  return 0;
}

}  // namespace
}  // namespace tilewright

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: bench-record-space WORKLOAD_KEY FILE.json\n");
    return 2;
  }
  return tilewright::Main(argv[1], argv[2]);
}
