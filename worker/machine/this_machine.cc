#include "worker/machine/this_machine.h"

#include <sched.h>
#include <unistd.h>

#include <fstream>
#include <random>

#include "absl/strings/str_cat.h"

namespace tilewright {

std::string CpuName() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    const size_t colon = line.find(": ");
    if (line.rfind("model name", 0) == 0 && colon != line.npos) return line.substr(colon + 2);
  }
  return "unknown cpu";
}

std::string DefaultWorkerName() {
  char name[256] = "worker";
  gethostname(name, sizeof(name) - 1);
  std::random_device random;  // process ids repeat in containers
  return absl::StrCat(name, "-", absl::Hex(random() & 0xffffff, absl::kZeroPad6));
}

void PinThisThread(const std::vector<int>& cores) {
  cpu_set_t set;
  CPU_ZERO(&set);
  for (const int core : cores) CPU_SET(core, &set);
  sched_setaffinity(0, sizeof(set), &set);
}

}  // namespace tilewright
