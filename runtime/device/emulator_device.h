// The emulator as a device: kernels are host code (kinds/emu.cc) that asks it for every
// access. For checking what is printed for GPUs without one; it measures nothing.
#pragma once

#include <memory>

#include "runtime/device/device.h"
#include "runtime/device/emulator/banks.h"

namespace tilewright::runtime {

class EmulatedDevice : public Device {
 public:
  // Of the shared memory of all launches so far.
  virtual BankCounts banks() const = 0;
};

DeviceSurvey SurveyEmulator();
// Launches throw Error INTERNAL with what was found wrong (emulator/machine.h). "emu:7" is the one
// whose orders are of seed 7.
std::unique_ptr<EmulatedDevice> OpenEmulator(size_t seed);

}  // namespace tilewright::runtime
