// Bugs that were put into the text of a convolution by warpgroups: how pixels and weights are laid
// out, where boxes begin and what shape they have, what is loaded as zeros, the slots' barriers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/targets/seeded_bugs.h"

namespace tilewright {
namespace {

// A padded window with strides: four residues, boxes of five dimensions, rows and columns that end
// within a box, channels that end within a stage. Its text is tests/golden/templates/
// conv2d_nchw_wgmma.cu, after the kernel that lays out the weights.
const Subject& Window() {
  static const Subject subject = SubjectOf(
      "conv2d(float16[2,72,7,9],float16[24,72,3,3];dilation=1,1;groups=1;padding=1,1,1,1;"
      "strides=2,2;NCHW,OIHW,NCHW)+bias+relu",
      "conv2d_nchw_wgmma.cuda", "cuda -arch=sm_90",
      R"([["groups","ot",1],["row_tiles","ot",1],["columns","ot",32],["slots","ot",2],
          ["raster","ot",1],["split_k","ot",1]])");
  return subject;
}

const char kOutsideOrWrong[] = "outside|wrong result";
const char kNoSuchPixels[] = "a box reads what nobody wrote|outside|wrong result";
const char kRacing[] = "races with another|wrong result";

const SeededBug kBugs[] = {
    {"no zeros right of the image", Window, ") % 2)) < 9)", ") % 2)) < 10)", kOutsideOrWrong},
    {"no zeros below the image", Window, "/ 80)) < 7)", "/ 80)) < 8)", kOutsideOrWrong},
    {"no zeros behind the last channel", Window, "(i_7 * 8)) + row_5) < 72)",
     "(i_7 * 8)) + row_5) < 96)", kOutside},
    {"residues of rows exchanged", Window, "% 4) * 2) +", "% 4) * 1) +", kOutsideOrWrong},
    {"no barrier before the square is read", Window,
     "  TW_BARRIER;\n  TW_UNROLL\n  for (tw_i32 i_8", "  TW_UNROLL\n  for (tw_i32 i_8",
     "races with another thread|reads what nobody wrote"},
    {"a square that is not turned", Window, "square_4[(((thread_6 * 33) + (i_8 * 8)) + row_5)]",
     "square_4[((((i_8 * 8) + row_5) * 33) + thread_6)]", kWrong},
    {"a square without its odd column", Window, "square_4[(((thread_6 * 33)",
     "square_4[(((thread_6 * 32)", "wrong result|reads what nobody wrote"},
    {"one channel too many laid out", Window, "if ((((block_y_2 * 32) + thread_6) < 72))",
     "if ((((block_y_2 * 32) + thread_6) < 73))", kRacing},
    {"a box one row down", Window, "((stage_14 + 6) / 12) - 1)", "((stage_14 + 6) / 12) - 0)",
     kWrong},
    {"a box one column to the right", Window, "% 3) + 1) / 2) - 1)", "% 3) + 1) / 2) - 0)", kWrong},
    {"the other residue of rows", Window, "((((stage_14 / 6) + 1) % 2) * 2)",
     "(((stage_14 / 6) % 2) * 2)", kWrong},
    {"the other residue of columns", Window, "((((stage_14 / 2) % 3) + 1) % 2)",
     "(((stage_14 / 2) % 3) % 2)", kWrong},
    {"the first image for all", Window, "(int)(block_y_6)", "(int)(0)", kWrong},
    {"the taps of weights in the order of channels", Window,
     "(int)(((stage_14 % 2) * 64)), (int)(0), (int)((stage_14 / 2))",
     "(int)(((stage_14 / 9) * 64)), (int)(0), (int)((stage_14 % 9))", kWrong},
    {"the first channels alone", Window,
     "map_5, &full_12[stage_14 % 2], (int)(((stage_14 % 2) * 64))",
     "map_5, &full_12[stage_14 % 2], (int)(0)", kWrong},
    {"one tap too few", Window, "stage_14 < 18", "stage_14 < 16", kWrong},
    {"a box of eight rows of four", Window, "72, 1, 1, 4, 8, 64}", "72, 1, 1, 8, 4, 64}", kWrong},
    {"a box of two images", Window, "72, 1, 1, 4, 8, 64}", "72, 1, 2, 2, 8, 64}", kWrong},
    {"a box of two residues", Window, "72, 1, 1, 4, 8, 64}", "72, 2, 1, 2, 8, 64}", kWrong},
    {"rows that do not end", Window, "4, 2, 4, 5, 72, 1", "4, 2, 4, 6, 72, 1", kNoSuchPixels},
    {"images that do not end", Window, "4, 2, 4, 5, 72, 1", "4, 2, 5, 5, 72, 1", kNoSuchPixels},
    {"channels that do not end", Window, "4, 2, 4, 5, 72, 1", "4, 2, 4, 5, 80, 1", kNoSuchPixels},
    {"bytes expected of the pixels alone", Window, ", 12288);", ", 4096);",
     "has not yet brought|deadlock"},
    {"full slots awaited in the round before", Window, "stage_14 / 2 % 2);\n      tw_wgmma_fence",
     "1 - stage_14 / 2 % 2);\n      tw_wgmma_fence", "reads what nobody wrote|has not yet brought"},
    {"empty slots awaited in the round to come", Window, "1 - stage_14 / 2 % 2", "stage_14 / 2 % 2",
     "deadlock"},
    {"no wait for an empty slot", Window, "tw_barrier_wait(&empty", "if (0) tw_barrier_wait(&empty",
     kOverrun},
    {"no fence before a multiplication", Window, "      tw_wgmma_fence();\n", "",
     "without a fence"},
    {"products that are not waited for", Window, "      TW_WGMMA_WAIT(0);\n", "",
     "before its wait"},
    {"pixels behind the end of a row stored", Window, "* 2) + e_17) < 5)", "* 2) + e_17) < 6)",
     kRacing},
    {"output channels behind the last stored", Window, "((thread_9 % 32) / 4)) < 24)",
     "((thread_9 % 32) / 4)) < 32)", "outside|races with another|wrong result"},
    {"the bias of another channel", Window, "bias0_2[((((thread_9 / 32) * 16) + (half_16 * 8))",
     "bias0_2[((((thread_9 / 32) * 16) + (half_16 * 4))", kWrong}};

class SeededConvolutionBugs : public testing::TestWithParam<SeededBug> {};

TEST_P(SeededConvolutionBugs, AreFound) {
  const SeededBug& bug = GetParam();
  const std::string text = WithBug(TextOf(bug.subject()), bug);
  EXPECT_THAT(Findings(bug.subject(), text), testing::ContainsRegex(bug.finding));
}

INSTANTIATE_TEST_SUITE_P(OfText, SeededConvolutionBugs, testing::ValuesIn(kBugs),
                         [](const auto& info) { return NameOf(info.param); });

TEST(UnchangedConvolution, HasNoBugs) { EXPECT_EQ(Findings(Window(), TextOf(Window())), ""); }

}  // namespace
}  // namespace tilewright
