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

 protected:
  // Inputs go to the device, outputs come back.
  void Execute(double* seconds, size_t capacity) override;

 private:
  struct Call {
    std::unique_ptr<DeviceKernel> kernel;
    std::vector<DeviceBuffer*> args;
    const PlanCall* plan;
  };
  // What one plan needs.
  struct Bound {
    std::vector<std::unique_ptr<DeviceBuffer>> tensors;  // by id
    std::vector<Call> calls;
    bool has_run = false;  // and its kernels are loaded
    std::unique_ptr<DeviceReplay> replay;
  };

  std::vector<std::unique_ptr<DeviceBuffer>> PlaceTensors(const ExecutionPlan& plan);
  std::vector<Call> BindCalls(const ExecutionPlan& plan, const Bound& bound);
  void RunCall(const Call& call);
  void RunCalls(Bound& bound);

  std::unique_ptr<Device> device_;
  std::unique_ptr<DeviceModule> module_;
  std::unique_ptr<DeviceBuffer> arena_, params_;
  Arena host_;  // the ends'
  std::vector<Bound> bound_;
};

}  // namespace tilewright::runtime
