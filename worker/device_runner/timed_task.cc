#include "worker/device_runner/timed_task.h"

#include <chrono>

#include "runtime/error.h"
#include "worker/runner/inputs.h"
#include "worker/runner/output_check.h"

namespace tilewright {
namespace {

size_t BytesOf(const RunArgument& argument) {
  return static_cast<size_t>(ElementsOf(argument)) * SizeOf(argument.dtype);
}

}  // namespace

TimedTask::TimedTask(const RunSpec& spec, runtime::Device& device) : spec_(spec), device_(device) {
  for (size_t i = 0; i < spec.arguments.size(); ++i) {
    output_.resize(BytesOf(spec.arguments[i]));
    FillArgument(spec, i, output_.data());
    operands_.push_back(device.Allocate(output_.size()));
    device.Upload(*operands_.back(), output_.data(), output_.size());
  }
  got_.resize(output_.size());
  for (const RunBuffer& buffer : spec.buffers) {
    operands_.push_back(device.Allocate(static_cast<size_t>(buffer.bytes)));
  }
}

void TimedTask::Load(const std::string& code) {
  module_ = device_.Load(code);
  calls_ = Bind(spec_.calls);
  Run(Bind(spec_.prepare));
  device_.Synchronize();
}

std::vector<TimedTask::Call> TimedTask::Bind(const std::vector<RunCall>& calls) {
  std::vector<Call> bound;
  for (const RunCall& call : calls) {
    Call one{.kernel = module_->Find(call.symbol), .operands = {}, .planned = &call};
    if (one.kernel == nullptr) throw runtime::BadPackage("there is no kernel " + call.symbol);
    for (const int operand : call.operands) {
      one.operands.push_back(operands_[static_cast<size_t>(operand)].get());
    }
    bound.push_back(std::move(one));
  }
  return bound;
}

void TimedTask::Run(const std::vector<Call>& calls) {
  for (const Call& call : calls) {
    device_.Launch(*call.kernel, call.operands, call.planned->launch.grid,
                   call.planned->launch.block);
  }
}

std::string TimedTask::Check() {
  runtime::DeviceBuffer& output = *operands_[spec_.arguments.size() - 1];
  device_.Upload(output, output_.data(), output_.size());
  Run(calls_);
  device_.Download(got_.data(), output, got_.size());
  if (expected_.empty()) {
    std::string error = ReadReference(spec_, static_cast<int64_t>(got_.size()), &expected_);
    if (!error.empty()) return error;
  }
  return CompareOutput(spec_, got_.data(), expected_.data());
}

double TimedTask::Time(int times) {
  device_.Synchronize();
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < times; ++i) Run(calls_);
  device_.Synchronize();
  const std::chrono::duration<double> whole = std::chrono::steady_clock::now() - start;
  return whole.count() / times;
}

}  // namespace tilewright
