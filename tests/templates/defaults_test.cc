// Defaults on every kind of CPU: each lies in its template's space, lowers to a program that
// verifies and, sampled, to machine code, for random shapes.
#include <gtest/gtest.h>

#include <ostream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/rng.h"
#include "compiler/loop/verify.h"
#include "compiler/operators/workload_rules.h"
#include "compiler/targets/target_backend.h"
#include "compiler/templates/template.h"

namespace tilewright {
namespace {

struct Cpu {
  const char* name;
  const char* target;
  friend std::ostream& operator<<(std::ostream& out, const Cpu& cpu) { return out << cpu.target; }
};
const Cpu kCpus[] = {
    {"Avx512", "cpu -mcpu=znver4"},
    {"Avx2", "cpu -mcpu=haswell"},
    {"Sse", "cpu -mcpu=x86-64"},
    {"Neon", "cpu -mtriple=aarch64-linux-gnu -mcpu=cortex-a72"},
    {"Sve", "cpu -mtriple=aarch64-linux-gnu -mcpu=neoverse-v1"},
    {"Arm32", "cpu -mtriple=armv7-linux-gnueabihf -mcpu=cortex-a9"},
    {"RiscV", "cpu -mtriple=riscv64-linux-gnu -mcpu=sifive-x280"},
};

class ShapeMaker {
 public:
  ShapeMaker(uint64_t seed, int lanes) : rng_(seed), lanes_(lanes) {}

  std::string Next() {
    switch (rng_.Below(8)) {
      case 0: return Depthwise();
      case 1: return Dense();
      case 6: return Attention();
      case 7:
        return absl::StrFormat(
            "nest(float32[%1$d,%2$d,%3$d];,,)=Turn[%3$d,%1$d,%2$d] "
            "a0[i1, i2, i0] + 1.0",
            Pick({1, 3, 12}), Size(), Size());
      case 2:
        return absl::StrFormat("batch_matmul(float32[%1$d,%2$d,%3$d],float32[%1$d,%3$d,%4$d];,,)",
                               Pick({1, 3, 12}), Size(), Size(), Size());
      case 3: return Transposed();
      default: return Conv();
    }
  }

 private:
  int64_t Pick(std::initializer_list<int64_t> values) {
    return values.begin()[rng_.Below(values.size())];
  }
  // Mostly small and odd, now and then a layer's.
  int64_t Size() {
    return rng_.Below(3) == 0 ? Pick({56, 64, 100, 197, 512, 1000}) : 1 + rng_.Below(40);
  }
  int64_t Window() { return Pick({1, 1, 2, 3, 3, 3, 5, 7, 11, 49, 801}); }
  std::string Epilogue() {
    return std::string(Pick({0, 1}) ? "+bias" : "") + (Pick({0, 1}) ? "+relu" : "");
  }

  // The image holds the window at any dilation used here.
  struct Image {
    int64_t extent, window, stride, dilation, pad;
  };
  Image Spatial() {
    Image i{.extent = Size(),
            .window = Window(),
            .stride = Pick({1, 1, 2, 3}),
            .dilation = Pick({1, 1, 2}),
            .pad = 0};
    i.pad = static_cast<int64_t>(rng_.Below(std::min<int64_t>(i.window, 4)));
    i.extent = std::max(i.extent, (i.window - 1) * i.dilation + 1);
    return i;
  }
  static std::string Attributes(const Image& h, const Image& w, int64_t groups) {
    return absl::StrFormat("dilation=%d,%d;groups=%d;padding=%d,%d,%d,%d;strides=%d,%d", h.dilation,
                           w.dilation, groups, h.pad, w.pad, h.pad, w.pad, h.stride, w.stride);
  }

