#include "runtime/device_model.h"

#include "runtime/error.h"
#include "runtime/timed_calls.h"

namespace tilewright::runtime {

DeviceModel::DeviceModel(MappedFile file, Package read, std::unique_ptr<Device> device)
    : Model(std::move(file), std::move(read)), device_(std::move(device)) {
  module_ = device_->Load(package().so);
  arena_ = device_->Allocate(static_cast<size_t>(plan().arena_bytes));
  params_ = device_->Allocate(package().params.size());
  device_->Upload(*params_, package().params.data(), package().params.size());
  PlaceTensors();
  PlaceEnds();
  BindCalls();
}

void DeviceModel::PlaceTensors() {
  for (const PlanTensor& tensor : plan().tensors) {
    const size_t bytes = BytesOf(tensor);
    const bool planned = tensor.place == "arena" || tensor.place == "param";
    // Nothing can be cut from the very end of a buffer.
    if (!planned || bytes == 0) {
      tensors_.push_back(device_->Allocate(bytes));
      continue;
    }
    DeviceBuffer& whole = tensor.place == "arena" ? *arena_ : *params_;
    tensors_.push_back(device_->Slice(whole, static_cast<size_t>(tensor.offset), bytes));
  }
}

void DeviceModel::PlaceEnds() {
  host_ = Arena(EndBytes(plan()));
  SetEnds(PlacesOfEnds(plan(), host_.data()));
  const auto transfer = [this](const End& end, int id) {
    return Transfer{&end, tensors_[static_cast<size_t>(id)].get()};
  };
  for (size_t i = 0; i < inputs().size(); ++i) {
    uploads_.push_back(transfer(inputs()[i], plan().inputs[i]));
  }
  for (size_t i = 0; i < outputs().size(); ++i) {
    downloads_.push_back(transfer(outputs()[i], plan().outputs[i]));
  }
}

void DeviceModel::BindCalls() {
  for (const PlanCall& planned : plan().calls) {
    Call call{.kernel = module_->Find(planned.kernel), .args = {}, .plan = &planned};
    if (call.kernel == nullptr) {
      throw BadPackage(CodeMember(package().manifest.device) + " has no kernel " + planned.kernel);
    }
    for (const int id : planned.args) {
      call.args.push_back(tensors_[static_cast<size_t>(id)].get());
    }
    calls_.push_back(std::move(call));
  }
}

void DeviceModel::RunCall(const Call& call) {
  device_->Launch(*call.kernel, call.args, call.plan->grid, call.plan->block);
}

void DeviceModel::Run(double* seconds, size_t capacity) {
  for (const Transfer& upload : uploads_) {
    device_->Upload(*upload.buffer, upload.end->data, upload.end->bytes);
  }
  if (seconds != nullptr) device_->Synchronize();
  ForEachCall(calls_, seconds, capacity, [&](const Call& call, bool timed) {
    RunCall(call);
    if (timed) device_->Synchronize();
  });
  for (const Transfer& download : downloads_) {
    device_->Download(download.end->data, *download.buffer, download.end->bytes);
  }
}

}  // namespace tilewright::runtime
