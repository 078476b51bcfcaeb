#include "runtime/cpu_info.h"

#include <sched.h>

#include <fstream>
#include <set>
#include <sstream>

namespace tilewright::runtime {

std::vector<std::string> MissingFeatures(const std::vector<std::string>& wanted,
                                         std::string_view cpuinfo) {
  std::istringstream lines{std::string(cpuinfo)};
  std::set<std::string> present;
  for (std::string line; std::getline(lines, line);) {
    if (line.rfind("flags", 0) != 0 && line.rfind("Features", 0) != 0) continue;
    std::istringstream words(line.substr(line.find(':') + 1));
    for (std::string word; words >> word;) present.insert(word);
  }
  std::vector<std::string> missing;
  for (const std::string& feature : wanted) {
    if (present.count(feature) == 0) missing.push_back(feature);
  }
  return missing;
}

std::string ReadCpuInfo() {
  std::ifstream file("/proc/cpuinfo");
  std::string text;
  for (std::string line; std::getline(file, line) && !line.empty();) text += line + "\n";
  return text;
}

std::vector<int> AllowedCpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  std::vector<int> cpus;
  if (sched_getaffinity(0, sizeof(set), &set) == 0) {
    for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
      if (CPU_ISSET(cpu, &set)) cpus.push_back(cpu);
    }
  }
  if (cpus.empty()) cpus.push_back(0);
  return cpus;
}

void BindThisThread(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  sched_setaffinity(0, sizeof(set), &set);
}

}  // namespace tilewright::runtime
