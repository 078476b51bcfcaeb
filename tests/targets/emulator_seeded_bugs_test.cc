// Bugs that were put into the text of kernels, one at a time: the emulator finds each, by name or
// by a wrong output, and nothing in the text as it is printed. Bugs of programs, before they are
// text, are the verifier's and the interpreter's to find.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "compiler/core/relative_error.h"
#include "compiler/loop/interpret.h"
#include "compiler/loop/text.h"
#include "compiler/loop/verify.h"
#include "runtime/device/emulator_device.h"
#include "tests/targets/seeded_bugs.h"

namespace tilewright {
namespace {

using testing::ContainsRegex;

// A ring of three stages, the last one cut off; blocks at the border of 40 rows and 72 columns.
const Subject& Ring() {
  static const Subject subject =
      SubjectOf("dense(float16[40,160],float16[72,160];,NK,)+bias", "dense_tensorcore.cuda",
                "cuda -arch=sm_80",
                R"([["block_row_warps","ot",2],["block_col_warps","ot",1],
                    ["warp_row_tiles","ot",1],["warp_col_tiles","ot",2],["chunk","ot",2],
                    ["offset","ot",8],["offsetCS","ot",0],["vec","ot",8],["wmma_m","ot",16],
                    ["double_buffer","ot",0],["direct_store","ot",1],["async_stages","ot",3]])");
  return subject;
}

// A direct convolution with padding, two stages of channels.
const Subject& Direct() {
  static const Subject subject = SubjectOf(
      "conv2d(float32[1,6,8,9],float32[8,6,3,3];dilation=1,1;groups=1;padding=1,1,1,1;"
      "strides=1,1;NCHW,OIHW,NCHW)",
      "conv2d_nchw.cuda", "cuda -arch=sm_80",
      R"([["tile_f","sp",[2,1,2,2]],["tile_y","sp",[2,1,4,1]],["tile_x","sp",[1,1,9,1]],
          ["tile_rc","sp",[2,3]],["tile_ry","sp",[1,3]],["tile_rx","sp",[1,3]],
          ["auto_unroll_max_step","ot",0],["unroll_explicit","ot",0]])");
  return subject;
}

// Two warpgroups, seven stages in three slots, tails of every dimension.
const Subject& Slots() {
  static const Subject subject = SubjectOf(
      "dense(float16[136,400],float16[40,400];,NK,)+bias", "dense_wgmma.cuda", "cuda -arch=sm_90",
      R"([["groups","ot",2],["row_tiles","ot",1],["columns","ot",32],["slots","ot",3],
                    ["raster","ot",1],["split_k","ot",1]])");
  return subject;
}

const char kNotLanded[] = "asynchronous copy has not yet brought";
const char kBlocks[] = "races with another block";
const char kRaceOrLate[] = "races with another thread|has not yet brought";
const char kUnwrittenOrLate[] = "reads what nobody wrote|has not yet brought";

