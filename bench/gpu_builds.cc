// bench-gpu-builds: compiles random valid configs of each template by NVRTC, without a GPU: errors,
// spilling kernels, registers and builds a second. --log keeps every build as a line of JSON, and a
// run that finds some there goes on behind them. Exit code 1 when one does not compile or more than
// --most-spills percent of all spill; 4 where NVRTC is missing or does not know an architecture.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <set>
#include <thread>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/status_macros.h"
#include "bench/gpu_layers.h"
#include "compiler/core/gpu_traits.h"
#include "compiler/driver/compile_task.h"
#include "runtime/device/nvrtc.h"

namespace tilewright {
namespace {

constexpr int kMostSamples = 1000;

struct Options {
  std::string archs = "sm_75,sm_80,sm_86,sm_90,sm_100,sm_120";
  std::vector<std::string> templates;
  int samples = 400;
  int threads = 2;
  uint64_t seed = 1;
  double most_spills = 2;
  double seconds = 1e9;
  std::string log;
};

struct Sample {
  const SampledTemplate* of;
  Target target;
  size_t layer;
  uint64_t seed;
};

// Of one sample, as a line of the log says it.
struct Build {
  std::string name, arch, workload, config;
  uint64_t seed = 0;
  std::string error;  // empty: it compiles
  int registers = 0, spilled_bytes = 0;
  double seconds = 0;
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Build, name, arch, seed, workload, config, error, registers,
                                   spilled_bytes, seconds)

struct Row {
  std::vector<Build> builds;  // without an error
  int errors = 0;
};

Build BuildSample(const Sample& sample) {
  const Template& schedule = *sample.of->entry.impl;
  const Workload& workload = sample.of->layers[sample.layer];
  Build build{.name = sample.of->entry.name,
              .arch = sample.target.mcpu,
              .workload = workload.Key(),
              .seed = sample.seed};
  const ConfigSpace space = schedule.Space(workload, sample.target);
  Rng rng(sample.seed);
  const std::optional<uint64_t> index = space.Sample(rng);
  if (!index) {
    build.error = "no valid config";
    return build;
  }
  const Config config = space.At(*index);
  build.config = EntitiesToJson(config);
  const auto start = std::chrono::steady_clock::now();
  const absl::StatusOr<CompiledTask> built =
      CompileTask({workload, sample.of->entry.name, sample.target}, config);
  build.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  if (built.ok()) {
    build.registers = built->registers;
    build.spilled_bytes = built->spilled_bytes;
  } else {
    build.error = std::string(built.status().message());
  }
  return build;
}

class Builds {
 public:
  // Takes what a log holds, if there is one, and appends to it.
  explicit Builds(const std::string& log) {
    if (log.empty()) return;
    std::ifstream in(log);
    for (std::string line; std::getline(in, line);) {
      const auto json = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
      if (!json.is_discarded()) Count(json.get<Build>());  // else cut short
    }
    log_.open(log, std::ios::app);
  }

  // Builds those that the log does not have, until the time is over.
  void Run(const std::vector<Sample>& samples, const Options& options) {
    std::vector<const Sample*> left;
    for (const Sample& sample : samples) {
      if (!known_.contains({sample.of->entry.name, sample.target.mcpu, sample.seed})) {
        left.push_back(&sample);
      }
    }
    std::atomic<size_t> next = 0;
    const auto work = [&] {
      for (size_t i; (i = next++) < left.size() && Spent() < options.seconds;) {
        Add(BuildSample(*left[i]));
      }
    };
    start_ = std::chrono::steady_clock::now();
    std::vector<std::thread> others;
    for (int i = 1; i < options.threads; ++i) others.emplace_back(work);
    work();
    for (std::thread& other : others) other.join();
    seconds_ = Spent();
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
      all.errors += row.errors;
    }
    PrintRow("all", all);
    std::printf("\n%.1f builds a second, %.1f a second of processor time\n", built_ / seconds_,
                built_ * CLOCKS_PER_SEC / static_cast<double>(std::clock()));
    return SpillPercent(all);
  }

  bool failed() const {
    return std::any_of(rows_.begin(), rows_.end(),
                       [](const auto& row) { return row.second.errors > 0; });
  }

 private:
  void Add(const Build& build) {
    const std::lock_guard lock(mutex_);
    ++built_;
    if (log_.is_open()) log_ << nlohmann::json(build) << std::endl;
    Count(build);
  }

  void Count(const Build& build) {
    known_.insert({build.name, build.arch, build.seed});
    Row& row = rows_[build.name];
    if (build.error.empty()) {
      row.builds.push_back(build);
    } else {
      ++row.errors;
      std::fprintf(stderr, "%s: %s %s for %s: %s\n", build.name.c_str(), build.workload.c_str(),
                   build.config.c_str(), build.arch.c_str(), build.error.c_str());
    }
  }

  double Spent() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
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
    std::printf("| %s | %zu | %d | %.1f | %d | %.3f |\n", name.c_str(),
                count + static_cast<size_t>(row.errors), row.errors, SpillPercent(row),
                count == 0 ? 0 : registers[count / 2],
                count == 0 ? 0 : seconds / static_cast<double>(count));
  }

  std::mutex mutex_;
  std::ofstream log_;
  std::set<std::tuple<std::string, std::string, uint64_t>> known_;
  std::map<std::string, Row> rows_;
  std::chrono::steady_clock::time_point start_;
  double built_ = 0, seconds_ = 0;  // of this run
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
        const auto seed =
            options.seed + static_cast<uint64_t>(kMostSamples * ArchitectureNumber(target) + i);
        samples.push_back({&one, target, static_cast<size_t>(i) % one.layers.size(), seed});
      }
    }
  }
  Builds builds(options.log);
  builds.Run(samples, options);
  const double spills = builds.Print();
  return builds.failed() || spills > options.most_spills ? 1 : 0;
}

}  // namespace
}  // namespace tilewright

int main(int argc, char** argv) {
  tilewright::Options options;
  CLI::App app("compiles random configs of the GPU templates by NVRTC");
  app.add_option("--arch", options.archs, "architectures, sm_75,sm_90");
  app.add_option("--template", options.templates, "only these; default: all");
  app.add_option("--samples", options.samples, "configs a template and architecture")
      ->check(CLI::Range(1, tilewright::kMostSamples));
  app.add_option("--threads", options.threads, "that build at once")->check(CLI::Range(1, 256));
  app.add_option("--seed", options.seed, "of the configs");
  app.add_option("--log", options.log, "keeps every build, a line each, and goes on behind them");
  app.add_option("--seconds", options.seconds, "after them no further build begins");
  app.add_option("--most-spills", options.most_spills, "percent of all that may spill");
  CLI11_PARSE(app, argc, argv);
  const absl::StatusOr<int> code = tilewright::Main(options);
  if (code.ok()) return *code;
  std::fprintf(stderr, "%s\n", std::string(code.status().message()).c_str());
  return absl::IsUnavailable(code.status()) ? 4 : 2;
}
