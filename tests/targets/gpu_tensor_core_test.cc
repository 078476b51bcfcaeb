// Sampled configs of the templates for tensor cores through NVRTC: machine code for each
// architecture, whose PTX multiplies on tensor cores.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "absl/strings/str_cat.h"
#include "compiler/loop/unroll.h"
#include "compiler/operators/workload_rules.h"
#include "compiler/targets/target_backend.h"
#include "compiler/templates/template.h"
#include "tests/targets/by_nvrtc.h"
#include "tests/targets/tile_program.h"

namespace tilewright {
namespace {

using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;

struct TensorCoreLayer {
  const char *name, *key;
  int first_architecture;
};
const TensorCoreLayer kTensorCoreLayers[] = {
    {"dense_tensorcore.cuda", "dense(float16[128,768],float16[3072,768];,NK,)+bias+relu", 75},
    {"dense_tensorcore.cuda", "dense(float16[37,101],float16[53,101];out=float32;,NK,)", 75},
    {"dense_tensorcore.cuda", "dense(bfloat16[64,256],bfloat16[1000,256];,NK,)", 80},
    {"dense_tensorcore.cuda", "dense(int8[64,256],int8[96,256];,NK,)", 80},
    {"batch_matmul_tensorcore.cuda", "batch_matmul(float16[12,128,64],float16[12,64,128];,,)", 75},
    {"conv2d_nchw_tensorcore.cuda",
     "conv2d(float16[1,64,28,28],float16[96,64,3,3];dilation=1,1;groups=1;padding=1,1,1,1;"
     "strides=1,1;NCHW,OIHW,NCHW)+bias+relu",
     75},
    {"conv2d_nchw_tensorcore.cuda",
     "conv2d(bfloat16[2,64,16,16],bfloat16[128,64,1,1];dilation=1,1;groups=1;padding=0,0,0,0;"
     "strides=1,1;NCHW,OIHW,NCHW)",
     80}};

class NvrtcTensorCores : public testing::TestWithParam<int> {};

void CheckCompiles(const TensorCoreLayer& layer, const Target& target, const Config& config) {
  const Workload workload = ParseWorkload(layer.key).value();
  const LoweredTask task =
      FindTemplate(layer.name).value()->Lower(workload, target, config).value();
  std::vector<Program> programs;
  for (const LoweredStep& step : task.steps) programs.push_back(step.program);
  std::string ptx, log;
  const auto code =
      FindTarget("cuda").value()->CompileLibrary(programs, target, {.assembly = &ptx, .log = &log});
  if (!IsBuilt(code.status())) return;
  EXPECT_THAT(ptx, HasSubstr("mma.sync.aligned.m16n8k"));
  EXPECT_THAT(ptx, HasSubstr("ldmatrix.sync.aligned.m8n8"));
  EXPECT_THAT(log, Not(ContainsRegex("[1-9][0-9]* bytes spill stores")));
}

TEST_P(NvrtcTensorCores, CompileSampledConfigsWithoutSpills) {
  const Target target = ParseTarget(absl::StrCat("cuda -arch=sm_", GetParam())).value();
  uint64_t seed = 41;
  for (const TensorCoreLayer& layer : kTensorCoreLayers) {
    if (layer.first_architecture > GetParam()) continue;
    const Workload workload = ParseWorkload(layer.key).value();
    const Template& impl = *FindTemplate(layer.name).value();
    const ConfigSpace space = impl.Space(workload, target);
    Rng rng(++seed);
    std::vector<Config> configs = {impl.Default(workload, target)};
    for (int i = 0; i < 2; ++i) configs.push_back(space.At(space.Sample(rng).value()));
    for (const Config& config : configs) {
      SCOPED_TRACE(absl::StrCat(layer.key, " seed ", seed, " ", EntitiesToJson(config)));
      CheckCompiles(layer, target, config);
    }
  }
}

// Tiles up to the most registers that the space allows.
constexpr const char* kWarpgroupConfigs[] = {
    R"([["groups","ot",1],["row_tiles","ot",1],["columns","ot",64],["slots","ot",4],)"
    R"(["raster","ot",1],["split_k","ot",1]])",
    R"([["groups","ot",2],["row_tiles","ot",1],["columns","ot",256],["slots","ot",4],)"
    R"(["raster","ot",4],["split_k","ot",1]])",
    R"([["groups","ot",2],["row_tiles","ot",2],["columns","ot",128],["slots","ot",2],)"
    R"(["raster","ot",2],["split_k","ot",4]])",
    R"([["groups","ot",3],["row_tiles","ot",1],["columns","ot",128],["slots","ot",3],)"
    R"(["raster","ot",1],["split_k","ot",1]])",
    R"([["groups","ot",2],["row_tiles","ot",1],["columns","ot",64],["slots","ot",2],)"
    R"(["raster","ot",1],["split_k","ot",4],["last_block","ot",1]])",
    R"([["groups","ot",1],["row_tiles","ot",1],["columns","ot",128],["slots","ot",2],)"
    R"(["raster","ot",1],["split_k","ot",2],["last_block","ot",1]])"};

struct WarpgroupLayer {
  const char *name, *key, *load;
};
const WarpgroupLayer kWarpgroupLayers[] = {
    {"dense_wgmma.cuda", "dense(bfloat16[1536,4096],bfloat16[4096,4096];,NK,)", "2d"},
    {"dense_wgmma.cuda", "dense(float16[1534,1024],float16[1000,1024];,NK,)+bias+gelu", "2d"},
    {"dense_wgmma.cuda", "dense(int8[1536,1024],int8[1000,1024];,NK,)", "2d"},
    {"conv2d_nchw_wgmma.cuda",
     "conv2d(bfloat16[16,256,14,14],bfloat16[1536,256,3,3];dilation=1,1;groups=1;padding=1,1,1,1;"
     "strides=1,1;NCHW,OIHW,NCHW)+bias+add+relu",
     "5d"},
    {"conv2d_nchw_wgmma.cuda",
     "conv2d(int8[3,72,29,27],int8[1530,72,3,5];dilation=1,1;groups=1;padding=1,2,1,2;"
     "strides=2,2;NCHW,OIHW,NCHW)+relu",
     "5d"}};

class NvrtcWarpgroups : public testing::TestWithParam<WarpgroupLayer> {};

// Code for sm_90a, which loads boxes and multiplies warpgroup by warpgroup, without the compiler's
// remarks on multiplications that it had to serialise (C7510 and on).
TEST_P(NvrtcWarpgroups, CompileForHopperWithoutSpillsAndRemarks) {
  const auto& [name, key, load] = GetParam();
  const Target target = ParseTarget("cuda -arch=sm_90").value();
  for (const char* entities : kWarpgroupConfigs) {
    SCOPED_TRACE(absl::StrCat(key, " ", entities));
    const LoweredTask task =
        FindTemplate(name)
            .value()
            ->Lower(ParseWorkload(key).value(), target, ParseEntitiesJson(entities).value())
            .value();
    std::vector<Program> programs;
    for (const LoweredStep& step : task.steps) programs.push_back(step.program);
    std::string ptx, log;
    const auto code = FindTarget("cuda").value()->CompileLibrary(programs, target,
                                                                 {.assembly = &ptx, .log = &log});
    if (!IsBuilt(code.status())) continue;
    EXPECT_THAT(ptx, HasSubstr(".target sm_90a"));
    EXPECT_THAT(ptx, HasSubstr("wgmma.mma_async.sync.aligned.m64n"));
    EXPECT_THAT(ptx, HasSubstr(absl::StrCat("cp.async.bulk.tensor.", load, ".shared::cluster")));
    EXPECT_THAT(ptx, HasSubstr("mbarrier.try_wait.parity"));
    EXPECT_THAT(log, Not(ContainsRegex("[1-9][0-9]* bytes spill stores")));
    EXPECT_THAT(log, Not(HasSubstr("C75")));
  }
}

INSTANTIATE_TEST_SUITE_P(Layers, NvrtcWarpgroups, testing::ValuesIn(kWarpgroupLayers));

// Every tile instruction, in a program of its own.
TEST(NvrtcTiles, CompileForTheFirstArchitectureThatHasThem) {
  std::map<int, std::vector<Program>> programs;
  for (const TileOp& op : TileOps()) {
    programs[op.first_architecture].push_back(TileProgram(op, "run_" + op.name));
  }
  for (const auto& [architecture, with] : programs) {
    const Target target = ParseTarget(absl::StrCat("cuda -arch=sm_", architecture)).value();
    IsBuilt(FindTarget("cuda").value()->CompileLibrary(with, target, {}).status());
  }
}

INSTANTIATE_TEST_SUITE_P(Architectures, NvrtcTensorCores, testing::Values(75, 80, 86, 90, 100, 120),
                         [](const auto& info) { return absl::StrCat("sm_", info.param); });

}  // namespace
}  // namespace tilewright
