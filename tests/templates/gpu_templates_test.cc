// Every GPU template agrees with the plain definition in the interpreter, which also finds races.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "compiler/core/gpu_traits.h"
#include "compiler/loop/threads.h"
#include "compiler/loop/visit.h"
#include "compiler/operators/workload_rules.h"
#include "tests/contract/template_contract.h"

namespace tilewright {
namespace {

Target Parsed(const std::string& text) { return ParseTarget(text).value(); }

// Small, with odd extents, strides, padding, dilation and epilogues.
std::vector<Workload> Workloads() {
  std::vector<Workload> workloads;
  for (const char* key :
       {"conv2d(float32[1,6,7,9],float32[10,6,3,3];dilation=1,1;groups=1;padding=1,1,1,1;"
        "strides=1,1;NCHW,OIHW,NCHW)+bias+relu",
        "conv2d(float32[2,3,11,7],float32[4,3,5,3];dilation=1,2;groups=1;padding=2,0,1,3;"
        "strides=2,1;NCHW,OIHW,NCHW)",
        "conv2d(float32[1,8,5,5],float32[6,8,1,1];dilation=1,1;groups=1;padding=0,0,0,0;"
        "strides=1,1;NCHW,OIHW,NCHW)",
        "depthwise_conv2d(float32[1,6,9,7],float32[6,1,3,3];dilation=1,1;groups=6;"
        "padding=1,1,1,1;strides=2,2;NCHW,OIHW,NCHW)+bias+relu",
        "conv2d(float32[2,6,7,9],float32[9,2,3,3];dilation=1,1;groups=3;padding=1,1,1,1;"
        "strides=1,1;NCHW,OIHW,NCHW)+bias+relu",
        "conv2d(float32[1,8,11,6],float32[4,4,5,3];dilation=1,2;groups=2;padding=2,0,1,3;"
        "strides=2,1;NCHW,OIHW,NCHW)+add",
        // Winograd's tiles of 2 and of 4, cut off at the borders.
        "conv2d(float32[2,5,7,6],float32[6,5,3,3];dilation=1,1;groups=1;padding=0,2,1,0;"
        "strides=1,1;NCHW,OIHW,NCHW)+bias",
        "conv2d(float32[2,3,16,9],float32[6,3,3,3];dilation=1,1;groups=1;padding=1,1,1,1;"
        "strides=1,1;NCHW,OIHW,NCHW)+bias+add+relu",
        "conv2d(float32[1,2,8,8],float32[5,2,3,3];dilation=1,1;groups=1;padding=0,0,0,0;"
        "strides=1,1;NCHW,OIHW,NCHW)",
        "conv2d_transpose(float32[1,4,5,4],float32[4,6,3,3];dilation=1,1;groups=1;"
        "output_padding=1,1;padding=1,1,1,1;strides=2,2;NCHW,IOHW,NCHW)+bias+relu",
        "conv2d_transpose(float32[2,3,4,5],float32[3,5,4,2];dilation=1,2;groups=1;"
        "output_padding=0,1;padding=0,1,2,0;strides=1,3;NCHW,IOHW,NCHW)",
        "conv2d_transpose(float32[1,7,1,6],float32[7,1,1,9];dilation=1,1;groups=1;"
        "output_padding=0,0;padding=0,4,0,4;strides=1,4;NCHW,IOHW,NCHW)+add",
        "conv2d(float16[1,6,7,9],float16[10,6,3,3];dilation=1,1;groups=1;padding=1,1,1,1;"
        "strides=1,1;NCHW,OIHW,NCHW)+bias+relu",
        "dense(bfloat16[5,14],bfloat16[10,14];out=float32;,NK,)+bias",
        "dense(float32[3,14],float32[10,14];,NK,)+bias", "dense(float32[1,35],float32[12,35];,NK,)",
        "batch_matmul(float32[3,5,14],float32[3,14,9];,,)"}) {
    absl::StatusOr<Workload> workload = ParseWorkload(key);
    EXPECT_TRUE(workload.ok()) << workload.status();
    if (workload.ok()) workloads.push_back(*workload);
  }
  return workloads;
}

TEST(GpuTemplates, ComputeWhatTheDefinitionDoesWithoutRaces) {
  for (const char* target : {"opencl", "cuda -arch=sm_90"}) {
    for (const Workload& workload : Workloads()) {
      const std::vector<TemplateEntry> matching = MatchingTemplates(workload, Parsed(target));
      EXPECT_FALSE(matching.empty()) << workload.Key();
      for (const TemplateEntry& entry : matching) {
        CheckTemplate(entry, workload, Parsed(target), {4, 11});
        if (HasFatalFailure()) return;
      }
    }
  }
}

Workload Conv7x7() {
  return ParseWorkload(
             "conv2d(float32[1,512,7,7],float32[512,512,3,3];dilation=1,1;groups=1;"
             "padding=1,1,1,1;strides=1,1;NCHW,OIHW,NCHW)")
      .value();
}

TEST(GpuTemplates, TheTutorialsSpaceIsAutoTvms) {
  const Template& conv = *FindTemplate("tutorial/conv2d_no_batching").value();
  const ConfigSpace space = conv.Space(Conv7x7(), Parsed("cuda -arch=sm_90"));
  EXPECT_EQ(space.size(), 10'454'400u);
  const absl::StatusOr<Config> config = ParseEntitiesJson(
      R"([["tile_f","sp",[-1,2,8,1]],["tile_y","sp",[-1,1,7,1]],["tile_x","sp",[-1,7,1,1]],
          ["tile_rc","sp",[-1,8,1]],["tile_ry","sp",[-1,3,1]],["tile_rx","sp",[-1,1,1]],
          ["auto_unroll_max_step","ot",512],["unroll_explicit","ot",0]])");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(space.IndexOf(*config).value(), 1'947'908u);
  EXPECT_EQ(space.At(1'947'908), *config);
  EXPECT_EQ(space.WhyInvalid(*config), std::nullopt);
}

// Sizes computed from AutoTVM's definitions; indices are those of published logs (TopHub, cuda).
TEST(GpuTemplates, DirectSpacesHaveAutoTvmsSizesAndIndices) {
  const Target cuda = Parsed("cuda -arch=sm_90");
  const ConfigSpace space = FindTemplate("conv2d_nchw.cuda").value()->Space(Conv7x7(), cuda);
  EXPECT_EQ(space.size(), 844'800u);
  const Workload logged =
      ParseWorkload(
          "conv2d(float32[1,32,288,128],float32[5,32,1,1];dilation=1,1;groups=1;"
          "padding=0,0,0,0;strides=1,1;NCHW,OIHW,NCHW)")
          .value();
  const Config config =
      ParseEntitiesJson(
          R"([["tile_f","sp",[-1,5,1,1]],["tile_y","sp",[-1,1,1,1]],["tile_x","sp",[-1,1,128,1]],
              ["tile_rc","sp",[-1,2]],["tile_ry","sp",[-1,1]],["tile_rx","sp",[-1,1]],
              ["auto_unroll_max_step","ot",512],["unroll_explicit","ot",1]])")
          .value();
  EXPECT_EQ(FindTemplate("conv2d_nchw.cuda").value()->Space(logged, cuda).IndexOf(config).value(),
            6'798'401u);
  const Workload dense = ParseWorkload("dense(float32[128,768],float32[2304,768];,NK,)").value();
  const Config dense_config =
      ParseEntitiesJson(
          R"([["tile_x","sp",[-1,4,4,8]],["tile_y","sp",[-1,32,1,12]],["tile_k","sp",[-1,384,1]]])")
          .value();
  EXPECT_EQ(FindTemplate("dense_large_batch.gpu")
                .value()
                ->Space(dense, cuda)
                .IndexOf(dense_config)
                .value(),
            3'297'336u);
}

// 10 knobs of AutoTVM's and the later fuse_yx; the index by its mixed radix, lowest digit first.
TEST(GpuTemplates, TheGroupedSpaceHasAutoTvmsKnobsAndSize) {
  const Workload grouped =
      ParseWorkload(
          "conv2d(float32[1,128,14,14],float32[128,4,3,3];dilation=1,1;groups=32;"
          "padding=1,1,1,1;strides=1,1;NCHW,OIHW,NCHW)")
          .value();
  const Target cuda = Parsed("cuda -arch=sm_90");
  const ConfigSpace space = FindTemplate("group_conv2d_nchw.cuda").value()->Space(grouped, cuda);
  std::string knobs;
  for (size_t i = 0; i < space.knob_count(); ++i) knobs += space.knob_name(i) + " ";
  EXPECT_EQ(knobs,
            "tile_n tile_g tile_f tile_y tile_x tile_rc tile_ry tile_rx auto_unroll_max_step "
            "unroll_explicit fuse_yx ");
  // 1 * 6 * C(5,2) * 16 * 16 * 3 * 2 * 2 * 3 * 2 * 2: quadruples of divisors of 1, 4, 14.
  EXPECT_EQ(space.size(), 2'211'840u);
  const Config config =
      ParseEntitiesJson(
          R"([["tile_n","sp",[-1,1,1,1]],["tile_g","sp",[-1,2]],["tile_f","sp",[-1,1,4,1]],
              ["tile_y","sp",[-1,1,7,1]],["tile_x","sp",[-1,1,14,1]],["tile_rc","sp",[-1,4]],
              ["tile_ry","sp",[-1,3]],["tile_rx","sp",[-1,3]],["auto_unroll_max_step","ot",1500],
              ["unroll_explicit","ot",0],["fuse_yx","ot",1]])")
          .value();
  EXPECT_EQ(space.WhyInvalid(config), std::nullopt);
  EXPECT_EQ(space.At(space.IndexOf(config).value()), config);
}

