// What an untuned GPU is given: for random shapes each template's default is a config of its space
// that every known model can start.
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "base/strings.h"
#include "compiler/loop/verify.h"
#include "compiler/templates/template.h"
#include "runtime/device/gpu_models.h"
#include "tests/targets/gpu_shapes.h"

namespace tilewright {
namespace {

constexpr int kShapes = 6;

void CheckDefaults(const Target& target, uint64_t seed) {
  GpuShapes shapes(seed, 64);
  for (int i = 0; i < kShapes; ++i) {
    const Workload workload = shapes.Next();
    const std::vector<TemplateEntry> matching = MatchingTemplates(workload, target);
    ASSERT_FALSE(matching.empty()) << workload.Key();
    for (const TemplateEntry& entry : matching) {
      SCOPED_TRACE(absl::StrCat(entry.name, " ", workload.Key(), " seed ", seed));
      const Config config = entry.impl->Default(workload, target);
      EXPECT_EQ(entry.impl->Space(workload, target).WhyInvalid(config), std::nullopt);
      const absl::StatusOr<LoweredTask> task = entry.impl->Lower(workload, target, config);
      ASSERT_TRUE(task.ok()) << task.status();
      for (const LoweredStep& step : task->steps) {
        EXPECT_TRUE(Verify(step.program).ok()) << Verify(step.program);
      }
    }
  }
}

TEST(GpuDefaults, AreValidOnEveryKnownModel) {
  uint64_t seed = 100;
  for (const runtime::GpuModel& model : runtime::kGpuModels) {
    const std::string target =
        absl::StrCat("cuda -model=", Sv(model.name), " -arch=", Sv(model.arch));
    CheckDefaults(ParseTarget(target).value(), ++seed);
    if (HasFatalFailure()) return;
  }
}

TEST(GpuDefaults, AreValidOnOpenCl) { CheckDefaults(ParseTarget("opencl").value(), 200); }

}  // namespace
}  // namespace tilewright
