#include "runtime/cpu_features.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

namespace tilewright::runtime {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(CpuFeatures, MissingOnesComeInTheOrderAskedFor) {
  EXPECT_THAT(MissingFeatures({"sve2", "fp", "bf16"}, {"asimd", "fp"}),
              ElementsAre("sve2", "bf16"));
  EXPECT_THAT(MissingFeatures({"avx", "avx2"}, {"avx2"}), ElementsAre("avx"));
  EXPECT_THAT(MissingFeatures({}, {}), IsEmpty());
}

#if defined(__x86_64__)

// The words of the first line of /proc/cpuinfo that lists them.
std::set<std::string> ListedByLinux() {
  std::ifstream file("/proc/cpuinfo");
  std::set<std::string> words;
  for (std::string line; words.empty() && std::getline(file, line);) {
    if (line.rfind("flags", 0) != 0) continue;
    std::istringstream list(line.substr(line.find(':') + 1));
    for (std::string word; list >> word;) words.insert(word);
  }
  return words;
}

TEST(CpuFeatures, AreWhatLinuxLists) {
  const std::set<std::string> listed = ListedByLinux(), found = CpuFeatures();
  if (listed.empty()) GTEST_SKIP() << "/proc/cpuinfo cannot be read here";
  // Names that the oldest supported kernel (6.1) has; it may not know later ones.
  for (const char* name : {"pni",
                           "ssse3",
                           "sse4_1",
                           "sse4_2",
                           "popcnt",
                           "movbe",
                           "abm",
                           "bmi1",
                           "bmi2",
                           "sse4a",
                           "avx",
                           "f16c",
                           "fma",
                           "fma4",
                           "xop",
                           "tbm",
                           "avx2",
                           "avx_vnni",
                           "gfni",
                           "avx512f",
                           "avx512cd",
                           "avx512bw",
                           "avx512dq",
                           "avx512vl",
                           "avx512ifma",
                           "avx512vbmi",
                           "avx512_vbmi2",
                           "avx512_vnni",
                           "avx512_bitalg",
                           "avx512_vpopcntdq",
                           "avx512_vp2intersect",
                           "avx512_bf16",
                           "avx512_fp16"}) {
    EXPECT_EQ(found.count(name), listed.count(name)) << name;
  }
}

TEST(CpuFeatures, AgreeWithTheCompilersOwnCheck) {
  EXPECT_EQ(CpuFeatures().count("avx2") != 0, __builtin_cpu_supports("avx2") != 0);
  EXPECT_EQ(CpuFeatures().count("avx512f") != 0, __builtin_cpu_supports("avx512f") != 0);
}

#endif

}  // namespace
}  // namespace tilewright::runtime