// The indices of published logs (TopHub, cuda): of 2018 with every part of a split, of 2020 with
// -1.
TEST(GpuTemplates, TheWinogradSpaceHasAutoTvmsIndices) {
  const Template& winograd = *FindTemplate("conv2d_nchw_winograd.cuda").value();
  const struct {
    const char *shape, *entities;
    uint64_t index;
  } logged[] = {
      {"float32[1,448,8,8],float32[384,448,3,3]",
       R"([["tile_b","sp",[36,1,1,1]],["tile_y","sp",[6,1,32,2]],["tile_x","sp",[1,1,4,1]],
           ["tile_rc","sp",[28,16]],["auto_unroll_max_step","ot",0],["unroll_explicit","ot",1]])",
       232'980},
      {"float32[1,96,35,35],float32[96,96,3,3]",
       R"([["tile_b","sp",[16,1,1,1]],["tile_y","sp",[6,2,2,4]],["tile_x","sp",[1,3,108,1]],
           ["tile_rc","sp",[12,8]],["auto_unroll_max_step","ot",128],["unroll_explicit","ot",0]])",
       1'352'202},
      {"float32[1,64,35,35],float32[96,64,3,3]",
       R"([["tile_b","sp",[-1,1,1,1]],["tile_y","sp",[-1,1,2,8]],["tile_x","sp",[-1,3,108,1]],
           ["tile_rc","sp",[-1,8]],["auto_unroll_max_step","ot",0],["unroll_explicit","ot",1]])",
       1'901'044}};
  for (const auto& row : logged) {
    const Workload workload = ParseWorkload(std::string("conv2d(") + row.shape +
                                            ";dilation=1,1;groups=1;padding=1,1,1,1;strides=1,1;"
                                            "NCHW,OIHW,NCHW)")
                                  .value();
    const ConfigSpace space = winograd.Space(workload, Parsed("cuda -model=titanx"));
    const Config config = ParseEntitiesJson(row.entities).value();
    EXPECT_EQ(space.IndexOf(config).value(), row.index) << row.shape;
    EXPECT_EQ(space.WhyInvalid(space.At(row.index)), std::nullopt) << row.shape;
    EXPECT_EQ(space.IndexOf(space.At(row.index)).value(), row.index) << row.shape;
  }
}