const SeededBug kTextBugs[] = {
    {"no barrier in the ring", Ring, "    TW_BARRIER;\n", "", kRaceOrLate},
    {"the barrier before the wait", Ring, "TW_ASYNC_WAIT(1);\n    TW_BARRIER;",
     "TW_BARRIER;\n    TW_ASYNC_WAIT(1);", kRaceOrLate},
    {"a barrier for half of the warps", Ring, "TW_BARRIER;", "if (row_warp_8 == 0) TW_BARRIER;",
     kRaceOrLate},
    {"a wait for too few groups", Ring, "TW_ASYNC_WAIT(1)", "TW_ASYNC_WAIT(2)", kNotLanded},
    {"a group that is not closed", Ring, "    TW_ASYNC_COMMIT;\n    TW_UNROLL", "    TW_UNROLL",
     kNotLanded},
    {"a copy into the stage in use", Ring, "((stage_21 + 2) % 3)", "(stage_21 % 3)", kNotLanded},
    {"the stage of the step before", Ring, "(((((((stage_21 % 3)", "((((((((stage_21 + 2) % 3)",
     kUnwrittenOrLate},
    {"a ring of two stages in memory for three", Ring, "TW_SHARED_ARRAY(f16, left_shared_6, 3840)",
     "TW_SHARED_ARRAY(f16, left_shared_6, 2560)", kOutside},
    {"half of a row copied", Ring, "TW_ASYNC_COPY(16", "TW_ASYNC_COPY(8", kUnwritten},
    {"one row too many read", Ring, "(lane_9 / 4)) < 40));", "(lane_9 / 4)) <= 40));", kOutside},
    {"no zeros below the last row", Ring, "(lane_9 / 4)) < 72));", "(lane_9 / 4)) < 96));",
     kOutside},
    {"one column too many stored", Ring, "+ e_31) < 72))", "+ e_31) < 73))", kOutside},
    {"rows of another stride", Ring, "((lane_9 / 4) * 40)) + ((lane_9 % 4) * 8)",
     "((lane_9 / 4) * 32)) + ((lane_9 % 4) * 8)", kUnwritten},
    {"strides exchanged", Ring, "((lane_9 / 4) * 40)) + ((lane_9 % 4) * 8)",
     "((lane_9 % 4) * 40)) + ((lane_9 / 4) * 8)", kRaceOrLate},
    {"a pitch that is not 16 bytes", Ring, "((lane_9 % 16) * 40)", "((lane_9 % 16) * 36)",
     "misaligned"},
    {"rows of the first eight lanes", Ring, "((lane_9 % 16) * 40)", "((lane_9 % 8) * 40)", kWrong},
    {"half the depth of a step", Ring, "(step_24 * 16)", "(step_24 * 8)", kWrong},
    {"rows of a fragment exchanged", Ring, "&rows[group][within * 4]",
     "&rows[group ^ 1][within * 4]", kWrong},
    {"left and right exchanged", Ring, "left.take(8, 0), right.take(4, 0)",
     "right.take(8, 0), left.take(4, 0)", kOutside},
    {"the wrong register of the right", Ring, "&right_fragment_10[((p_26 * 8) + (q_27 * 4))]",
     "&right_fragment_10[((p_26 * 8) + (q_27 * 2))]", kWrong},
    {"sums that start at one", Ring, "= 0x0p+0f;", "= 0x1p+0f;", kWrong},
    {"sums that start at nothing", Ring, "+ e_16)] = 0x0p+0f;", "+ e_16)];", kUnwritten},
    {"sums stored four rows down", Ring, "(half_30 * 576)", "(half_30 * 288)",
     "races with another"},
    {"the last stage left out", Ring, "stage_21 < 5", "stage_21 < 4", kWrong},
    {"a lane that leaves before a barrier", Ring, "  TW_ARRAY(f32, sums_12, 16);",
     "  TW_ARRAY(f32, sums_12, 16); if (lane_9 == 31) return;", "deadlock"},
    {"a load without one lane", Ring, "tw_ldmatrix_x4_f16(&left_fragment_11[0]",
     "if (lane_9 != 31) tw_ldmatrix_x4_f16(&left_fragment_11[0]", "not all threads of a warp"},
    {"a warp that leaves before a barrier", Ring, "  TW_ARRAY(f32, sums_12, 16);",
     "  TW_ARRAY(f32, sums_12, 16); if (tile_m_5 == 1 && row_warp_8 == 1) return;", "deadlock"},
    {"an index that overflows", Ring, "(tile_m_5 * 2304)", "(tw_i8)(tile_m_5 * 2304)", kBlocks},
    {"another type of the bias", Ring, "tw_load_f16(bias0_2", "tw_load_bf16(bias0_2", kWrong},
    {"a prelude that reads float16 unsigned", Ring, "return (float)y;",
     "return y < 0 ? -(float)y : (float)y;", kWrong},
    {"no barrier before a stage is written", Direct, "TW_BARRIER;\n", "\n", kRace},
    {"no wait for a full slot", Slots, "tw_barrier_wait(&full", "if (0) tw_barrier_wait(&full",
     kUnwrittenOrLate},
    {"no wait for an empty slot", Slots, "tw_barrier_wait(&empty", "if (0) tw_barrier_wait(&empty",
     kOverrun},
    {"full slots awaited in the round before", Slots, "stage_15 / 3 % 2);",
     "1 - stage_15 / 3 % 2);", kUnwrittenOrLate},
    {"full slots awaited in the first round alone", Slots, "stage_15 / 3 % 2);", "0);", kOverrun},
    {"empty slots awaited in the round to come", Slots, "1 - stage_15 / 3 % 2", "stage_15 / 3 % 2",
     "deadlock"},
    {"a slot that is never given back", Slots, "if (TW_THREAD_X % 32 == 0) tw_barrier_arrive",
     "if (0) tw_barrier_arrive", "deadlock"},
    {"a slot that one warp gives back for all", Slots, "[i], 8);", "[i], 1);", kOverrun},
    {"a slot that is given back before it is used", Slots, "      tw_wgmma_m64n32_f16(&sums",
     "      if (TW_THREAD_X % 32 == 0) tw_barrier_arrive(&empty_14[stage_15 % 3]);\n"
     "      tw_wgmma_m64n32_f16(&sums",
     kOverrun},
    {"a slot that every lane gives back", Slots, "if (TW_THREAD_X % 32 == 0) tw_barrier_arrive",
     "tw_barrier_arrive", kOverrun},
    {"too few bytes expected", Slots, ", 20480);", ", 16384);", "has not yet brought|deadlock"},
    {"too many bytes expected", Slots, ", 20480);", ", 20488);", "deadlock"},
    {"a filled slot that is in use", Slots, "left_slots_8[((stage_15 % 3) * 8192)], map",
     "left_slots_8[(((stage_15 + 1) % 3) * 8192)], map", kOverrun},
    {"a box of another shape", Slots, "400, 128, 64, 1, 2, 2", "400, 64, 64, 1, 2, 2", "deadlock"},
    {"a box of the other matrix", Slots, ", map_4, ", ", map_5, ", "deadlock"},
    {"where a box begins exchanged", Slots, "(int)((stage_15 * 64)), (int)((block_z_6 * 128))",
     "(int)((block_z_6 * 128)), (int)((stage_15 * 64))", kWrong},
    {"less memory than slots need", Slots, "tw_needs_dense[] = {16, 61488",
     "tw_needs_dense[] = {16, 61440", "less shared memory"},
    {"no barrier after those of slots are made", Slots, "tw_barrier_fence();\n  TW_BARRIER;",
     "tw_barrier_fence();", "may not have seen made|nobody made"},
    {"a barrier of a slot that is not made", Slots, "tw_barrier_init(&full",
     "if (i > 0) tw_barrier_init(&full", "nobody made"},
    {"no fence before a multiplication", Slots, "  tw_wgmma_fence();", "", "without a fence"},
    {"products that are not committed", Slots, "  tw_wgmma_commit();", "",
     "before its wait|without a fence"},
    {"products that are not waited for", Slots, "  TW_WGMMA_WAIT(0);", "", "before its wait"},
    {"a wait that leaves a group", Slots, "TW_WGMMA_WAIT(0)", "TW_WGMMA_WAIT(1)",
     "has not yet brought|waited for"},
    {"a descriptor without swizzle", Slots, "(tw_u64)1 << 62", "(tw_u64)0 << 62", "not swizzled"},
    {"rows of a descriptor twice as far", Slots, "(tw_u64)(1024 >> 4)", "(tw_u64)(2048 >> 4)",
     "no shared memory|reads what nobody wrote|has not yet brought|wrong result"},
    {"steps of 64 bytes", Slots, "a + k * (32 >> 4)", "a + k * (64 >> 4)",
     "reads what nobody wrote|has not yet brought|wrong result"},
    {"a slot that no box can begin at", Slots, "6144, 49152)", "6080, 49216)", "misaligned"},
    {"a lane that does not multiply", Slots, "{left, right}, 64};\n",
     "{left, right}, 64};\n  if (tw_m->thread[0] != 7)\n", "not all threads of a warp"},
    {"warpgroups that read the same rows", Slots, "((thread_10 / 128) * 4096))]",
     "((thread_10 / 256) * 4096))]", kWrong}};

