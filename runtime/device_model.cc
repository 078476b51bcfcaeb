#include "runtime/device_model.h"

#include <algorithm>
#include <utility>

#include "runtime/error.h"
#include "runtime/timed_calls.h"

namespace tilewright::runtime {

DeviceModel::DeviceModel(MappedFile file, Package read, std::unique_ptr<Device> device)
    : Model(std::move(file), std::move(read)), device_(std::move(device)) {
  module_ = device_->Load(package().so);
  int64_t arena = 0;
  for (const ExecutionPlan& plan : plans()) arena = std::max(arena, plan.arena_bytes);
  arena_ = device_->Allocate(static_cast<size_t>(arena));
  params_ = device_->Allocate(package().params.size());
  device_->Upload(*params_, package().params.data(), package().params.size());
  host_ = Arena(EndBytes(plans()));
  PlaceEnds(host_.data());
  for (const ExecutionPlan& plan : plans()) {
    bound_.push_back({.tensors = PlaceTensors(plan), .calls = {}, .replay = {}});
    bound_.back().calls = BindCalls(plan, bound_.back());
  }
}

std::vector<std::unique_ptr<DeviceBuffer>> DeviceModel::PlaceTensors(const ExecutionPlan& plan) {
  std::vector<std::unique_ptr<DeviceBuffer>> tensors;
  for (const PlanTensor& tensor : plan.tensors) {
    const size_t bytes = BytesOf(tensor);
    const bool planned = tensor.place == "arena" || tensor.place == "param";
    // Nothing can be cut from the very end of a buffer.
    if (!planned || bytes == 0) {
      tensors.push_back(device_->Allocate(bytes));
      continue;
    }
    DeviceBuffer& whole = tensor.place == "arena" ? *arena_ : *params_;
    tensors.push_back(device_->Slice(whole, static_cast<size_t>(tensor.offset), bytes));
  }
  return tensors;
}

std::vector<DeviceModel::Call> DeviceModel::BindCalls(const ExecutionPlan& plan,
                                                      const Bound& bound) {
  std::vector<Call> calls;
  for (const PlanCall& planned : plan.calls) {
    Call call{.kernel = module_->Find(planned.kernel), .args = {}, .plan = &planned};
    if (call.kernel == nullptr) {
      throw BadPackage(CodeMember(package().manifest.device) + " has no kernel " + planned.kernel);
    }
    for (const int id : planned.args) {
      call.args.push_back(bound.tensors[static_cast<size_t>(id)].get());
    }
    calls.push_back(std::move(call));
  }
  return calls;
}

void DeviceModel::RunCall(const Call& call) {
  device_->Launch(*call.kernel, call.args, call.plan->grid, call.plan->block);
}

// The first time one by one, from then on as they are recorded the second time.
void DeviceModel::RunCalls(Bound& bound) {
  const auto run = [this, &bound] {
    for (const Call& call : bound.calls) RunCall(call);
  };
  if (!std::exchange(bound.has_run, true) || bound.calls.empty()) return run();
  if (bound.replay == nullptr) bound.replay = device_->Record(run);
  bound.replay->Start();
}

void DeviceModel::Execute(double* seconds, size_t capacity) {
  Bound& bound = bound_[current()];
  const auto buffer = [&bound](int id) -> DeviceBuffer& {
    return *bound.tensors[static_cast<size_t>(id)];
  };
  for (size_t i = 0; i < inputs().size(); ++i) {
    const End& input = inputs()[i];
    device_->Upload(buffer(plan().inputs[i]), input.data, BytesOf(*input.tensor));
  }
  if (seconds == nullptr) {
    RunCalls(bound);
  } else {
    device_->Synchronize();
    ForEachCall(bound.calls, seconds, capacity, [&](const Call& call, bool timed) {
      RunCall(call);
      if (timed) device_->Synchronize();
    });
  }
  for (size_t i = 0; i < outputs().size(); ++i) {
    const End& output = outputs()[i];
    device_->Download(output.data, buffer(plan().outputs[i]), BytesOf(*output.tensor));
  }
}

}  // namespace tilewright::runtime
