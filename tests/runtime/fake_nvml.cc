// libnvidia-ml.so.1 of tests: a device whose clock is held down for the reasons in $FAKE_NVML, a
// number as nvml.h writes them; without it there is none.
#include <cstdlib>

namespace {

const char* Reasons() { return std::getenv("FAKE_NVML"); }
int device = 0;

}  // namespace

extern "C" {

int nvmlInit_v2() { return 0; }
int nvmlDeviceGetHandleByUUID(const char*, void** found) {
  *found = &device;
  return Reasons() == nullptr ? 6 : 0;
}
int nvmlDeviceGetClockInfo(void*, unsigned, unsigned* mhz) {
  *mhz = 345;
  return 0;
}
int nvmlDeviceGetMaxClockInfo(void*, unsigned, unsigned* mhz) {
  *mhz = 1980;
  return 0;
}
int nvmlDeviceGetTemperature(void*, unsigned, unsigned* celsius) {
  *celsius = 93;
  return 0;
}
int nvmlDeviceGetCurrentClocksThrottleReasons(void*, unsigned long long* reasons) {
  *reasons = std::strtoull(Reasons(), nullptr, 0);
  return 0;
}
}
