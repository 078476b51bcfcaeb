#include "worker/device_runner/timed_task.h"

#include <algorithm>
#include <chrono>

#include "runtime/error.h"
#include "worker/runner/inputs.h"
#include "worker/runner/output_check.h"

namespace tilewright {
namespace {

// On both sides of an operand, larger than what a tile that is off by one reaches.
constexpr size_t kZoneBytes = 64 << 10;
constexpr char kUnwritten = '\xff';  // as float32 and float16 NaN: what is read there shows
constexpr size_t kAlignment = runtime::kDeviceAlignment;

// Where the zone behind an operand of `bytes` is read from: a slice's start, of which the operand's
// last elements may be the beginning.
size_t EndOffset(size_t bytes) { return (kZoneBytes + bytes) / kAlignment * kAlignment; }

size_t BytesOf(const RunArgument& argument) {
  return static_cast<size_t>(ElementsOf(argument)) * SizeOf(argument.dtype);
}

}  // namespace

TimedTask::TimedTask(const RunSpec& spec, runtime::Device& device) : spec_(spec), device_(device) {
  for (size_t i = 0; i < spec.arguments.size(); ++i) {
    output_.resize(BytesOf(spec.arguments[i]));
    FillArgument(spec, i, output_.data());
    AddOperand(output_.size());
    device.Upload(*operands_.back().inside, output_.data(), output_.size());
  }
  got_.resize(output_.size());
  for (const RunBuffer& buffer : spec.buffers) AddOperand(static_cast<size_t>(buffer.bytes));
}

void TimedTask::AddOperand(size_t bytes) {
  const size_t all = kZoneBytes + bytes + kZoneBytes, end = EndOffset(bytes);
  Operand operand{.whole = device_.Allocate(all), .inside = {}, .end = {}, .bytes = bytes};
  operand.inside = device_.Slice(*operand.whole, kZoneBytes, std::max<size_t>(bytes, 1));
  operand.end = device_.Slice(*operand.whole, end, all - end);
  const std::vector<char> zone(all - end, kUnwritten);
  device_.Upload(*operand.whole, zone.data(), kZoneBytes);
  device_.Upload(*operand.end, zone.data(), zone.size());
  operands_.push_back(std::move(operand));
}

std::string TimedTask::WhatWasWrittenOutside() {
  const auto is_written = [](char byte) { return byte != kUnwritten; };
  for (size_t i = 0; i < operands_.size(); ++i) {
    const Operand& operand = operands_[i];
    const size_t end = EndOffset(operand.bytes);
    std::vector<char> before(kZoneBytes), after(2 * kZoneBytes + operand.bytes - end);
    device_.Download(before.data(), *operand.whole, before.size());
    device_.Download(after.data(), *operand.end, after.size());
    const auto zone = after.begin() + static_cast<ptrdiff_t>(kZoneBytes + operand.bytes - end);
    const bool is_before = std::any_of(before.begin(), before.end(), is_written);
    if (!is_before && std::none_of(zone, after.end(), is_written)) continue;
    return std::string("crash the kernel wrote ") + (is_before ? "before" : "behind") +
           " its operand " + std::to_string(i);
  }
  return "";
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
      one.operands.push_back(operands_[static_cast<size_t>(operand)].inside.get());
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
  runtime::DeviceBuffer& output = *operands_[spec_.arguments.size() - 1].inside;
  device_.Upload(output, output_.data(), output_.size());
  Run(calls_);
  device_.Download(got_.data(), output, got_.size());
  if (expected_.empty()) {
    std::string error = ReadReference(spec_, static_cast<int64_t>(got_.size()), &expected_);
    if (!error.empty()) return error;
  }
  std::string error = CompareOutput(spec_, got_.data(), expected_.data());
  return error.empty() ? WhatWasWrittenOutside() : error;
}

void TimedTask::StartEach() {
  for (const Call& call : calls_) {
    device_.Launch(*call.kernel, call.operands, {1, 1, 1}, call.planned->launch.block);
  }
  device_.Synchronize();
}

double TimedTask::Time(int times) {
  if (times != recorded_times_) {
    recorded_ = device_.Record([this, times] {
      for (int i = 0; i < times; ++i) Run(calls_);
    });
    recorded_times_ = times;
  }
  device_.Synchronize();
  const auto start = std::chrono::steady_clock::now();
  recorded_->Start();
  device_.Synchronize();
  const std::chrono::duration<double> whole = std::chrono::steady_clock::now() - start;
  return whole.count() / times;
}

}  // namespace tilewright