TEST(GpuTemplates, TheTransposedSpaceHasAutoTvmsIndices) {
  const Template& transposed = *FindTemplate("conv2d_transpose_nchw.cuda").value();
  const Workload workload =
      ParseWorkload(
          "conv2d_transpose(float32[1,512,9,4],float32[512,256,3,3];dilation=1,1;groups=1;"
          "output_padding=1,1;padding=1,1,1,1;strides=2,2;NCHW,IOHW,NCHW)")
          .value();
  const ConfigSpace space = transposed.Space(workload, Parsed("cuda -model=v100"));
  const Config config =
      ParseEntitiesJson(
          R"([["tile_n","sp",[-1,1,1,1]],["tile_f","sp",[-1,1,4,4]],["tile_y","sp",[-1,1,18,1]],
              ["tile_x","sp",[-1,1,2,1]],["tile_rc","sp",[-1,32,16]],
              ["auto_unroll_max_step","ot",1500],["unroll_explicit","ot",1],["fuse_yx","ot",0]])")
          .value();
  EXPECT_EQ(space.IndexOf(config).value(), 41'477'299u);
  EXPECT_EQ(space.At(41'477'299), config);
  EXPECT_EQ(space.WhyInvalid(config), std::nullopt);
}

// Every other row and column of the dilated data is zero.
TEST(GpuTemplates, ATransposedBlockOfOneRowLeavesOutTheTapsThatMeetOnlyZeros) {
  const Template& transposed = *FindTemplate("conv2d_transpose_nchw.cuda").value();
  const Workload workload =
      ParseWorkload(
          "conv2d_transpose(float32[1,4,5,4],float32[4,6,4,4];dilation=1,1;groups=1;"
          "output_padding=0,0;padding=1,1,1,1;strides=2,2;NCHW,IOHW,NCHW)")
          .value();
  const Target cuda = Parsed("cuda -arch=sm_90");
  const auto skips = [&](const char* rows, const char* columns) {
    Config config = transposed.Space(workload, cuda).At(0);
    for (auto& [name, entity] : config.entities) {
      if (name == "tile_y") entity = ParseEntitiesJson(rows)->entities[0].second;
      if (name == "tile_x") entity = ParseEntitiesJson(columns)->entities[0].second;
    }
    const LoweredTask task = transposed.Lower(workload, cuda, config).value();
    bool found = false;
    // One thread a block: no other condition is needed.
    ForEachStmt(task.steps[0].program.body,
                [&](const Stmt& s) { found = found || s->kind == StmtKind::kIf; });
    return found;
  };
  EXPECT_TRUE(skips(R"([["t","sp",[-1,1,1,1]]])", R"([["t","sp",[-1,2,1,1]]])"));
  EXPECT_TRUE(skips(R"([["t","sp",[-1,2,1,1]]])", R"([["t","sp",[-1,1,1,1]]])"));
  EXPECT_FALSE(skips(R"([["t","sp",[-1,2,1,1]]])", R"([["t","sp",[-1,2,1,1]]])"));
}

