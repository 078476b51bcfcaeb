#include "runtime/model.h"

#include "runtime/cpu_features.h"
#include "runtime/device/device.h"
#include "runtime/device_model.h"
#include "runtime/error.h"
#include "runtime/host_model.h"

namespace tilewright::runtime {
namespace {

size_t Aligned(size_t bytes) { return (bytes + 63) / 64 * 64; }

bool IsEnd(const PlanTensor& tensor) { return tensor.place == "input" || tensor.place == "output"; }

}  // namespace

size_t EndBytes(const ExecutionPlan& plan) {
  size_t total = 0;
  for (const PlanTensor& tensor : plan.tensors) {
    if (IsEnd(tensor)) total += Aligned(BytesOf(tensor));
  }
  return total;
}

std::vector<char*> PlacesOfEnds(const ExecutionPlan& plan, char* memory) {
  std::vector<char*> places;
  for (const PlanTensor& tensor : plan.tensors) {
    places.push_back(IsEnd(tensor) ? memory : nullptr);
    if (IsEnd(tensor)) memory += Aligned(BytesOf(tensor));
  }
  return places;
}

void Model::SetEnds(const std::vector<char*>& places) {
  const auto end = [&](int id) {
    const PlanTensor& tensor = plan().tensors[static_cast<size_t>(id)];
    return End{&tensor, places[static_cast<size_t>(id)], BytesOf(tensor)};
  };
  for (const int id : plan().inputs) inputs_.push_back(end(id));
  for (const int id : plan().outputs) outputs_.push_back(end(id));
}

std::unique_ptr<Model> OpenModel(const std::string& path, const ModelOptions& options) {
  MappedFile file(path);
  Package package = ReadPackage(file.bytes(), CpuFeatures());
  const std::string kind = package.manifest.device;
  const std::string device = options.device.empty() ? kind : options.device;
  if (device.substr(0, device.find(':')) != kind) {
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
