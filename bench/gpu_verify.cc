// bench-gpu-verify DEVICE: every template's kernels on a device, default and random configs,
// against the plain definition on this CPU. A line of JSON a config, begun before its kernels run:
// one that ends the process, or is ended by SIGALRM because it hangs, leaves the beginning. Exit
// code 1 when one is wrong or fails, 3 when one has left the device of no use to this process, 4
// when there is no such device. Another process with --skip goes on behind what is there.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/status_macros.h"
#include "bench/gpu_layers.h"
#include "compiler/core/relative_error.h"
#include "compiler/driver/compile_task.h"
#include "compiler/driver/device_task.h"
#include "compiler/driver/plain_run.h"
#include "compiler/operators/workload_rules.h"
#include "runtime/error.h"

namespace tilewright {
namespace {

struct Options {
  std::string device;
  std::vector<std::string> templates;
  int samples = 2;
  double seconds = 60;
  uint64_t seed = 1;
  int64_t skip = 0;
  unsigned hang_seconds = 60;
  bool list = false;
};

constexpr int kDeviceLost = 3;

// A layer's inputs and what is expected of them, once that is needed.
struct Case {
  const Workload& workload;
  std::vector<Tensor> args;
  std::optional<Tensor> want;
};

class Verifier {
 public:
  Verifier(const Options& options, runtime::Device& device, Target target)
      : options_(options), device_(device), target_(std::move(target)) {}

  // The exit code. Every template's first layer, then every one's second, ...: the time leaves out
  // layers, not templates.
  absl::StatusOr<int> Run() {
    TW_ASSIGN_OR_RETURN(const std::vector<SampledTemplate> templates,
                        SampledTemplates(target_, options_.templates));
    size_t most = 0;
    for (const SampledTemplate& one : templates) most = std::max(most, one.layers.size());
    for (size_t i = 0; i < most; ++i) {
      for (const SampledTemplate& one : templates) {
        if (i >= one.layers.size()) continue;
        if ((i > 0 && Spent() > options_.seconds) || lost_) return ExitCode();
        const Workload& workload = one.layers[i];
        Case layer{workload, SeededArguments(workload, options_.seed), std::nullopt};
        TW_RETURN_IF_ERROR(VerifyLayer(one.entry, layer));
      }
    }
    return ExitCode();
  }

 private:
  int ExitCode() const { return lost_ ? kDeviceLost : right_ ? 0 : 1; }

  absl::Status VerifyLayer(const TemplateEntry& entry, Case& layer) {
    const ConfigSpace space = entry.impl->Space(layer.workload, target_);
    Rng rng(options_.seed);
    for (int i = 0; i <= options_.samples && !lost_; ++i) {
      if (i > 0 && Spent() > options_.seconds) break;
      Config config = entry.impl->Default(layer.workload, target_);
      if (i > 0) {
        const std::optional<uint64_t> index = space.Sample(rng);
        if (!index) break;
        config = space.At(*index);
      }
      if (number_++ < options_.skip) continue;
      if (!layer.want) {
        TW_ASSIGN_OR_RETURN(layer.want, RunPlain(layer.workload, layer.args));
      }
      Begin(entry.name, layer, config);
      End(Check({layer.workload, entry.name, target_}, config, layer));
    }
    return absl::OkStatus();
  }

  absl::StatusOr<nlohmann::ordered_json> Check(const Task& task, const Config& config,
                                               const Case& layer) {
    TW_ASSIGN_OR_RETURN(const CompiledTask compiled, CompileTask(task, config));
    alarm(options_.hang_seconds);
    const absl::StatusOr<Tensor> got = RunOnDevice(compiled, task, layer);
    alarm(0);
    TW_RETURN_IF_ERROR(got.status());
    const double error = RelativeError(*got, *layer.want);
    return nlohmann::ordered_json{
        {"ok", error <= compiled.tolerance}, {"error", error}, {"tolerance", compiled.tolerance}};
  }

  absl::StatusOr<Tensor> RunOnDevice(const CompiledTask& compiled, const Task& task,
                                     const Case& layer) {
    absl::StatusOr<Tensor> got = [&]() -> absl::StatusOr<Tensor> {
      TW_ASSIGN_OR_RETURN(DeviceTask loaded,
                          DeviceTask::Load(compiled, ArgumentTypes(task.workload), device_));
      return loaded.Run(layer.args);
    }();
    lost_ = absl::IsUnavailable(got.status());
    return got;
  }

  // A line in two pieces.
  static void Begin(const std::string& name, const Case& layer, const Config& config) {
    std::string line = nlohmann::ordered_json{{"template", name},
                                              {"workload", layer.workload.Key()},
                                              {"config", EntitiesToJson(config)}}
                           .dump();
    line.pop_back();
    std::printf("%s", line.c_str());
    std::fflush(stdout);
  }

  void End(const absl::StatusOr<nlohmann::ordered_json>& checked) {
    nlohmann::ordered_json rest = {{"ok", false}};
    if (checked.ok()) {
      rest = *checked;
    } else {
      rest["message"] = std::string(checked.status().message());
    }
    right_ = right_ && rest["ok"].get<bool>();
    std::printf(",%s\n", rest.dump().substr(1).c_str());
    std::fflush(stdout);
  }

  double Spent() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }

  const Options& options_;
  runtime::Device& device_;
  const Target target_;
  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  int64_t number_ = 0;  // of the next config
  bool right_ = true, lost_ = false;
};

absl::StatusOr<int> Main(const Options& options) {
  const std::unique_ptr<runtime::Device> device = runtime::OpenDevice(options.device);
  const Target target{.kind = options.device.substr(0, options.device.find(':')),
                      .mcpu = device->info().arch};
  if (options.list) {
    TW_ASSIGN_OR_RETURN(const auto templates, SampledTemplates(target, {}));
    for (const SampledTemplate& one : templates) std::printf("%s\n", one.entry.name.c_str());
    return 0;
  }
  Verifier verifier(options, *device, target);
  return verifier.Run();
}

int Say(const std::string& message, int code) {
  std::fprintf(stderr, "%s\n", message.c_str());
  return code;
}

}  // namespace
}  // namespace tilewright

int main(int argc, char** argv) {
  using namespace tilewright;
  Options options;
  CLI::App app("verifies the GPU templates on a device against the plain definitions");
  app.add_option("device", options.device, "opencl:0, cuda:0")->required();
  app.add_option("--template", options.templates, "only these; default: all");
  app.add_option("--samples", options.samples, "random configs a layer, beside the default");
  app.add_option("--seconds", options.seconds, "after them only each template's first layer");
  app.add_option("--seed", options.seed, "of configs and inputs");
  app.add_option("--skip", options.skip, "configs that an earlier process has told of");
  app.add_option("--hang", options.hang_seconds, "seconds after which a config is taken to hang");
  app.add_flag("--list", options.list, "only prints the names of the templates that it takes");
  CLI11_PARSE(app, argc, argv);
  try {
    const absl::StatusOr<int> code = Main(options);
    if (code.ok()) return *code;
    return Say(std::string(code.status().message()), 2);
  } catch (const runtime::Error& error) {
    return Say(error.what(), error.code() == TW_UNAVAILABLE ? 4 : 1);
  }
}