TEST(GpuTemplates, ExactLeavesWinogradOut) {
  const Workload layer =
      ParseWorkload(
          "conv2d(float32[1,64,56,56],float32[64,64,3,3];dilation=1,1;groups=1;padding=1,1,1,1;"
          "strides=1,1;NCHW,OIHW,NCHW)")
          .value();
  const Target cuda = Parsed("cuda -arch=sm_90");
  EXPECT_EQ(UntunedTemplate(layer, cuda, false)->name, "conv2d_nchw_winograd.cuda");
  EXPECT_EQ(UntunedTemplate(layer, cuda, true)->name, "conv2d_nchw.cuda");
  EXPECT_FALSE(FindTemplate("conv2d_nchw_winograd.cuda").value()->Exact(layer));
}

// One knob: the index is the place of the threads among the divisors of the reduction, ascending.
TEST(GpuTemplates, TheSmallBatchsSpaceIsTheDivisorsOfTheReduction) {
  const Template& small = *FindTemplate("dense_small_batch.gpu").value();
  const Workload dense = ParseWorkload("dense(float32[1,768],float32[1000,768];,NK,)").value();
  const ConfigSpace space = small.Space(dense, Parsed("cuda -arch=sm_90"));
  EXPECT_EQ(space.size(), 18u);
  for (const auto& [text, index] : {std::pair<const char*, uint64_t>{"[-1,1]", 0},
                                    {"[-1,6]", 4},
                                    {"[12,64]", 11},
                                    {"[-1,768]", 17}}) {
    const Config config =
        ParseEntitiesJson(std::string(R"([["tile_k","sp",)") + text + "]]").value();
    EXPECT_EQ(space.IndexOf(config).value(), index) << text;
  }
  EXPECT_EQ(small.Default(dense, Parsed("cuda")).Inner("tile_k"), 64);
}

// As AutoTVM chooses without a log.
TEST(GpuTemplates, FewRowsOnCudaTakeTheSmallBatchUntuned) {
  const auto chosen = [](const char* rows, const char* target) {
    const std::string key = std::string("dense(float32[") + rows + ",768],float32[1000,768];,NK,)";
    return UntunedTemplate(ParseWorkload(key).value(), Parsed(target), false)->name;
  };
  EXPECT_EQ(chosen("1", "cuda -arch=sm_90"), "dense_small_batch.gpu");
  EXPECT_EQ(chosen("64", "cuda -arch=sm_90"), "dense_large_batch.gpu");
  EXPECT_EQ(chosen("1", "opencl"), "dense_large_batch.gpu");
}

