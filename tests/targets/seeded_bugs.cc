#include "tests/targets/seeded_bugs.h"

#include <gtest/gtest.h>

#include <memory>

#include "absl/strings/str_replace.h"
#include "compiler/core/relative_error.h"
#include "compiler/driver/plain_run.h"
#include "compiler/loop/threads.h"
#include "compiler/operators/workload_rules.h"
#include "compiler/targets/support/gpu_text.h"
#include "compiler/templates/template.h"
#include "runtime/device/emulator_device.h"
#include "runtime/device/host_compiler.h"
#include "runtime/error.h"

namespace tilewright {
namespace {

std::vector<LoweredStep> AllSteps(const Subject& subject) {
  std::vector<LoweredStep> steps = subject.task.prepare;
  steps.insert(steps.end(), subject.task.steps.begin(), subject.task.steps.end());
  return steps;
}

// Memory on the device, by the operands' numbers.
class Operands {
 public:
  Operands(runtime::Device& device, const Subject& subject) {
    for (const Tensor& arg : subject.args) {
      const auto bytes = static_cast<size_t>(arg.bytes());
      buffers_.push_back(device.Allocate(bytes));
      const bool output = buffers_.size() == subject.args.size();
      if (!output) device.Upload(*buffers_.back(), arg.data(), bytes);
    }
    output_ = buffers_.back().get();
    for (const TensorType& type : subject.task.buffers) {
      buffers_.push_back(device.Allocate(static_cast<size_t>(NumBytes(type))));
    }
  }
  std::vector<runtime::DeviceBuffer*> Of(const LoweredStep& step) const {
    std::vector<runtime::DeviceBuffer*> all;
    for (const int operand : step.operands) {
      all.push_back(buffers_[static_cast<size_t>(operand)].get());
    }
    return all;
  }
  runtime::DeviceBuffer& output() const { return *output_; }

 private:
  std::vector<std::unique_ptr<runtime::DeviceBuffer>> buffers_;
  runtime::DeviceBuffer* output_ = nullptr;
};

}  // namespace

Subject SubjectOf(const char* key, const char* name, const char* target, const char* entities) {
  Subject subject{.workload = ParseWorkload(key).value()};
  const Target resolved = ParseTarget(target).value();
  const Config config = ParseEntitiesJson(entities).value();
  const Template& impl = *FindTemplate(name).value();
  subject.task = impl.Lower(subject.workload, resolved, config).value();
  subject.args = SeededArguments(subject.workload, kBugSeed);
  subject.want = RunPlain(subject.workload, subject.args).value();
  return subject;
}

std::string TextOf(const Subject& subject) {
  std::vector<Program> programs;
  for (const LoweredStep& step : AllSteps(subject)) programs.push_back(step.program);
  return ModuleText(programs, *runtime::FindDeviceKind("emu"));
}

std::string FindingsOn(runtime::Device& device, const Subject& subject, const std::string& text) {
  const Operands operands(device, subject);
  const auto module = device.Load(runtime::CompileOnHost(text));
  try {
    for (const LoweredStep& step : AllSteps(subject)) {
      const auto kernel = module->Find(step.program.name);
      const Launch launch = LaunchOf(step.program);
      device.Launch(*kernel, operands.Of(step), launch.grid, launch.block);
    }
  } catch (const runtime::Error& error) {
    return error.what();
  }
  Tensor got(subject.want.type());
  device.Download(got.data(), operands.output(), static_cast<size_t>(got.bytes()));
  return RelativeError(got, subject.want) <= kClose ? "" : kWrong;
}

std::string Findings(const Subject& subject, const std::string& text) {
  return FindingsOn(*runtime::OpenEmulator(kBugSeed), subject, text);
}

std::string WithBug(std::string text, const SeededBug& bug) {
  const size_t at = text.find(bug.find);
  if (at == text.npos) {
    ADD_FAILURE() << bug.find << " is not in\n" << text;
    return "";
  }
  return text.replace(at, std::string(bug.find).size(), bug.replace);
}

std::string NameOf(const SeededBug& bug) {
  return absl::StrReplaceAll(bug.name, {{" ", "_"}, {",", ""}});
}

}  // namespace tilewright