class SeededBugs : public testing::TestWithParam<SeededBug> {};

TEST_P(SeededBugs, AreFound) {
  const SeededBug& bug = GetParam();
  const std::string text = WithBug(TextOf(bug.subject()), bug);
  EXPECT_THAT(Findings(bug.subject(), text), ContainsRegex(bug.finding));
}

INSTANTIATE_TEST_SUITE_P(OfText, SeededBugs, testing::ValuesIn(kTextBugs),
                         [](const auto& info) { return NameOf(info.param); });

TEST(UnchangedText, RunsOnADeviceThatHasFoundABug) {
  const auto device = runtime::OpenEmulator(kBugSeed);
  std::string text = TextOf(Ring());
  text.replace(text.find("TW_ASYNC_WAIT(1)"), 16, "TW_ASYNC_WAIT(2)");
  EXPECT_NE(FindingsOn(*device, Ring(), text), "");
  EXPECT_EQ(FindingsOn(*device, Ring(), TextOf(Ring())), "");
}

TEST(UnchangedText, HasNoBugs) {
  for (const Subject* subject : {&Ring(), &Direct(), &Slots()}) {
    EXPECT_EQ(Findings(*subject, TextOf(*subject)), "");
  }
}

// The same of programs.
std::string ProgramFindings(const Subject& subject, const std::string& text) {
  const absl::StatusOr<Program> program = ParseProgram(text);
  EXPECT_TRUE(program.ok()) << program.status();
  if (!program.ok()) return "";
  if (const absl::Status found = Verify(*program); !found.ok()) return std::string(found.message());
  std::vector<Tensor> args = subject.args;
  args.back() = Tensor(subject.want.type());
  if (const absl::Status found = Interpret(*program, args); !found.ok()) {
    return std::string(found.message());
  }
  return RelativeError(args.back(), subject.want) <= kClose ? "" : "wrong result";
}

