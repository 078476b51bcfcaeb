#include "runtime/cpu_info.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tilewright::runtime {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;

TEST(CpuInfo, FindsWhatX86AndArmList) {
  EXPECT_THAT(MissingFeatures({"fma", "avx2"}, "model name\t: avx2 fma\nflags\t: avx2 fma\n"),
              IsEmpty());
  EXPECT_THAT(MissingFeatures({"asimd"}, "Features\t: fp asimd\n"), IsEmpty());
}

TEST(CpuInfo, MatchesWholeWordsOfTheFeatureLineOnly) {
  EXPECT_THAT(MissingFeatures({"avx", "avx2"}, "model name: avx\nflags: avx2 avx512f\n"),
              ElementsAre("avx"));
}

TEST(CpuInfo, MissesEverythingInAnEmptyText) {
  EXPECT_THAT(MissingFeatures({"a", "b"}, ""), ElementsAre("a", "b"));
}

TEST(CpuInfo, KnowsThisMachine) {
  EXPECT_THAT(AllowedCpus(), Not(IsEmpty()));
#if defined(__x86_64__)
  EXPECT_THAT(MissingFeatures({"fpu", "sse2"}, ReadCpuInfo()), IsEmpty());
#endif
}

}  // namespace
}  // namespace tilewright::runtime
