// bench-gpu-builds: compiles random valid configs of each template by NVRTC, without a GPU: errors,
// spilling kernels, registers and builds a second. Exit code 1 when one does not compile or more
// than --most-spills percent of all spill; 4 where NVRTC is missing or does not know an
// architecture.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <map>
#include <mutex>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/status_macros.h"
#include "bench/gpu_layers.h"
#include "compiler/driver/compile_task.h"
#include "runtime/device/nvrtc.h"

namespace tilewright {
namespace {

struct Options {
  std::string archs = "sm_75,sm_80,sm_86,sm_90,sm_100,sm_120";
  std::vector<std::string> templates;
  int samples = 400;
  int threads = 2;
  uint64_t seed = 1;
  double most_spills = 2;
  bool tell = false;
};

struct Sample {
  const SampledTemplate* of;
  Target target;
  size_t layer;
  uint64_t seed;
};

struct Build {
  int registers = 0, spilled_bytes = 0;
  double seconds = 0;
  std::string what;
};

struct Row {
  std::vector<Build> builds;
  std::vector<std::string> errors;
};

absl::StatusOr<Build> BuildSample(const Sample& sample) {
  const Template& schedule = *sample.of->entry.impl;
  const Workload& workload = sample.of->layers[sample.layer];
  const ConfigSpace space = schedule.Space(workload, sample.target);
  Rng rng(sample.seed);
  const std::optional<uint64_t> index = space.Sample(rng);
  if (!index) return absl::NotFoundError(absl::StrCat("no valid config of ", workload.Key()));
  const Config config = space.At(*index);
  const auto start = std::chrono::steady_clock::now();
  const Task task{workload, sample.of->entry.name, sample.target};
  const std::string what =
      absl::StrCat(workload.Key(), " ", EntitiesToJson(config), " for ", sample.target.mcpu);
  const absl::StatusOr<CompiledTask> built = CompileTask(task, config);
  if (!built.ok()) {
    return absl::Status(built.status().code(),
                        absl::StrCat(what, ": ", std::string(built.status().message())));
  }
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  return Build{built->registers, built->spilled_bytes, seconds.count(), what};
}

class Builds {
 public:
  void Run(const std::vector<Sample>& samples, int threads) {
    std::atomic<size_t> next = 0;
    const auto work = [&] {
      for (size_t i; (i = next++) < samples.size();) Add(samples[i], BuildSample(samples[i]));
    };
    const auto start = std::chrono::steady_clock::now();
    std::vector<std::thread> others;
    for (int i = 1; i < threads; ++i) others.emplace_back(work);
    work();
    for (std::thread& other : others) other.join();
    seconds_ = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }

  // Percent of all builds that spill.
  double Print() const {
    std::printf(
        "| template | configs | errors | spill %% | registers (median) | s a build |\n"
        "|---|---|---|---|---|---|\n");
    Row all;
    for (const auto& [name, row] : rows_) {
      PrintRow(name, row);
      all.builds.insert(all.builds.end(), row.builds.begin(), row.builds.end());
      all.errors.insert(all.errors.end(), row.errors.begin(), row.errors.end());
    }
    PrintRow("all", all);
    const auto count = static_cast<double>(all.builds.size());
    std::printf("\n%.1f builds a second, %.1f a second of processor time\n", count / seconds_,
                count * CLOCKS_PER_SEC / static_cast<double>(std::clock()));
    for (const std::string& error : all.errors) std::fprintf(stderr, "%s\n", error.c_str());
    return SpillPercent(all);
  }

  // Every spilling config, a line each.
  void TellSpills() const {
    for (const auto& [name, row] : rows_) {
      for (const Build& build : row.builds) {
        if (build.spilled_bytes == 0) continue;
        std::printf("%s: %d bytes: %s\n", name.c_str(), build.spilled_bytes, build.what.c_str());
      }
    }
  }