  std::string Conv() {
    const Image h = Spatial(), w = Spatial();
    int64_t in = Size(), out = Size(), groups = 1;
    if (Pick({0, 0, 0, 1})) return Plain(h, w);
    if (Pick({0, 0, 1})) {
      groups = Pick({2, 3, 8});
      in = groups * lanes_ * Pick({1, 2});
      out = groups * lanes_ * Pick({1, 2, 3});
    }
    const bool plain = groups == 1 && in < lanes_;
    const std::string blocked = absl::StrFormat("NCHW%dc", lanes_);
    return absl::StrFormat(
        "conv2d(float32[%d,%d,%d,%d],float32[%d,%d,%d,%d];%s;%s,%s,%s)%s", Pick({1, 1, 4}), in,
        h.extent, w.extent, out, in / groups, h.window, w.window, Attributes(h, w, groups),
        plain ? "NCHW" : blocked,
        plain ? absl::StrFormat("OIHW%do", lanes_) : absl::StrFormat("OIHW%1$di%1$do", lanes_),
        blocked, Epilogue());
  }

  // Of any groups, in the logical layouts.
  std::string Plain(const Image& h, const Image& w) {
    const int64_t groups = Pick({1, 2, 3, 7}), in = Pick({1, 2, 5, 17}), out = Pick({1, 3, 4, 34});
    return absl::StrFormat("conv2d(float32[%d,%d,%d,%d],float32[%d,%d,%d,%d];%s;NCHW,OIHW,NCHW)%s",
                           Pick({1, 2}), in * groups, h.extent, w.extent, out * groups, in,
                           h.window, w.window, Attributes(h, w, groups), Epilogue());
  }

  std::string Transposed() {
    const Image h = Spatial(), w = Spatial();
    const bool plain = Pick({0, 1}) == 1;
    const int64_t groups = plain ? Pick({1, 2, 3}) : 1;
    const std::string data = plain ? "NCHW" : absl::StrFormat("NCHW%dc", lanes_);
    return absl::StrFormat(
        "conv2d_transpose(float32[1,%d,%d,%d],float32[%d,%d,%d,%d];dilation=%d,%d;groups=%d;"
        "output_padding=%d,%d;padding=0,0,0,0;strides=%d,%d;%s,%s,%s)%s",
        groups * 5, Pick({1, 7, 40}), Pick({1, 9, 33}), groups * 5, Pick({1, 3, 24}),
        Pick({1, 2, 3, 4, 5}), Pick({1, 2, 3, 4, 5}), h.dilation, w.dilation, groups, Pick({0, 1}),
        Pick({0, 1}), h.stride, w.stride, data,
        plain ? "IOHW" : absl::StrFormat("IOHW%1$di%1$do", lanes_), data, Epilogue());
  }

  std::string Depthwise() {
    const Image h = Spatial(), w = Spatial();
    const int64_t channels = Size();
    const std::string blocked = absl::StrFormat("NCHW%dc", lanes_);
    return absl::StrFormat(
        "depthwise_conv2d(float32[1,%d,%d,%d],float32[%d,1,%d,%d];%s;%s,%s,%s)%s", channels,
        h.extent, w.extent, channels, h.window, w.window, Attributes(h, w, channels), blocked,
        absl::StrFormat("OIHW%do", lanes_), blocked, Epilogue());
  }

  std::string Dense() {
    const int64_t k = Size();
    return absl::StrFormat("dense(float32[%d,%d],float32[%d,%d];,NK%dn,)%s", Size(), k, Size(), k,
                           lanes_, Epilogue());
  }

  std::string Attention() {
    const int64_t batch = Pick({1, 2}), groups = Pick({1, 2, 12}), keys = Size(), size = Size();
    return absl::StrFormat(
        "attention(float32[%d,%d,%d,%d],float32[%d,%d,%d,%d],float32[%d,%d,%d,%d];causal=%d;"
        "empty_rows=%d;scaled=1;,,)",
        batch, Size(), groups * Pick({1, 1, 3}), size, batch, keys, groups, size, batch, keys,
        groups, Size(), Pick({-1, 0, 7}), Pick({0, 1}));
  }

