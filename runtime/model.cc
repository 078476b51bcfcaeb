#include "runtime/model.h"

#include <algorithm>
#include <cstring>

#include "runtime/copy_box.h"
#include "runtime/cpu_features.h"
#include "runtime/device/device.h"
#include "runtime/device/device_driver.h"
#include "runtime/device_model.h"
#include "runtime/error.h"
#include "runtime/host_model.h"

namespace tilewright::runtime {
namespace {

size_t Aligned(size_t bytes) { return (bytes + 63) / 64 * 64; }

bool IsEnd(const PlanTensor& tensor) { return tensor.place == "input" || tensor.place == "output"; }

}  // namespace

size_t EndBytes(const std::vector<ExecutionPlan>& plans) {
  size_t most = 0;
  for (const ExecutionPlan& plan : plans) {
    size_t total = 0;
    for (const PlanTensor& tensor : plan.tensors) {
      if (IsEnd(tensor)) total += Aligned(BytesOf(tensor));
    }
    most = std::max(most, total);
  }
  return most;
}

std::vector<char*> PlacesOfEnds(const ExecutionPlan& plan, char* memory) {
  std::vector<char*> places;
  for (const PlanTensor& tensor : plan.tensors) {
    places.push_back(IsEnd(tensor) ? memory : nullptr);
    if (IsEnd(tensor)) memory += Aligned(BytesOf(tensor));
  }
  return places;
}

void Model::PlaceEnds(char* memory) {
  ends_ = memory;
  Select(0);
}

void Model::Select(size_t plan) {
  const auto shapes = [this, plan](const std::vector<int>& ids) {
    std::vector<Shape> of;
    for (const int id : ids) of.push_back(plans()[plan].tensors[static_cast<size_t>(id)].shape);
    return of;
  };
  SetEnds(plan, shapes(plans()[plan].inputs), shapes(plans()[plan].outputs));
}

void Model::Bind(const std::map<std::string, Shape>& inputs) {
  const ChosenPlan chosen = ChoosePlan(plans(), inputs);
  SetEnds(chosen.index, chosen.inputs, chosen.outputs);
}

void Model::SetEnds(size_t plan, const std::vector<Shape>& inputs,
                    const std::vector<Shape>& outputs) {
  current_ = plan;
  const std::vector<char*> places = PlacesOfEnds(this->plan(), ends_);
  const auto end = [&](int id, const Shape& shape) {
    const PlanTensor& tensor = this->plan().tensors[static_cast<size_t>(id)];
    PlanTensor bound = tensor;
    bound.shape = shape;
    return End{&tensor, shape, places[static_cast<size_t>(id)], BytesOf(bound)};
  };
  inputs_.clear();
  outputs_.clear();
  for (size_t i = 0; i < inputs.size(); ++i) {
    inputs_.push_back(end(this->plan().inputs[i], inputs[i]));
  }
  for (size_t i = 0; i < outputs.size(); ++i) {
    outputs_.push_back(end(this->plan().outputs[i], outputs[i]));
  }
}

void Model::SetInput(size_t index, const void* data) {
  const End& input = inputs_[index];
  const auto* from = static_cast<const char*>(data);
  if (input.shape == input.tensor->shape) {
    std::memcpy(input.data, from, input.bytes);
    return;
  }
  std::memset(input.data, 0, BytesOf(*input.tensor));
  CopyBox({from, input.shape}, {input.data, input.tensor->shape}, ElementBytes(*input.tensor));
}

void Model::Run(double* seconds, size_t capacity) {
  Execute(seconds, capacity);
  for (const End& output : outputs_) {
    if (output.shape == output.tensor->shape) continue;
    CopyBox({output.data, output.tensor->shape}, {output.data, output.shape},
            ElementBytes(*output.tensor));
  }
}

std::unique_ptr<Model> OpenModel(const std::string& path, const ModelOptions& options) {
  MappedFile file(path);
  Package package = ReadPackage(file.bytes(), CpuFeatures());
  const std::string kind = package.manifest.device;
  const std::string device = options.device.empty() ? kind : options.device;
  CheckDeviceName(device);
  if (KindOf(device) != kind) {
    throw Error(TW_INVALID_ARGUMENT, "the package is for " + package.manifest.target +
                                         ", not for " + device +
                                         "; compile the model for that target");
  }
  if (kind == "cpu") {
    return std::make_unique<HostModel>(std::move(file), std::move(package), options);
  }
  return std::make_unique<DeviceModel>(std::move(file), std::move(package), OpenDevice(device));
}

}  // namespace tilewright::runtime