  bool failed() const {
    return std::any_of(rows_.begin(), rows_.end(),
                       [](const auto& row) { return !row.second.errors.empty(); });
  }

 private:
  void Add(const Sample& sample, const absl::StatusOr<Build>& build) {
    const std::lock_guard lock(mutex_);
    Row& row = rows_[sample.of->entry.name];
    if (build.ok()) {
      row.builds.push_back(*build);
    } else {
      row.errors.push_back(absl::StrCat(sample.of->entry.name, ": ", build.status().message()));
    }
  }

  static double SpillPercent(const Row& row) {
    const auto spilling = std::count_if(row.builds.begin(), row.builds.end(),
                                        [](const Build& build) { return build.spilled_bytes > 0; });
    return row.builds.empty()
               ? 0
               : 100.0 * static_cast<double>(spilling) / static_cast<double>(row.builds.size());
  }

  static void PrintRow(const std::string& name, const Row& row) {
    std::vector<int> registers;
    double seconds = 0;
    for (const Build& build : row.builds) {
      registers.push_back(build.registers);
      seconds += build.seconds;
    }
    std::sort(registers.begin(), registers.end());
    const size_t count = registers.size();
    std::printf("| %s | %zu | %zu | %.1f | %d | %.3f |\n", name.c_str(), count + row.errors.size(),
                row.errors.size(), SpillPercent(row), count == 0 ? 0 : registers[count / 2],
                count == 0 ? 0 : seconds / static_cast<double>(count));
  }

  std::mutex mutex_;
  std::map<std::string, Row> rows_;
  double seconds_ = 0;
};

// Of every template and architecture in turn, so that a run that is cut short has some of each.
absl::StatusOr<int> Main(const Options& options) {
  TW_ASSIGN_OR_RETURN(const TargetBackend* cuda, FindTarget("cuda"));
  std::vector<std::pair<Target, std::vector<SampledTemplate>>> templates;
  for (const std::string& arch : std::vector<std::string>(absl::StrSplit(options.archs, ','))) {
    const Target target{.kind = "cuda", .mcpu = arch};
    TW_RETURN_IF_ERROR(cuda->CompileLibrary({}, target, {}).status());
    TW_ASSIGN_OR_RETURN(std::vector<SampledTemplate> sampled,
                        SampledTemplates(target, options.templates));
    templates.emplace_back(target, std::move(sampled));
  }
  std::vector<Sample> samples;
  for (int i = 0; i < options.samples; ++i) {
    for (const auto& [target, sampled] : templates) {
      for (const SampledTemplate& one : sampled) {
        samples.push_back({&one, target, static_cast<size_t>(i) % one.layers.size(),
                           options.seed + samples.size()});
      }
    }
  }
  Builds builds;
  builds.Run(samples, options.threads);
  const double spills = builds.Print();
  if (options.tell) builds.TellSpills();
  return builds.failed() || spills > options.most_spills ? 1 : 0;
}

}  // namespace
}  // namespace tilewright

int main(int argc, char** argv) {
  tilewright::Options options;
  CLI::App app("compiles random configs of the GPU templates by NVRTC");
  app.add_option("--arch", options.archs, "architectures, sm_75,sm_90");
  app.add_option("--template", options.templates, "only these; default: all");
  app.add_option("--samples", options.samples, "configs a template and architecture");
  app.add_option("--threads", options.threads, "that build at once")->check(CLI::Range(1, 256));
  app.add_option("--seed", options.seed, "of the configs");
  app.add_flag("--tell", options.tell, "prints the configs that spill");
  app.add_option("--most-spills", options.most_spills, "percent of all that may spill");
  CLI11_PARSE(app, argc, argv);
  const absl::StatusOr<int> code = tilewright::Main(options);
  if (code.ok()) return *code;
  std::fprintf(stderr, "%s\n", std::string(code.status().message()).c_str());
  return absl::IsUnavailable(code.status()) ? 4 : 2;
}
