#include "worker/agent/canary.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "compiler/operators/workload_rules.h"
#include "worker/process/prepared_kernel.h"
#include "worker/process/run_kernel.h"
#include "worker/runner/inputs.h"

namespace tilewright {
namespace {

// Some milliseconds of the plain definition: far above the clock's resolution.
constexpr int64_t kRows = 8, kColumns = 256, kDepth = 256;
constexpr uint64_t kSeed = 20'26;
constexpr double kBuildSeconds = 60, kRunSeconds = 20, kSamplingSeconds = 0.05;
// Of double sums rounded once against float sums in order.
constexpr double kTolerance = 1e-5;
constexpr uint32_t kMinSamples = 5, kMaxSamples = 50;

// Files of no other canary of this process.
std::string NewStem(const std::string& folder) {
  static std::atomic<int> next = 0;
  return absl::StrCat(folder, "/canary-", next++);
}

Task CanaryTask() {
  const std::string key = absl::StrCat("dense(float32[", kRows, ",", kDepth, "],float32[", kColumns,
                                       ",", kDepth, "];,NK,)");
  return {.workload = ParseWorkload(key).value()};
}

std::vector<float> Input(const RunArgument& argument, uint64_t number) {
  std::vector<float> values(ElementsOf(argument));
  FillInput(values.data(), argument, kSeed + number);
  return values;
}

// The definition of dense, by this process's own compiler.
std::vector<float> Expected() {
  const std::vector<RunArgument> arguments = RunArguments(CanaryTask().workload);
  const std::vector<float> data = Input(arguments[0], 0);
  const std::vector<float> weight = Input(arguments[1], 1);
  std::vector<float> out;
  for (int64_t m = 0; m < kRows; ++m) {
    for (int64_t n = 0; n < kColumns; ++n) {
      double sum = 0;
      for (int64_t k = 0; k < kDepth; ++k) sum += data[m * kDepth + k] * weight[n * kDepth + k];
      out.push_back(static_cast<float>(sum));
    }
  }
  return out;
}

// worker/canary/kernel.cc.
BuiltKernel Prebuilt(const std::string& library) {
  const KernelCall call{.symbol = "tilewright_canary", .extent = kRows, .operands = {0, 1, 2}};
  return {library, {.calls = {call}, .tolerance = kTolerance}};
}

}  // namespace

Canary::Canary(CanarySetup setup)
    : setup_(std::move(setup)),
      stem_(NewStem(setup_.folder)),
      library_(stem_ + ".so"),
      expected_(stem_ + ".bin") {}

absl::StatusOr<std::unique_ptr<Canary>> Canary::Make(const CanarySetup& setup) {
  std::unique_ptr<Canary> canary(new Canary(setup));
  TW_RETURN_IF_ERROR(canary->Build());
  TW_RETURN_IF_ERROR(canary->WriteExpected());
  return canary;
}

absl::Status Canary::Build() {
  if (setup_.builder.empty()) {
    kernel_ = Prebuilt(setup_.prebuilt);
    return absl::OkStatus();
  }
  Builder builder({.path = setup_.builder,
                   .cores = setup_.builder_cores,
                   .folder = setup_.folder,
                   .interrupt = setup_.interrupt});
  TW_ASSIGN_OR_RETURN(host_target_, builder.HostTarget());
  Task task = CanaryTask();
  if (setup_.device) {
    TW_ASSIGN_OR_RETURN(task.target, ParseTarget(setup_.device->target()));
  }
  TW_ASSIGN_OR_RETURN(const BuildResult built,
                      builder.BuildReference(task, library_.path(), kBuildSeconds));
  if (const auto* failure = std::get_if<Failure>(&built)) {
    return absl::UnavailableError(
        absl::StrCat("the builder cannot build the test kernel: ", failure->message));
  }
  kernel_ = std::get<BuiltKernel>(built);
  return absl::OkStatus();
}

absl::Status Canary::WriteExpected() const {
  const std::vector<float> values = Expected();
  std::ofstream out(expected_.path(), std::ios::binary);
  out.write(reinterpret_cast<const char*>(values.data()),
            static_cast<std::streamsize>(values.size() * sizeof(float)));
  out.close();
  if (out) return absl::OkStatus();
  return absl::UnavailableError(
      absl::StrCat("cannot write ", expected_.path(), ": ", strerror(errno)));
}

absl::StatusOr<Outcome> Canary::RunOnce(const RunSpec& spec, std::string* lacking) const {
  if (setup_.device) return setup_.device->Run(spec, kRunSeconds, setup_.interrupt);
  PreparedKernel kernel(setup_.runner, spec, kRunSeconds, setup_.interrupt);
  if (lacking) *lacking = kernel.lacking();
  return kernel.Run({.limit_seconds = kRunSeconds});
}

absl::StatusOr<double> Canary::Run(const std::vector<int>& cores, std::string* lacking) const {
  RunSpec spec = SpecOf(kernel_, RunArguments(CanaryTask().workload));
  spec.seed = kSeed;
  spec.reference = expected_.path();
  spec.tolerance = kTolerance;
  spec.min_samples = kMinSamples;
  spec.max_samples = kMaxSamples;
  spec.sampling_seconds = kSamplingSeconds;
  spec.cpu_seconds = kRunSeconds + 1;
  spec.require_sandbox = setup_.require_sandbox;
  spec.cores = cores;
  spec.threads = std::max(1, static_cast<int>(cores.size()));
  TW_ASSIGN_OR_RETURN(const Outcome outcome, RunOnce(spec, lacking));
  if (const auto* failure = std::get_if<Failure>(&outcome)) {
    return absl::DataLossError(absl::StrCat("the test kernel failed: ", Sv(NameOf(failure->kind)),
                                            ": ", failure->message));
  }
  return MedianSeconds(outcome).value_or(0);
}

}  // namespace tilewright
