#include "runtime/cpu_info.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tilewright::runtime {
namespace {

using testing::IsEmpty;
using testing::Not;

TEST(CpuInfo, KnowsTheCpusOfThisProcess) { EXPECT_THAT(AllowedCpus(), Not(IsEmpty())); }

}  // namespace
}  // namespace tilewright::runtime
