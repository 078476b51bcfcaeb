// What the untuned schedules of the CPU's templates choose, and why they differ from layer to
// layer.
#include <gtest/gtest.h>

#include "absl/strings/str_format.h"
#include "compiler/operators/workload_rules.h"
#include "compiler/templates/template.h"

namespace tilewright {
namespace {

constexpr const char* kAvx2 = "cpu -mcpu=haswell";
constexpr const char* kAvx512 = "cpu -mcpu=znver4";

struct Untuned {
  TemplateEntry entry;
  Config config;
  LoweredTask task;
};

Untuned UntunedOf(const char* key, const char* target_text = kAvx2) {
  const Workload workload = ParseWorkload(key).value();
  const Target target = ParseTarget(target_text).value();
  const TemplateEntry entry = UntunedTemplate(workload, target, /*exact=*/false).value();
  Config config = entry.impl->Default(workload, target);
  LoweredTask task = entry.impl->Lower(workload, target, config).value();
  return {entry, std::move(config), std::move(task)};
}

TEST(DefaultChoices, AStrided1x1ConvolutionReadsPixelsThatWereGathered) {
  const Untuned strided = UntunedOf(
      "conv2d(float32[1,64,14,14],float32[128,64,1,1];dilation=1,1;groups=1;padding=0,0,0,0;"
      "strides=2,2;NCHW8c,OIHW8i8o,NCHW8c)");
  ASSERT_EQ(strided.task.steps.size(), 2u);
  EXPECT_EQ(strided.task.steps[0].program.name, "copy");
  ASSERT_EQ(strided.task.buffers.size(), 1u);
  EXPECT_EQ(strided.task.buffers[0].shape, (Shape{1, 8, 7, 7, 8}));
  const Untuned plain = UntunedOf(
      "conv2d(float32[1,64,7,7],float32[128,64,1,1];dilation=1,1;groups=1;padding=0,0,0,0;"
      "strides=1,1;NCHW8c,OIHW8i8o,NCHW8c)");
  EXPECT_EQ(plain.task.steps.size(), 1u);
  EXPECT_EQ(strided.config, plain.config) << "both are one row of 49 pixels";
}

// 3072 floats are a multiple of the bytes of all sets: more than six rows would push each other
// out.
TEST(DefaultChoices, ADenseLayersTileHasNoMoreRowsThanASetOfTheCacheHolds) {
  const auto rows = [](const char* key) { return UntunedOf(key, kAvx512).config.Inner("tile_m"); };
  EXPECT_LE(rows("dense(float32[128,3072],float32[768,3072];,NK16n,)"), 6);
  EXPECT_GT(rows("dense(float32[128,768],float32[768,768];,NK16n,)"), 8);
}

TEST(DefaultChoices, WeightsThatAreReadOnceAreFetchedAheadWhereSeveralRowsUseThem) {
  const auto config = [](const char* key) { return UntunedOf(key, kAvx512).config; };
  const Config one = config("dense(float32[1,768],float32[768,768];,NK16n,)");
  EXPECT_FALSE(one.Bool("prefetch"));
  for (const char* key : {"dense(float32[8,768],float32[1536,768];,NK16n,)",
                          "dense(float32[8,3072],float32[4096,3072];,NK16n,)"}) {
    EXPECT_EQ(config(key).Inner("tile_m"), 8) << "all rows meet the weights at once: " << key;
    EXPECT_TRUE(config(key).Bool("prefetch")) << key;
  }
}

TEST(DefaultChoices, A1x1ConvolutionUnrollsAWholeBlockOfEightChannels) {
  const auto channels = [](const char* key, const char* target) {
    return UntunedOf(key, target).config.Int("unroll_ic");
  };
  EXPECT_EQ(channels("conv2d(float32[1,512,14,14],float32[512,512,1,1];dilation=1,1;groups=1;"
                     "padding=0,0,0,0;strides=1,1;NCHW8c,OIHW8i8o,NCHW8c)",
                     kAvx2),
            8);
  EXPECT_EQ(channels("conv2d(float32[1,512,14,14],float32[512,512,1,1];dilation=1,1;groups=1;"
                     "padding=0,0,0,0;strides=1,1;NCHW16c,OIHW16i16o,NCHW16c)",
                     kAvx512),
            4);
  EXPECT_EQ(channels("conv2d(float32[1,64,7,7],float32[64,64,3,3];dilation=1,1;groups=1;"
                     "padding=1,1,1,1;strides=2,2;NCHW8c,OIHW8i8o,NCHW8c)",
                     kAvx2),
            4);
}

TEST(DefaultChoices, AConvolutionOfASmallMapReadsACopyInsideBordersOfZeros) {
  const Untuned small = UntunedOf(
      "conv2d(float32[1,48,35,35],float32[64,48,5,5];dilation=1,1;groups=1;padding=2,1,2,3;"
      "strides=1,1;NCHW8c,OIHW8i8o,NCHW8c)");
  ASSERT_EQ(small.task.steps.size(), 2u);
  EXPECT_EQ(small.task.buffers[0].shape, (Shape{1, 6, 39, 39, 8}));
  const Untuned large = UntunedOf(
      "conv2d(float32[1,48,135,135],float32[64,48,5,5];dilation=1,1;groups=1;padding=2,1,2,3;"
      "strides=1,1;NCHW8c,OIHW8i8o,NCHW8c)");
  EXPECT_EQ(large.task.steps.size(), 1u);
  const Untuned one_sided = UntunedOf(
      "conv2d(float32[1,256,28,28],float32[256,256,3,3];dilation=1,1;groups=1;padding=1,1,1,1;"
      "strides=2,2;NCHW8c,OIHW8i8o,NCHW8c)");
  EXPECT_EQ(one_sided.task.steps.size(), 1u) << "no tap reaches the padding on the right";
}

std::string Conv3x3(const char* data, const char* weight, int channels, int size) {
  return absl::StrFormat(
      "conv2d(%1$s[1,%3$d,%4$d,%4$d],%2$s[%3$d,%3$d,3,3];dilation=1,1;groups=1;padding=1,1,1,1;"
      "strides=1,1;NCHW16c,OIHW16i16o,NCHW16c)",
      data, weight, channels, size);
}

TEST(DefaultChoices, WinogradOfBytesIsExactAndTakesLayersOfFewWeights) {
  const Target target = ParseTarget(kAvx512).value();
  const auto chosen = [&](int channels, int size, bool exact) {
    const Workload w = ParseWorkload(Conv3x3("uint8", "int8", channels, size)).value();
    return UntunedTemplate(w, target, exact)->name;
  };
  EXPECT_EQ(chosen(64, 56, true), "conv2d_winograd.cpu");
  EXPECT_EQ(chosen(128, 28, true), "conv2d_winograd.cpu");
  EXPECT_EQ(chosen(512, 7, false), "conv2d_nchwc.cpu") << "eight times the bytes of weights";
}

TEST(DefaultChoices, WinogradOfBFloat16IsNotExact) {
  const Workload w = ParseWorkload(Conv3x3("bfloat16", "bfloat16", 128, 28)).value();
  const Target target = ParseTarget(kAvx512).value();
  EXPECT_EQ(UntunedTemplate(w, target, false)->name, "conv2d_winograd.cpu");
  EXPECT_EQ(UntunedTemplate(w, target, true)->name, "conv2d_nchwc.cpu");
}

TEST(DefaultChoices, ByteDotsOfConditionalTapsHaveShortBodies) {
  for (const auto& [channels, size] : {std::pair{256, 14}, {512, 7}}) {
    const Untuned layer = UntunedOf(Conv3x3("uint8", "int8", channels, size).c_str(), kAvx512);
    ASSERT_EQ(layer.entry.name, "conv2d_nchwc.cpu");
    const int64_t tile = layer.config.Inner("tile_oc") * layer.config.Inner("tile_oh") *
                         layer.config.Inner("tile_ow");
    EXPECT_LE(tile * layer.config.Int("unroll_ic"), 40) << size;
  }
}

TEST(DefaultChoices, DenseWeightsAreFetchedAheadWhereTheyAreReadAgainAndStayInCache) {
  const auto prefetches = [](const char* key) { return UntunedOf(key).config.Bool("prefetch"); };
  EXPECT_TRUE(prefetches("dense(float32[16,768],float32[3072,768];,NK8n,)"));
  EXPECT_FALSE(prefetches("dense(float32[1,768],float32[3072,768];,NK8n,)"))
      << "one row: each weight is read once";
  EXPECT_FALSE(prefetches("dense(float32[16,9216],float32[4096,9216];,NK8n,)"))
      << "the next tile's weights would not stay in the cache";
}

TEST(DefaultChoices, WinogradTakesDeepLayersOnSmallMapsWithAnyVectors) {
  EXPECT_EQ(UntunedOf("conv2d(float32[1,512,7,7],float32[512,512,3,3];dilation=1,1;groups=1;"
                      "padding=1,1,1,1;strides=1,1;NCHW8c,OIHW8i8o,NCHW8c)+bias+relu")
                .entry.name,
            "conv2d_winograd.cpu");
}

TEST(DefaultChoices, EveryStepOfASmallWinogradLayerIsSplitOverThreads) {
  for (const char* key :
       {"conv2d(float32[1,128,14,14],float32[32,128,3,3];dilation=1,1;groups=1;padding=1,1,1,1;"
        "strides=1,1;NCHW16c,OIHW16i16o,NCHW16c)",
        "conv2d(float32[1,256,14,14],float32[256,256,3,3];dilation=1,1;groups=1;padding=1,1,1,1;"
        "strides=1,1;NCHW16c,OIHW16i16o,NCHW16c)+bias+relu"}) {
    const Untuned untuned = UntunedOf(key, kAvx512);
    ASSERT_EQ(untuned.entry.name, "conv2d_winograd.cpu");
    for (const LoweredStep& step : untuned.task.steps) {
      EXPECT_EQ(step.program.ParallelExtent() % 2, 0) << step.program.name << " of " << key;
    }
  }
}

TEST(DefaultChoices, WinogradKeepsALargeMapsTransformedTilesInTheCache) {
  const char* large =
      "conv2d(float32[1,64,56,56],float32[64,64,3,3];dilation=1,1;groups=1;padding=1,1,1,1;"
      "strides=1,1;NCHW16c,OIHW16i16o,NCHW16c)+bias+relu";
  EXPECT_EQ(UntunedOf(large, kAvx512).config.Str("order"), "px");
}

TEST(DefaultChoices, ATileTakesFiveBlocksOfChannelsWhereNoFewerDivideThem) {
  const auto blocks = [](const char* key) { return UntunedOf(key).config.Inner("tile_oc"); };
  EXPECT_EQ(blocks("conv2d(float32[1,512,13,13],float32[1000,512,1,1];dilation=1,1;groups=1;"
                   "padding=0,0,0,0;strides=1,1;NCHW8c,OIHW8i8o,NCHW8c)+bias+relu"),
            5)
      << "of 125 blocks";
  EXPECT_EQ(blocks("conv2d(float32[1,512,13,13],float32[1008,512,1,1];dilation=1,1;groups=1;"
                   "padding=0,0,0,0;strides=1,1;NCHW8c,OIHW8i8o,NCHW8c)+bias+relu"),
            3)
      << "of 126 blocks";
}

TEST(DefaultChoices, TilesAreHighWhereABroadcastIsAShuffle) {
  const auto tile = [](const char* key, const char* target) {
    const Config config = UntunedOf(key, target).config;
    return Shape{config.Inner("tile_oc"), config.Inner("tile_ow")};
  };
  EXPECT_EQ(tile("conv2d(float32[1,256,14,14],float32[1024,256,1,1];dilation=1,1;groups=1;"
                 "padding=0,0,0,0;strides=1,1;NCHW4c,OIHW4i4o,NCHW4c)+bias+relu",
                 "cpu -mcpu=x86-64"),
            (Shape{4, 2}));
  EXPECT_EQ(tile("conv2d(float32[1,256,14,14],float32[1024,256,1,1];dilation=1,1;groups=1;"
                 "padding=0,0,0,0;strides=1,1;NCHW8c,OIHW8i8o,NCHW8c)+bias+relu",
                 kAvx2),
            (Shape{2, 6}));
}

TEST(DefaultChoices, ATransposedConvolutionUnrollsTheTapsOfARow) {
  const auto unrolls = [](const char* key) { return UntunedOf(key).config.Bool("unroll_taps"); };
  EXPECT_TRUE(
      unrolls("conv2d_transpose(float32[1,64,80,80],float32[64,32,4,4];dilation=1,1;"
              "groups=1;output_padding=0,0;padding=1,1,1,1;strides=2,2;"
              "NCHW8c,IOHW8i8o,NCHW8c)"));
  EXPECT_FALSE(
      unrolls("conv2d_transpose(float32[1,64,40,40],float32[64,64,2,2];dilation=1,1;"
              "groups=1;output_padding=0,0;padding=0,0,0,0;strides=2,2;"
              "NCHW8c,IOHW8i8o,NCHW8c)"))
      << "one tap a phase";
}

TEST(DefaultChoices, ATransposedConvolutionReadsATilesWeightsFromHalfOfTheFirstCache) {
  const auto blocks = [](const char* key) {
    return UntunedOf(key, kAvx512).config.Inner("tile_oc");
  };
  EXPECT_EQ(blocks("conv2d_transpose(float32[1,64,80,80],float32[64,32,4,4];dilation=1,1;"
                   "groups=1;output_padding=0,0;padding=1,1,1,1;strides=2,2;"
                   "NCHW16c,IOHW16i16o,NCHW16c)"),
            1)
      << "two blocks are 32 KiB";
  EXPECT_EQ(blocks("conv2d_transpose(float32[1,32,80,80],float32[32,32,4,4];dilation=1,1;"
                   "groups=1;output_padding=0,0;padding=1,1,1,1;strides=2,2;"
                   "NCHW16c,IOHW16i16o,NCHW16c)"),
            2)
      << "two blocks are 16 KiB";
  EXPECT_EQ(blocks("conv2d_transpose(float32[1,512,20,20],float32[512,128,4,4];dilation=1,1;"
                   "groups=1;output_padding=0,0;padding=1,1,1,1;strides=2,2;"
                   "NCHW16c,IOHW16i16o,NCHW16c)"),
            2)
      << "not even one block's stay";
}

}  // namespace
}  // namespace tilewright
