// A package for GPUs: everything but the ends lies on the device, and its calls run there in order.
#pragma once

#include <memory>
#include <vector>

#include "runtime/arena.h"
#include "runtime/device/device.h"
#include "runtime/model.h"

namespace tilewright::runtime {

class DeviceModel final : public Model {
 public:
  // Moves the constants to the device. Throws Error: BAD_PACKAGE when the device refuses the
  // kernels or one is missing, UNAVAILABLE or INTERNAL as the device.
  DeviceModel(MappedFile file, Package package, std::unique_ptr<Device> device);

  // Inputs go to the device, outputs come back.
  void Run(double* seconds = nullptr, size_t capacity = 0) override;

 private:
  struct Call {
    std::unique_ptr<DeviceKernel> kernel;
    std::vector<DeviceBuffer*> args;
    const PlanCall* plan;
  };
  // An end's memory on the device, beside that of the process.
  struct Transfer {
    const End* end;
    DeviceBuffer* buffer;
  };

  void PlaceTensors();
  void PlaceEnds();
  void BindCalls();
  void RunCall(const Call& call);

  std::unique_ptr<Device> device_;
  std::unique_ptr<DeviceModule> module_;
  std::unique_ptr<DeviceBuffer> arena_, params_;
  std::vector<std::unique_ptr<DeviceBuffer>> tensors_;  // by id
  Arena host_;                                          // the ends'
  std::vector<Transfer> uploads_, downloads_;
  std::vector<Call> calls_;
};

}  // namespace tilewright::runtime
