// Templates for tensor cores against the plain definition in the interpreter, which executes warps
// by the fragments' layouts and finds races; their spaces, defaults and choice.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "compiler/loop/verify.h"
#include "compiler/operators/workload_rules.h"
#include "compiler/targets/support/c_text.h"
#include "compiler/targets/support/c_tile.h"
#include "compiler/targets/target_backend.h"
#include "tests/contract/template_contract.h"
#include "tests/paths.h"

namespace tilewright {
namespace {

using testing::HasSubstr;

Target OfArch(const std::string& arch) { return ParseTarget("cuda -arch=" + arch).value(); }

Workload WorkloadOf(const std::string& key) {
  absl::StatusOr<Workload> workload = ParseWorkload(key);
  EXPECT_TRUE(workload.ok()) << key << ": " << workload.status();
  return workload.ok() ? *workload : Workload{};
}

// The template for tensor cores that takes the workload; null: none.
const TemplateEntry* TensorCoreEntry(const Workload& workload, const Target& target) {
  for (const TemplateEntry& entry : Templates()) {
    if (entry.name.find("_tensorcore.cuda") == std::string::npos) continue;
    if (entry.impl->Matches(workload, target)) return &entry;
  }
  return nullptr;
}

// Tails of every dimension, whole tiles, epilogues, outputs of other types.
constexpr const char* kOdd[] = {
    "dense(float16[5,14],float16[10,14];,NK,)+bias+relu",
    "dense(float16[33,40],float16[24,40];out=float32;,NK,)",
    "dense(float16[16,64],float16[64,64];,NK,)+bias+add",
    "dense(float16[1,7],float16[3,7];,NK,)",
    "batch_matmul(float16[2,19,24],float16[2,24,40];,,)",
    "batch_matmul(float16[3,5,9],float16[3,9,11];out=float32;,,)",
    "conv2d(float16[2,6,7,9],float16[10,6,3,3];dilation=1,1;groups=1;padding=1,1,1,1;"
    "strides=1,1;NCHW,OIHW,NCHW)+bias+relu",
    "conv2d(float16[1,3,11,7],float16[4,3,5,3];dilation=1,2;groups=1;padding=2,0,1,3;"
    "strides=2,1;NCHW,OIHW,NCHW)+add",
    "conv2d(float16[2,16,4,6],float16[24,16,1,1];dilation=1,1;groups=1;padding=0,0,0,0;"
    "strides=1,1;NCHW,OIHW,NCHW)+bias",
    "conv2d(float16[1,8,5,5],float16[9,8,1,1];dilation=1,1;groups=1;padding=0,0,0,0;"
    "strides=2,2;NCHW,OIHW,NCHW)"};

// The same workloads in another type.
std::string InType(std::string key, const std::string& type) {
  for (size_t at = 0; (at = key.find("float16", at)) != std::string::npos; at += type.size()) {
    key.replace(at, 7, type);
  }
  return key;
}

TEST(TensorCores, ComputeWhatTheDefinitionDoesWithoutRaces) {
  for (const auto& [type, arch] :
       {std::pair{"float16", "sm_75"}, {"float16", "sm_90"}, {"bfloat16", "sm_80"}}) {
    for (const char* key : kOdd) {
      const Workload workload = WorkloadOf(InType(key, type));
      const TemplateEntry* entry = TensorCoreEntry(workload, OfArch(arch));
      ASSERT_NE(entry, nullptr) << workload.Key();
      CheckTemplate(*entry, workload, OfArch(arch), {4, 11});
      if (HasFatalFailure()) return;
    }
  }
}

TEST(TensorCores, SumIntegersExactly) {
  for (const char* key :
       {"dense(int8[5,14],int8[10,14];,NK,)", "dense(int8[33,64],int8[24,64];,NK,)+relu",
        "dense(int8[16,96],int8[40,96];out=float32;,NK,)+linear(0.5,0)"}) {
    const Workload workload = WorkloadOf(key);
    const TemplateEntry* entry = TensorCoreEntry(workload, OfArch("sm_86"));
    ASSERT_NE(entry, nullptr) << key;
    CheckTemplate(*entry, workload, OfArch("sm_86"), {3, 5});
    if (HasFatalFailure()) return;
  }
}

// Random shapes of every operator that has a template.
std::string RandomKey(Rng& rng, int64_t most) {
  const auto size = [&] {
    return 1 + static_cast<int64_t>(rng.Below(static_cast<uint64_t>(most)));
  };
  const char* type = rng.Below(2) == 0 ? "float16" : "bfloat16";
  const char* epilogue = rng.Below(2) == 0 ? "+bias+relu" : "";
  switch (rng.Below(3)) {
    case 0:
      return absl::StrFormat("dense(%1$s[%2$d,%3$d],%1$s[%4$d,%3$d];,NK,)%5$s", type, size(),
                             size(), size(), epilogue);
    case 1:
      return absl::StrFormat("batch_matmul(%1$s[%2$d,%3$d,%4$d],%1$s[%2$d,%4$d,%5$d];,,)", type,
                             1 + rng.Below(3), size(), size(), size());
    default: break;
  }
  const int64_t window = 1 + static_cast<int64_t>(rng.Below(3)), pad = rng.Below(2);
  const int64_t stride = 1 + static_cast<int64_t>(rng.Below(2)), in = 1 + size() / 4;
  return absl::StrFormat(
      "conv2d(%1$s[%2$d,%3$d,%4$d,%5$d],%1$s[%6$d,%3$d,%7$d,%7$d];dilation=1,1;groups=1;"
      "padding=%8$d,%8$d,%8$d,%8$d;strides=%9$d,%9$d;NCHW,OIHW,NCHW)%10$s",
      type, 1 + rng.Below(2), in, window + size() / 4, window + size() / 4, size(), window, pad,
      stride, epilogue);
}

class RandomTensorCores : public testing::TestWithParam<uint64_t> {};

TEST_P(RandomTensorCores, ComputeWhatTheDefinitionDoes) {
  Rng rng(GetParam());
  for (int i = 0; i < 12; ++i) {
    const Workload workload = WorkloadOf(RandomKey(rng, 48));
    const TemplateEntry* entry = TensorCoreEntry(workload, OfArch("sm_80"));
    ASSERT_NE(entry, nullptr) << workload.Key();
    CheckTemplate(*entry, workload, OfArch("sm_80"), {1, GetParam()});
    if (HasFatalFailure()) return;
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomTensorCores, testing::Range<uint64_t>(1, 5));

TEST(TensorCores, DefaultsLieInTheirSpacesAndLower) {
  Rng rng(29);
  for (int i = 0; i < 40; ++i) {
    const Workload workload = WorkloadOf(RandomKey(rng, 1500));
    for (const char* arch : {"sm_80", "sm_120"}) {
      SCOPED_TRACE(absl::StrCat(workload.Key(), " ", arch, " seed 29"));
      const Template& impl = *TensorCoreEntry(workload, OfArch(arch))->impl;
      const Config config = impl.Default(workload, OfArch(arch));
      ASSERT_EQ(impl.Space(workload, OfArch(arch)).WhyInvalid(config), std::nullopt);
      const auto task = impl.Lower(workload, OfArch(arch), config);
      ASSERT_TRUE(task.ok()) << task.status();
      ASSERT_TRUE(Verify(task->steps[0].program).ok()) << Verify(task->steps[0].program);
    }
  }
}

TEST(TensorCores, AreTakenUntunedWhereTheDeviceHasThem) {
  const auto chosen = [](const std::string& key, const std::string& target) {
    return UntunedTemplate(WorkloadOf(key), ParseTarget(target).value(), true)->name;
  };
  const std::string dense = "dense(float16[64,768],float16[1000,768];,NK,)";
  EXPECT_EQ(chosen(dense, "cuda -arch=sm_90"), "dense_tensorcore.cuda");
  EXPECT_EQ(chosen(dense, "cuda -model=t4"), "dense_tensorcore.cuda");
  EXPECT_EQ(chosen(dense, "cuda -model=v100"), "dense_large_batch.gpu");
  EXPECT_EQ(chosen(dense, "opencl"), "dense_large_batch.gpu");
  EXPECT_EQ(chosen(InType(dense, "bfloat16"), "cuda -arch=sm_75"), "dense_large_batch.gpu");
  EXPECT_EQ(chosen(InType(dense, "int8"), "cuda -arch=sm_86"), "dense_tensorcore.cuda");
  EXPECT_EQ(chosen("dense(float16[1,768],float16[1000,768];,NK,)", "cuda -arch=sm_90"),
            "dense_small_batch.gpu");
  EXPECT_EQ(chosen(kOdd[6], "cuda -arch=sm_90"), "conv2d_nchw_tensorcore.cuda");
  EXPECT_EQ(chosen("batch_matmul(float16[12,128,64],float16[12,64,128];,,)", "cuda -arch=sm_90"),
            "batch_matmul_tensorcore.cuda");
}

// What float32 says is not rounded to tf32 unasked.
TEST(TensorCores, NeverTakeFloat32) {
  for (const char* key : kOdd) {
    EXPECT_EQ(TensorCoreEntry(WorkloadOf(InType(key, "float32")), OfArch("sm_90")), nullptr);
  }
}

// The index by AutoTVM's mixed radix, lowest digit first: knobs of 3 3 3 3 4 2 2 4 3.
TEST(TensorCores, TheSpaceHasAutoTvmsKnobsAndIndices) {
  const Workload workload = WorkloadOf("dense(float16[64,768],float16[1000,768];,NK,)");
  const Template& dense = *FindTemplate("dense_tensorcore.cuda").value();
  const ConfigSpace space = dense.Space(workload, OfArch("sm_80"));
  std::string knobs;
  for (size_t i = 0; i < space.knob_count(); ++i) knobs += space.knob_name(i) + " ";
  EXPECT_EQ(
      knobs,
      "block_row_warps block_col_warps warp_row_tiles warp_col_tiles chunk offset offsetCS "
      "vec wmma_m double_buffer direct_store async_stages swizzle split_k last_block atomics ");
  const Config logged =
      ParseEntitiesJson(
          R"([["block_row_warps","ot",2],["block_col_warps","ot",1],["warp_row_tiles","ot",1],
              ["warp_col_tiles","ot",4],["chunk","ot",4],["offset","ot",8],["offsetCS","ot",0],
              ["vec","ot",8],["wmma_m","ot",16]])")
          .value();
  EXPECT_EQ(space.IndexOf(logged).value(), 1u + 27 * 2 + 81 * 2 + 324 * 1 + 1296 * 3 + 5184 * 1);
  EXPECT_TRUE(space.Canonical(logged).ok()) << space.Canonical(logged).status();
  EXPECT_TRUE(dense.Lower(workload, OfArch("sm_80"), logged).ok());
}

// A dense layer whose depth is split in four.
absl::StatusOr<LoweredTask> LowerSplit(bool last_block) {
  const Workload workload = WorkloadOf("dense(float16[5,160],float16[10,160];,NK,)+bias");
  const Template& dense = *FindTemplate("dense_tensorcore.cuda").value();
  Config config = dense.Default(workload, OfArch("sm_80"));
  for (auto& [name, entity] : config.entities) {
    if (name == "chunk") entity = OtherEntity{int64_t{2}};
    if (name == "split_k") entity = OtherEntity{int64_t{4}};
    if (name == "last_block") entity = OtherEntity{int64_t{last_block}};
  }
  return dense.Lower(workload, OfArch("sm_80"), config);
}

TEST(TensorCores, ASplitDepthIsSummedByASecondKernel) {
  const auto task = LowerSplit(/*last_block=*/false);
  ASSERT_TRUE(task.ok()) << task.status();
  ASSERT_EQ(task->steps.size(), 2u);
  EXPECT_EQ(task->buffers[0].shape, (Shape{4, 5, 10}));
  EXPECT_EQ(task->buffers[0].dtype, DType::kF32);
  EXPECT_EQ(task->steps[1].operands, (std::vector<int>{4, 2, 3}));
}

TEST(TensorCores, ASplitDepthIsSummedByTheLastBlockOfATile) {
  const auto task = LowerSplit(/*last_block=*/true);
  ASSERT_TRUE(task.ok()) << task.status();
  ASSERT_EQ(task->steps.size(), 1u);
  EXPECT_EQ(task->buffers[0].shape, (Shape{4, 5, 10}));
  EXPECT_EQ(task->buffers[1].dtype, DType::kI32);
  EXPECT_EQ(task->steps[0].operands, (std::vector<int>{0, 1, 2, 4, 5, 3}));
  ASSERT_EQ(task->prepare.size(), 1u);  // zeros
  EXPECT_EQ(task->prepare[0].operands, (std::vector<int>{5}));
}

// Pieces change places, what lies in one does not.
TEST(TensorCores, SwizzledRowsAreCopiedSixteenBytesAtOnce) {
  const Workload workload = WorkloadOf("dense(float16[40,160],float16[72,160];,NK,)");
  const Template& dense = *FindTemplate("dense_tensorcore.cuda").value();
  for (const int chunk : {1, 2, 4}) {
    Config config = dense.Default(workload, OfArch("sm_80"));
    for (auto& [name, entity] : config.entities) {
      if (name == "chunk") entity = OtherEntity{int64_t{chunk}};
      if (name == "offset" || name == "double_buffer") entity = OtherEntity{int64_t{0}};
      if (name == "vec") entity = OtherEntity{int64_t{8}};
      if (name == "async_stages") entity = OtherEntity{int64_t{3}};
      if (name == "swizzle") entity = OtherEntity{int64_t{1}};
    }
    const auto task = dense.Lower(workload, OfArch("sm_80"), config);
    ASSERT_TRUE(task.ok()) << task.status();
    const std::string text = KernelText(task->steps[0].program);
    EXPECT_THAT(text, HasSubstr("TW_ASYNC_COPY(16, TW_LOCAL , (left_shared"));
    EXPECT_THAT(text, HasSubstr("TW_ASYNC_COPY(16, TW_LOCAL , (right_shared"));
    EXPECT_THAT(text, HasSubstr(" ^ "));
  }
}

TEST(TensorCores, HaveNoFormInOpenCl) {
  const Workload workload = WorkloadOf(kOdd[0]);
  const Template& dense = *FindTemplate("dense_tensorcore.cuda").value();
  const Target cuda = OfArch("sm_80");
  const LoweredTask task = dense.Lower(workload, cuda, dense.Default(workload, cuda)).value();
  const std::vector<Program> programs = {task.steps[0].program};
  const auto refused =
      FindTarget("opencl").value()->CompileLibrary(programs, ParseTarget("opencl").value(), {});
  EXPECT_THAT(refused.status().message(), HasSubstr("opencl has no ldmatrix"));
  const auto old = FindTarget("cuda").value()->CompileLibrary(programs, OfArch("sm_75"), {});
  EXPECT_THAT(old.status().message(),
              HasSubstr("sm_75 has no mma_m16n8k16_f16, which needs sm_80"));
}

TEST(TensorCores, AreWrittenAsTheGoldenKernel) {
  const Workload workload = WorkloadOf("dense(float16[40,160],float16[72,160];,NK,)+bias");
  const Template& dense = *FindTemplate("dense_tensorcore.cuda").value();
  const Target cuda = OfArch("sm_80");
  const Config config =
      ParseEntitiesJson(
          R"([["block_row_warps","ot",2],["block_col_warps","ot",1],["warp_row_tiles","ot",1],
              ["warp_col_tiles","ot",2],["chunk","ot",2],["offset","ot",8],["offsetCS","ot",0],
              ["vec","ot",8],["wmma_m","ot",16],["double_buffer","ot",0],["direct_store","ot",1],
              ["async_stages","ot",3]])")
          .value();
  const LoweredTask task = dense.Lower(workload, cuda, config).value();
  const std::vector<Program> programs = {task.steps[0].program};
  std::string text;
  for (const TileOp* op : TileOpsOf(programs))
    text += TileFunctionText(*op, runtime::TileForm::kPtx);
  text += KernelText(programs[0]);
  std::ifstream file(TILEWRIGHT_SOURCE_DIR "/tests/golden/templates/dense_tensorcore.cu");
  std::stringstream golden;
  golden << file.rdbuf();
  EXPECT_EQ(text, golden.str());
}

}  // namespace
}  // namespace tilewright
