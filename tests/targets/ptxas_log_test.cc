#include "compiler/targets/support/ptxas_log.h"

#include <gtest/gtest.h>

namespace tilewright {
namespace {

TEST(PtxasLog, TellsTheMostOfAnyKernel) {
  const ThreadStorage storage = ReadPtxasLog(
      "ptxas info    : 0 bytes gmem\n"
      "ptxas info    : Compiling entry function 'a_0' for 'sm_90'\n"
      "ptxas info    : Function properties for a_0\n"
      "    96 bytes stack frame, 136 bytes spill stores, 200 bytes spill loads\n"
      "ptxas info    : Used 255 registers, used 1 barriers, 96 bytes cumulative stack size\n"
      "ptxas info    : Function properties for b_1\n"
      "    0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads\n"
      "ptxas info    : Used 32 registers, used 0 barriers\n");
  EXPECT_EQ(storage.registers, 255);
  EXPECT_EQ(storage.spilled_bytes, 200);
}

TEST(PtxasLog, OfAnotherFormSaysNothing) {
  for (const char* log : {"", "\n\n", " registers", "many registers", "x bytes spill loads"}) {
    EXPECT_EQ(ReadPtxasLog(log).registers, 0) << log;
    EXPECT_EQ(ReadPtxasLog(log).spilled_bytes, 0) << log;
  }
}

}  // namespace
}  // namespace tilewright
