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
// Of the memory, for copies; a run's share of them costs a recording.
constexpr int64_t kMostSets = 64, kMemoryShare = 8;

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
  sets_.emplace_back();
  for (const Operand& operand : operands_) sets_[0].push_back(operand.inside.get());
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
  Run(Bind(spec_.prepare), sets_[0]);
  device_.Synchronize();
}

std::vector<TimedTask::Call> TimedTask::Bind(const std::vector<RunCall>& calls) {
  std::vector<Call> bound;
  for (const RunCall& call : calls) {
    Call one{.kernel = module_->Find(call.symbol), .planned = &call};
    if (one.kernel == nullptr) throw runtime::BadPackage("there is no kernel " + call.symbol);
    bound.push_back(std::move(one));
  }
  return bound;
}

void TimedTask::Start(const Call& call, const OperandSet& operands,
                      const std::array<int64_t, 3>& grid) {
  OperandSet args;
  for (const int operand : call.planned->operands) {
    args.push_back(operands[static_cast<size_t>(operand)]);
  }
  device_.Launch(*call.kernel, args, grid, call.planned->launch.block);
}

void TimedTask::Run(const std::vector<Call>& calls, const OperandSet& operands) {
  for (const Call& call : calls) {
    Start(call, operands, call.planned->launch.grid);
  }
}

// Those that the timed calls have. Weights that are only read to prepare others are of no account.
std::vector<size_t> TimedTask::ColdOperands() const {
  std::vector<bool> used(operands_.size(), false);
  for (const RunCall& call : spec_.calls) {
    for (const int operand : call.operands) used[static_cast<size_t>(operand)] = true;
  }
  std::vector<size_t> cold;
  for (size_t i = 0; i < operands_.size(); ++i) {
    const bool argument = i < spec_.arguments.size();
    const bool is_cold =
        argument ? spec_.arguments[i].cold : spec_.buffers[i - spec_.arguments.size()].cold;
    if (used[i] && is_cold) cold.push_back(i);
  }
  return cold;
}

// Copies of what is cold, until all of it is twice the cache.
void TimedTask::MakeSets() {
  const std::vector<size_t> cold = ColdOperands();
  int64_t bytes = 0;
  for (const size_t i : cold) bytes += static_cast<int64_t>(operands_[i].bytes);
  if (bytes == 0) return;
  const runtime::DeviceInfo& info = device_.info();
  const int64_t whole = std::min(2 * info.cache_bytes, info.memory_bytes / kMemoryShare);
  const int64_t sets = std::min((whole + bytes - 1) / bytes, kMostSets);
  std::vector<char> content;
  for (int64_t set = 1; set < sets; ++set) {
    sets_.push_back(sets_[0]);
    for (const size_t i : cold) {
      content.resize(operands_[i].bytes);
      device_.Download(content.data(), *sets_[0][i], content.size());
      copies_.push_back(device_.Allocate(content.size()));
      device_.Upload(*copies_.back(), content.data(), content.size());
      sets_.back()[i] = copies_.back().get();
    }
  }
}

std::string TimedTask::Check() {
  runtime::DeviceBuffer& output = *operands_[spec_.arguments.size() - 1].inside;
  device_.Upload(output, output_.data(), output_.size());
  Run(calls_, sets_[0]);
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
    Start(call, sets_[0], {1, 1, 1});
  }
  device_.Synchronize();
}

// As many recordings as it takes until each set has had its turn.
void TimedTask::RecordRuns(int times) {
  if (recorded_times_ == 0) MakeSets();
  recorded_.clear();
  const size_t runs = static_cast<size_t>(times);
  for (size_t first = 0; first == 0 || first < sets_.size(); first += runs) {
    recorded_.push_back(device_.Record([this, first, runs] {
      for (size_t i = 0; i < runs; ++i) Run(calls_, sets_[(first + i) % sets_.size()]);
    }));
  }
  next_recorded_ = 0;
  recorded_times_ = times;
}

double TimedTask::Time(int times) {
  if (times != recorded_times_) RecordRuns(times);
  runtime::DeviceReplay& runs = *recorded_[next_recorded_];
  next_recorded_ = (next_recorded_ + 1) % recorded_.size();
  device_.Synchronize();
  const auto start = std::chrono::steady_clock::now();
  runs.Start();
  device_.Synchronize();
  const std::chrono::duration<double> whole = std::chrono::steady_clock::now() - start;
  return whole.count() / times;
}

runtime::DeviceCondition TimedTask::ConditionWhileBusy() {
  recorded_[next_recorded_]->Start();
  runtime::DeviceCondition condition = device_.condition();
  device_.Synchronize();
  return condition;
}

}  // namespace tilewright
