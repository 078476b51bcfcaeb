// bench-conv-layers [--target TEXT] [--template NAME] [--search N | --search neighbours]
//                   [--layer I] [--workload KEY]
// Every convolution of ResNet-50 that the template takes (or the one given) with its default
// config, and with the best of N sampled configs, or of those that differ from the default in one
// knob, as a share of the FMA peak that the target's vectors have, measured in the same run; work
// is counted as direct summation's. One thread, weights not hot.
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "base/rng.h"
#include "bench/kernel_timer.h"
#include "bench/resnet50_layers.h"
#include "compiler/operators/workload_rules.h"
#include "compiler/targets/target_backend.h"
#include "compiler/templates/template.h"
#include "worker/machine/peaks.h"

namespace tilewright {
namespace {

struct Args {
  std::string target = "cpu";
  std::string name = "conv2d_nchwc.cpu";
  std::string workload;
  std::string search;
  int layer = -1;
};

double TimeConfig(const Task& task, const Config& config, double budget) {
  const absl::StatusOr<CompiledTask> library = CompileTask(task, config);
  if (!library.ok()) {
    std::fprintf(stderr, "%s\n", library.status().ToString().c_str());
    return 0;
  }
  const auto timer = KernelTimer::Make(task.workload, *library);
  return timer.ok() ? (*timer)->MedianSeconds(budget) : 0;
}

struct Found {
  double seconds = 0;
  Config config;
};

std::vector<uint64_t> Candidates(const ConfigSpace& space, const Config& start,
                                 const std::string& search) {
  if (search == "neighbours") return space.Neighbors(space.IndexOf(start).value());
  std::vector<uint64_t> sampled;
  Rng rng(1);
  for (int i = 0; i < std::atoi(search.c_str()); ++i) {
    if (const std::optional<uint64_t> index = space.Sample(rng)) sampled.push_back(*index);
  }
  return sampled;
}

Found Search(const Task& task, const Template& impl, const std::string& search) {
  const ConfigSpace space = impl.Space(task.workload, task.target);
  const Config start = impl.Default(task.workload, task.target);
  Found best;
  for (const uint64_t index : Candidates(space, start, search)) {
    const Config config = space.At(index);
    const double seconds = TimeConfig(task, config, 0.01);
    if (seconds > 0 && (best.seconds == 0 || seconds < best.seconds)) best = {seconds, config};
  }
  if (best.seconds > 0) best.seconds = TimeConfig(task, best.config, 0.1);
  return best;
}

VectorKind VectorsOf(const Target& target) {
  switch (TraitsOf(target).vector_bits) {
    case 512: return VectorKind::kAvx512;
    case 256: return VectorKind::kAvx2;
    default: return VectorKind::kSse;
  }
}

int Main(const Args& args) {
  const Target target = ResolveTarget(ParseTarget(args.target).value()).value();
  const Template& impl = *FindTemplate(args.name).value();
  std::vector<Layer> layers = Resnet50Layers(VectorLanes(target));
  if (!args.workload.empty()) layers = {{ParseWorkload(args.workload).value(), 1}};
  double log_default = 0, log_best = 0, total_default = 0, total_best = 0, count = 0;
  for (size_t i = 0; i < layers.size(); ++i) {
    if (args.layer >= 0 && args.layer != static_cast<int>(i)) continue;
    if (!impl.Matches(layers[i].workload, target)) continue;
    const Task task{layers[i].workload, args.name, target};
    const double peak = MeasureFmaPeakGflops(VectorsOf(target)) * 1e9;
    const double share = Flops(layers[i].workload) / peak;
    const Config config = impl.Default(task.workload, target);
    const double untuned = TimeConfig(task, config, 0.1);
    std::printf("%2zu x%d %8.1f us %5.1f %% %s", i, layers[i].count, untuned * 1e6,
                100 * share / untuned, EntitiesToJson(config).c_str());
    if (!args.search.empty()) {
      const Found best = Search(task, impl, args.search);
      std::printf("\n      best %8.1f us %5.1f %% %s", best.seconds * 1e6,
                  100 * share / best.seconds, EntitiesToJson(best.config).c_str());
      log_best += layers[i].count * std::log(share / best.seconds);
      total_best += layers[i].count * best.seconds;
    }
    std::printf("  %s\n", task.workload.Key().c_str());
    std::fflush(stdout);
    log_default += layers[i].count * std::log(share / untuned);
    total_default += layers[i].count * untuned;
    count += layers[i].count;
  }
  std::printf("default: geomean %.1f %% of peak, sum %.3f ms\n",
              100 * std::exp(log_default / count), total_default * 1e3);
  if (!args.search.empty()) {
    std::printf("best:    geomean %.1f %% of peak, sum %.3f ms\n", 100 * std::exp(log_best / count),
                total_best * 1e3);
  }
  return 0;
}

}  // namespace
}  // namespace tilewright

int main(int argc, char** argv) {
  tilewright::Args args;
  for (int i = 1; i + 1 < argc; i += 2) {
    if (std::strcmp(argv[i], "--target") == 0) args.target = argv[i + 1];
    if (std::strcmp(argv[i], "--template") == 0) args.name = argv[i + 1];
    if (std::strcmp(argv[i], "--workload") == 0) args.workload = argv[i + 1];
    if (std::strcmp(argv[i], "--search") == 0) args.search = argv[i + 1];
    if (std::strcmp(argv[i], "--layer") == 0) args.layer = std::atoi(argv[i + 1]);
  }
  return tilewright::Main(args);
}