const SeededBug kProgramBugs[] = {
    {"no barrier in the ring", Ring, "barrier\n", "async_commit\n", "between two barriers"},
    {"a wait for too few groups", Ring, "async_wait 1", "async_wait 2",
     "an asynchronous store lands where"},
    {"half a warp", Ring, "thread_x lane in 0..32", "thread_x lane in 0..16", "whole warps"},
    {"a barrier that some may miss", Ring, "barrier\n", "if lane < 9:\n              barrier\n",
     "not all threads"},
    {"a ring of two stages in memory for three", Ring, "left_shared: shared float16[3,",
     "left_shared: shared float16[2,", "outside"},
    {"a fragment that is not in registers", Ring, "left_fragment: register", "left_fragment: stack",
     "must be in registers"},
    {"a store to an input", Ring, "async left_shared[0, ", "data[", "store to an input"},
    {"no barrier before a stage is written", Direct, "barrier\n", "async_commit\n",
     "between two barriers"},
    {"sums that start at one", Direct, " = 0.0\n", " = 1.0\n", kWrong},
    {"a slot used too early", Slots, "left_slots[stage % 3, 0, thread",
     "left_slots[(stage + 1) % 3, 0, thread", kWrong},
    {"fewer slots in memory than in use", Slots, "left_slots: shared float16[3,",
     "left_slots: shared float16[2,", "outside"},
    {"half of a warpgroup", Slots, "thread_x thread in 0..288", "thread_x thread in 0..224",
     "warpgroups of 128 threads"},
    {"products outside the use of a pipeline", Slots, "use:", "use:\n          barrier",
     "a barrier in"},
    {"stages that begin twice as far", Slots, "stage * 64", "stage * 128", kWrong}};

class SeededProgramBugs : public testing::TestWithParam<SeededBug> {};

TEST_P(SeededProgramBugs, AreFound) {
  const SeededBug& bug = GetParam();
  const std::string text = WithBug(Print(bug.subject().program()), bug);
  EXPECT_THAT(ProgramFindings(bug.subject(), text), ContainsRegex(bug.finding)) << text;
}

INSTANTIATE_TEST_SUITE_P(OfPrograms, SeededProgramBugs, testing::ValuesIn(kProgramBugs),
                         [](const auto& info) { return NameOf(info.param); });

TEST(UnchangedPrograms, HaveNoBugs) {
  for (const Subject* subject : {&Ring(), &Direct(), &Slots()}) {
    EXPECT_EQ(ProgramFindings(*subject, Print(subject->program())), "");
  }
}

}  // namespace
}  // namespace tilewright
