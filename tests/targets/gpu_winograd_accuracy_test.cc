// How far Winograd's tiles are from the exact convolution on a device, computed in float64.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <memory>

#include "absl/strings/str_format.h"
#include "base/rng.h"
#include "compiler/driver/compile_task.h"
#include "compiler/driver/device_task.h"
#include "compiler/operators/workload_rules.h"
#include "compiler/templates/template.h"
#include "runtime/device/device.h"

namespace tilewright {
namespace {

constexpr int kChecked = 8;  // output channels

double Exact(const Tensor& data, const Tensor& weight, const std::array<int, 3>& at) {
  const auto [o, y, x] = at;
  const int64_t size = data.type().shape[2];
  double sum = 0;
  for (int64_t c = 0; c < data.type().shape[1]; ++c) {
    for (int tap = 0; tap < 9; ++tap) {
      const int64_t iy = y + tap / 3 - 1, ix = x + tap % 3 - 1;
      if (iy < 0 || iy >= size || ix < 0 || ix >= size) continue;
      sum += static_cast<double>(data.as<float>()[(c * size + iy) * size + ix]) *
             weight.as<float>()[(o * data.type().shape[1] + c) * 9 + tap];
    }
  }
  return sum;
}

// Over the first output channels, relative to the largest output.
double ErrorOf(const std::vector<Tensor>& args, const Tensor& out) {
  const int size = static_cast<int>(out.type().shape[2]);
  double error = 0, scale = 0;
  for (int o = 0; o < kChecked; ++o) {
    for (int y = 0; y < size; ++y) {
      for (int x = 0; x < size; ++x) {
        const double exact = Exact(args[0], args[1], {o, y, x});
        scale = std::max(scale, std::fabs(exact));
        error = std::max(error, std::fabs(exact - out.as<float>()[(o * size + y) * size + x]));
      }
    }
  }
  return error / scale;
}

class GpuWinogradAccuracy : public testing::TestWithParam<std::tuple<int, int>> {};

// An image of 12 has tiles of 2, one of 16 tiles of 4.
TEST_P(GpuWinogradAccuracy, StaysWithinTheStatedBound) {
  const auto [size, channels] = GetParam();
  const Task task{
      ParseWorkload(absl::StrFormat("conv2d(float32[1,%1$d,%2$d,%2$d],float32[%3$d,%1$d,3,3];"
                                    "dilation=1,1;groups=1;padding=1,1,1,1;strides=1,1;"
                                    "NCHW,OIHW,NCHW)",
                                    channels, size, std::max(channels / 8, kChecked)))
          .value(),
      "conv2d_nchw_winograd.cuda", ParseTarget("opencl").value()};
  const Template& winograd = *FindTemplate(task.template_name).value();
  const Config config = winograd.Default(task.workload, task.target);
  const CompiledTask compiled = CompileTask(task, config).value();
  const uint64_t seed = 1000 * size + channels;
  Rng rng(seed);
  std::vector<Tensor> args;
  for (const TensorType& type : ArgumentTypes(task.workload)) {
    args.emplace_back(type);
    for (int64_t i = 0; i < args.back().size(); ++i) args.back().Set(i, rng.Normal());
  }
  const std::unique_ptr<runtime::Device> device = runtime::OpenDevice("opencl:0");
  DeviceTask loaded = DeviceTask::Load(compiled, ArgumentTypes(task.workload), *device).value();
  const double error = ErrorOf(args, loaded.Run(args).value());
  RecordProperty("error", absl::StrFormat("%.3g", error));
  EXPECT_LE(error, winograd.Tolerance(task.workload, config)) << "seed " << seed;
}

INSTANTIATE_TEST_SUITE_P(OfSizesAndChannels, GpuWinogradAccuracy,
                         testing::Combine(testing::Values(12, 16), testing::Values(16, 64, 512)),
                         [](const auto& info) {
                           return absl::StrFormat("Image%dChannels%d", std::get<0>(info.param),
                                                  std::get<1>(info.param));
                         });

}  // namespace
}  // namespace tilewright
