#include <charconv>
#include <utility>

#include "runtime/device/device_driver.h"
#include "runtime/error.h"

namespace tilewright::runtime {

#define ENTRY(name) const DeviceDriver& name##_driver();
#include "device_kinds.inc"
#undef ENTRY

namespace {

const DeviceDriver& DriverOf(const std::string& device) {
  if (const DeviceDriver* driver = FindDriver(KindOf(device))) return *driver;
  throw Error(TW_INVALID_ARGUMENT, "unknown device \"" + device + "\"; known: cpu, and of " +
                                       KnownDrivers() + " each, as cuda:1 (counted from 0)");
}

// What follows the colon; 0 without.
size_t IndexOf(const std::string& device) {
  const size_t colon = device.find(':');
  if (colon == device.npos) return 0;
  size_t number = 0;
  const char* const end = device.data() + device.size();
  const auto [stop, error] = std::from_chars(device.data() + colon + 1, end, number);
  if (error == std::errc() && stop == end) return number;
  throw Error(TW_INVALID_ARGUMENT, "device \"" + device + "\" has no number after its colon");
}

// Launches them anew.
class PlainReplay final : public DeviceReplay {
 public:
  explicit PlainReplay(std::function<void()> launches) : launches_(std::move(launches)) {}
  void Start() override { launches_(); }

 private:
  const std::function<void()> launches_;
};

}  // namespace

std::unique_ptr<DeviceReplay> Device::Record(std::function<void()> launches) {
  return std::make_unique<PlainReplay>(std::move(launches));
}

const std::vector<const DeviceDriver*>& DeviceDrivers() {
  static const std::vector<const DeviceDriver*> drivers = {
#define ENTRY(name) &name##_driver(),
#include "device_kinds.inc"
#undef ENTRY
  };
  return drivers;
}

const DeviceDriver* FindDriver(std::string_view name) {
  for (const DeviceDriver* driver : DeviceDrivers()) {
    if (driver->name == name) return driver;
  }
  return nullptr;
}

std::string KnownDrivers() {
  std::string names;
  for (const DeviceDriver* driver : DeviceDrivers()) {
    names.append(names.empty() ? "" : ", ").append(driver->name);
  }
  return names;
}

std::string_view KindOf(std::string_view device) { return device.substr(0, device.find(':')); }

DeviceSurvey SurveyDevices(const std::string& kind) {
  try {
    DeviceSurvey survey = DriverOf(kind).survey();
    if (survey.devices.empty() && survey.missing.empty()) survey.missing = "no device";
    return survey;
  } catch (const Error& error) {
    return {.missing = error.what()};
  }
}

void CheckDeviceName(const std::string& name) {
  if (KindOf(name) == "cpu") return;
  DriverOf(name);
  IndexOf(name);
}

std::unique_ptr<Device> OpenDevice(const std::string& name) {
  const DeviceDriver& driver = DriverOf(name);
  return driver.open(IndexOf(name));
}

}  // namespace tilewright::runtime