TEST(GpuTemplates, TheModelOfADeviceSaysHowLargeItIs) {
  EXPECT_EQ(GpuTraitsOf(Parsed("cuda -model=jetson-nano")).multiprocessors, 1);
  EXPECT_EQ(GpuTraitsOf(Parsed("cuda -model=tx2")).multiprocessors, 2);
  EXPECT_EQ(GpuTraitsOf(Parsed("cuda -model=1080ti")).multiprocessors, 28);
  EXPECT_EQ(GpuTraitsOf(Parsed("cuda -model=unheard")).multiprocessors, 80);
}

// A multiply-add would convert what it reads each time.
TEST(GpuTemplates, NarrowFloatsAreStagedAsTheSumsType) {
  const Template& dense = *FindTemplate("dense_large_batch.gpu").value();
  for (const auto& [type, staged] : {std::pair{"float16", DType::kF32},
                                     {"bfloat16", DType::kF32},
                                     {"int8", DType::kI8},
                                     {"float32", DType::kF32}}) {
    const std::string key = std::string("dense(") + type + "[32,64]," + type + "[48,64];,NK,)";
    const Workload workload = ParseWorkload(key).value();
    const Target cuda = Parsed("cuda -arch=sm_90");
    const LoweredTask task = dense.Lower(workload, cuda, dense.Default(workload, cuda)).value();
    int buffers = 0;
    ForEachStmt(task.steps[0].program.body, [&](const Stmt& s) {
      if (s->kind != StmtKind::kAlloc || s->buffer->scope != Scope::kShared) return;
      EXPECT_EQ(s->buffer->dtype, staged) << type;
      ++buffers;
    });
    EXPECT_EQ(buffers, 2) << type;
  }
}

// 8 channels of 16 pixels a thread: of a plain convolution 16 inputs and 8 weights, of a depthwise
// one an input for each output.
TEST(GpuTemplates, WhatAThreadHoldsOfTheInputsCountsAsRegisters) {
  const Target target = Parsed("cuda -arch=sm_90");
  for (const bool depthwise : {false, true}) {
    const Workload workload =
        ParseWorkload(depthwise ? "depthwise_conv2d(float32[1,64,16,16],float32[64,1,3,3];"
                                  "dilation=1,1;groups=64;padding=1,1,1,1;strides=1,1;"
                                  "NCHW,OIHW,NCHW)"
                                : "conv2d(float32[1,64,16,16],float32[64,64,3,3];dilation=1,1;"
                                  "groups=1;padding=1,1,1,1;strides=1,1;NCHW,OIHW,NCHW)")
            .value();
    const char* name = depthwise ? "depthwise_conv2d_nchw.cuda" : "conv2d_nchw.cuda";
    const ConfigSpace space = FindTemplate(name).value()->Space(workload, target);
    Config config = space.At(0);
    for (auto& [knob, entity] : config.entities) {
      if (knob == "tile_f") entity = SplitEntity{{-1, 1, 4, 8}};
      if (knob == "tile_y") entity = SplitEntity{{-1, 1, 2, 8}};
      if (knob == "tile_x") entity = SplitEntity{{-1, 1, 8, 2}};
    }
    const std::string why = space.WhyInvalid(config).value_or("");
    EXPECT_THAT(why, testing::HasSubstr(depthwise ? "255 registers" : "")) << name;
    EXPECT_EQ(why.empty(), !depthwise) << name << ": " << why;
  }
}

TEST(GpuTemplates, FiltersRefuseWhatTheDeviceCannotStart) {
  const Template& conv = *FindTemplate("conv2d_nchw.cuda").value();
  const ConfigSpace space = conv.Space(Conv7x7(), Parsed("cuda -arch=sm_90"));
  const Config wide =
      ParseEntitiesJson(
          R"([["tile_f","sp",[-1,1,512,1]],["tile_y","sp",[-1,1,7,1]],["tile_x","sp",[-1,1,7,1]],
              ["tile_rc","sp",[-1,1]],["tile_ry","sp",[-1,1]],["tile_rx","sp",[-1,1]],
              ["auto_unroll_max_step","ot",0],["unroll_explicit","ot",0]])")
          .value();
  EXPECT_THAT(space.WhyInvalid(wide).value_or(""), testing::HasSubstr("the device allows"));
}

}  // namespace
}  // namespace tilewright
