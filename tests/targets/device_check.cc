#include "tests/targets/device_check.h"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/rng.h"
#include "compiler/core/relative_error.h"
#include "compiler/driver/compile_task.h"
#include "compiler/driver/device_task.h"
#include "compiler/driver/plain_run.h"
#include "compiler/operators/workload_rules.h"
#include "runtime/device/device.h"

namespace tilewright {

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
  const absl::StatusOr<Tensor> want = RunPlain(task.workload, args);
  ASSERT_TRUE(want.ok()) << want.status();
  EXPECT_LE(RelativeError(*got, *want), compiled->tolerance);
}

void CheckTemplates(const std::string& device, const Target& target, const Workload& workload,
                    const DeviceSamples& samples) {
  const uint64_t seed = samples.seed;
  Rng rng(seed);
  for (const TemplateEntry& entry : MatchingTemplates(workload, target)) {
    const Task task{workload, entry.name, target};
    CheckConfig(device, task, entry.impl->Default(workload, target), seed);
    const ConfigSpace space = entry.impl->Space(workload, target);
    for (int i = 0; i < samples.count; ++i) {
      CheckConfig(device, task, space.At(space.Sample(rng).value()), seed);
    }
  }
}

}  // namespace tilewright