  Rng rng_;
  const int64_t lanes_;
};

class Defaults : public testing::TestWithParam<Cpu> {};

// The default config, lowered; fails the test unless it lies in its space and all verifies.
std::vector<Program> LowerDefault(const TemplateEntry& entry, const Workload& workload,
                                  const Target& target) {
  const Config config = entry.impl->Default(workload, target);
  const ConfigSpace space = entry.impl->Space(workload, target);
  EXPECT_TRUE(space.IndexOf(config).ok()) << space.IndexOf(config).status();
  EXPECT_EQ(space.WhyInvalid(config), std::nullopt) << EntitiesToJson(config);
  const absl::StatusOr<LoweredTask> task = entry.impl->Lower(workload, target, config);
  EXPECT_TRUE(task.ok()) << task.status();
  std::vector<Program> programs;
  if (!task.ok()) return programs;
  for (const std::vector<LoweredStep>* steps : {&task->prepare, &task->steps}) {
    for (const LoweredStep& step : *steps) {
      EXPECT_TRUE(Verify(step.program).ok()) << Verify(step.program);
      programs.push_back(step.program);
    }
  }
  return programs;
}

TEST_P(Defaults, LieInTheirSpacesForRandomShapes) {
  constexpr int kShapes = 150, kCompiled = 6;
  const Target target = ResolveTarget(ParseTarget(GetParam().target).value()).value();
  const TargetBackend* backend = FindTarget("cpu").value();
  ShapeMaker shapes(/*seed=*/7, VectorLanes(target));
  for (int i = 0; i < kShapes; ++i) {
    const std::string key = shapes.Next();
    SCOPED_TRACE(absl::StrCat("seed 7, shape ", i, ": ", key));
    const absl::StatusOr<Workload> workload = ParseWorkload(key);
    ASSERT_TRUE(workload.ok()) << workload.status();
    const std::vector<TemplateEntry> matching = MatchingTemplates(*workload, target);
    ASSERT_FALSE(matching.empty());
    for (const TemplateEntry& entry : matching) {
      const std::vector<Program> programs = LowerDefault(entry, *workload, target);
      if (HasFailure()) return;
      if (i >= kCompiled) continue;
      const auto library = backend->CompileLibrary(programs, target, {});
      EXPECT_TRUE(library.ok()) << library.status();
    }
  }
}

// Of ResNet-18, -50, DenseNet-121 and SqueezeNet, and a map that no tile of three rows fits.
TEST_P(Defaults, LieInTheirSpacesForKnownLayers) {
  const Target target = ResolveTarget(ParseTarget(GetParam().target).value()).value();
  const int x = VectorLanes(target);
  for (const auto& [in, out, size, kernel] : std::vector<std::array<int, 4>>{{64, 64, 56, 3},
                                                                             {512, 512, 7, 3},
                                                                             {2048, 512, 7, 1},
                                                                             {1024, 256, 14, 1},
                                                                             {128, 32, 28, 3},
                                                                             {96, 16, 55, 1},
                                                                             {16, 16, 10, 3},
                                                                             {16, 16, 10, 1}}) {
    const int pad = kernel / 2;
    const Workload workload =
        ParseWorkload(absl::StrFormat(
                          "conv2d(float32[1,%d,%d,%d],float32[%d,%d,%d,%d];dilation=1,1;groups=1;"
                          "padding=%d,%d,%d,%d;strides=1,1;NCHW%dc,OIHW%di%do,NCHW%dc)+bias+relu",
                          in, size, size, out, in, kernel, kernel, pad, pad, pad, pad, x, x, x, x))
            .value();
    SCOPED_TRACE(workload.Key());
    for (const TemplateEntry& entry : MatchingTemplates(workload, target)) {
      LowerDefault(entry, workload, target);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(OfCpus, Defaults, testing::ValuesIn(kCpus),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace tilewright
