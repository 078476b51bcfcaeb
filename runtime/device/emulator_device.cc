#include "runtime/device/emulator_device.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "runtime/device/emulator/machine.h"
#include "runtime/device/launch_needs.h"
#include "runtime/error.h"
#include "runtime/shared_object.h"

namespace tilewright::runtime {
namespace {

struct Buffer final : DeviceBuffer {
  Buffer(std::shared_ptr<Bytes> of, size_t first_byte, size_t size)
      : whole(std::move(of)), first(first_byte), bytes(size) {}
  std::shared_ptr<Bytes> whole;
  size_t first, bytes;
};

struct Kernel final : DeviceKernel {
  std::string name;
  LaunchNeeds needs;
  void (*run)(tw_memory** args) = nullptr;
};

struct Module final : DeviceModule {
  Module(std::string_view code, tw_machine* machine) : library(code) {
    auto* const bind = reinterpret_cast<void (*)(tw_machine*)>(library.Find("tw_bind"));
    if (bind == nullptr) throw BadPackage("its kernels are not for the emulator");
    bind(machine);
  }

  std::unique_ptr<DeviceKernel> Find(const std::string& name) override {
    void* const found = library.Find("tw_run_" + name);
    if (found == nullptr) return nullptr;
    auto kernel = std::make_unique<Kernel>();
    kernel->name = name;
    if (const void* const words = library.Find("tw_needs_" + name)) {
      const auto* const first = static_cast<const int64_t*>(words);
      kernel->needs =
          ReadLaunchNeeds({first + 1, static_cast<size_t>(std::clamp<int64_t>(*first, 0, 255))});
    }
    kernel->run = reinterpret_cast<void (*)(tw_memory**)>(found);
    return kernel;
  }

  SharedObject library;
};

// As large as an H100.
DeviceInfo Describe() {
  return {.name = "emulator",
          .driver = "tilewright",
          .arch = "sm_90",
          .max_threads = 1024,
          .max_block = {1024, 1024, 64},
          .shared_bytes = 227 << 10,
          .memory_bytes = int64_t{4} << 30,
          .compute_units = 1,
          .doubles = true};
}

class Emulator final : public EmulatedDevice {
 public:
  explicit Emulator(uint64_t seed) : machine_(seed) {}

  const DeviceInfo& info() const override { return info_; }
  BankCounts banks() const override { return machine_.banks(); }

  std::unique_ptr<DeviceBuffer> Allocate(size_t bytes) override {
    return std::make_unique<Buffer>(std::make_shared<Bytes>(bytes), 0, bytes);
  }
  std::unique_ptr<DeviceBuffer> Slice(DeviceBuffer& whole, size_t offset, size_t bytes) override {
    const auto& of = static_cast<Buffer&>(whole);
    return std::make_unique<Buffer>(of.whole, of.first + offset, bytes);
  }
  std::unique_ptr<DeviceModule> Load(std::string_view code) override {
    return std::make_unique<Module>(code, &machine_);
  }

  void Upload(DeviceBuffer& to, const void* from, size_t bytes) override {
    if (bytes == 0) return;
    const auto& buffer = static_cast<Buffer&>(to);
    std::memcpy(buffer.whole->data() + buffer.first, from, bytes);
    std::memset(buffer.whole->state() + buffer.first, kWrittenByte, bytes);
  }
  void Download(void* to, DeviceBuffer& from, size_t bytes) override {
    const auto& buffer = static_cast<Buffer&>(from);
    if (bytes > 0) std::memcpy(to, buffer.whole->data() + buffer.first, bytes);
  }

  void Launch(DeviceKernel& kernel, const std::vector<DeviceBuffer*>& args,
              const std::array<int64_t, 3>& grid, const std::array<int64_t, 3>& block) override {
    const auto& function = static_cast<Kernel&>(kernel);
    EmulatedLaunch launch{.kernel = function.name,
                          .run = function.run,
                          .grid = grid,
                          .block = block,
                          .needs = function.needs};
    std::vector<std::string> names;
    for (size_t i = 0; i < args.size(); ++i) names.push_back("argument " + std::to_string(i));
    for (size_t i = 0; i < args.size(); ++i) {
      const auto& buffer = static_cast<Buffer&>(*args[i]);
      const bool written = i + 1 == args.size();
      launch.args.emplace_back(buffer.whole.get(), buffer.first, buffer.bytes,
                               written ? kGlobalMemory : kPrivateMemory);
      launch.args.back().name = names[i].c_str();
    }
    for (const TensorMap& map : function.needs.maps) {
      const auto operand = static_cast<size_t>(map.operand);
      if (operand >= args.size()) throw BadPackage("a kernel has a map of no operand");
      launch.args.push_back(launch.args[operand]);
    }
    machine_.Run(launch);
  }
  void Synchronize() override {}

 private:
  const DeviceInfo info_ = Describe();
  Machine machine_;
};

}  // namespace

DeviceSurvey SurveyEmulator() { return {.devices = {Describe()}, .missing = ""}; }

std::unique_ptr<EmulatedDevice> OpenEmulator(size_t seed) {
  return std::make_unique<Emulator>(seed);
}

}  // namespace tilewright::runtime
