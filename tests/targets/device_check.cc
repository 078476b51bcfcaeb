#include "tests/targets/device_check.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <memory>

#include "absl/strings/str_cat.h"
#include "compiler/driver/compile_task.h"
#include "compiler/driver/device_task.h"
#include "compiler/driver/host_task.h"
#include "compiler/operators/workload_rules.h"
#include "runtime/device/device.h"

namespace tilewright {

std::vector<Tensor> SeededArguments(const Workload& workload, uint64_t seed) {
  std::vector<Tensor> args;
  Rng rng(seed);
  for (const TensorType& type : ArgumentTypes(workload)) {
    args.emplace_back(type);
    for (int64_t i = 0; i < args.back().size(); ++i) {
      const double value = rng.Uniform(-1, 1);
      args.back().Set(i, IsFloat(type.dtype) ? value : std::round(9 * value));
    }
  }
  return args;
}

Tensor ExpectedOutput(const Workload& workload, const std::vector<Tensor>& args) {
  const CompiledTask reference = CompileReference(workload, Target{}).value();
  HostTask host = HostTask::Load(reference).value();
  std::vector<Tensor> copies = args;
  copies.back() = Tensor(args.back().type());
  host.Run(copies);
  return copies.back();
}

double ErrorOf(const Tensor& got, const Tensor& want) {
  double error = 0, scale = 0;
  for (int64_t i = 0; i < want.size(); ++i) {
    scale = std::max(scale, std::fabs(want.AsDouble(i)));
    const double difference = std::fabs(got.AsDouble(i) - want.AsDouble(i));
    error = std::max(error, std::isfinite(difference) ? difference : HUGE_VAL);
  }
  return scale > 0 ? error / scale : error;
}

void CheckConfig(const std::string& device, const Task& task, const Config& config, uint64_t seed) {
  SCOPED_TRACE(absl::StrCat(task.template_name, " ", task.workload.Key(), " ",
                            EntitiesToJson(config), " ", device, " seed ", seed));
  const std::unique_ptr<runtime::Device> opened = runtime::OpenDevice(device);
  const std::vector<Tensor> args = SeededArguments(task.workload, seed);
  const auto compiled = CompileTask(task, config);
  ASSERT_TRUE(compiled.ok()) << compiled.status();
  auto loaded = DeviceTask::Load(*compiled, ArgumentTypes(task.workload), *opened);
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  const absl::StatusOr<Tensor> got = loaded->Run(args);
  ASSERT_TRUE(got.ok()) << got.status();
  EXPECT_LE(ErrorOf(*got, ExpectedOutput(task.workload, args)), compiled->tolerance);
}

void CheckTemplates(const std::string& device, const Target& target, const Workload& workload,
                    uint64_t seed, int samples) {
  Rng rng(seed);
  for (const TemplateEntry& entry : MatchingTemplates(workload, target)) {
    const Task task{workload, entry.name, target};
    CheckConfig(device, task, entry.impl->Default(workload, target), seed);
    const ConfigSpace space = entry.impl->Space(workload, target);
    for (int i = 0; i < samples; ++i) {
      CheckConfig(device, task, space.At(space.Sample(rng).value()), seed);
    }
  }
}

}  // namespace tilewright
