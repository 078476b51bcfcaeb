// How far each Winograd tile is from the exact convolution, computed in float64.
#include <gtest/gtest.h>

#include <cmath>

#include "absl/strings/str_format.h"
#include "base/rng.h"
#include "compiler/driver/compile_task.h"
#include "compiler/driver/host_task.h"
#include "compiler/operators/workload_rules.h"
#include "compiler/templates/template.h"

namespace tilewright {
namespace {

constexpr int kSize = 12;  // of the image; a multiple of every tile

struct MeasuredLayer {
  int channels, lanes;
  int64_t blocks() const { return channels / lanes; }
  int64_t DataAt(int64_t c, int64_t y, int64_t x) const {
    return ((c / lanes * kSize + y) * kSize + x) * lanes + c % lanes;
  }
  int64_t WeightAt(int64_t o, int64_t c, int64_t tap) const {
    return (((o / lanes * blocks() + c / lanes) * 9 + tap) * lanes + c % lanes) * lanes + o % lanes;
  }
};

double Exact(const MeasuredLayer& layer, const Tensor& data, const Tensor& weight,
             const std::array<int, 3>& at) {
  const auto [o, y, x] = at;
  double sum = 0;
  for (int c = 0; c < layer.channels; ++c) {
    for (int tap = 0; tap < 9; ++tap) {
      const int iy = y + tap / 3 - 1, ix = x + tap % 3 - 1;
      if (iy < 0 || iy >= kSize || ix < 0 || ix >= kSize) continue;
      sum += static_cast<double>(data.as<float>()[layer.DataAt(c, iy, ix)]) *
             weight.as<float>()[layer.WeightAt(o, c, tap)];
    }
  }
  return sum;
}

// The largest error over one block of output channels, relative to the largest output.
double ErrorOf(const MeasuredLayer& layer, const std::vector<Tensor>& args) {
  double error = 0, scale = 0;
  for (int o = 0; o < layer.lanes; ++o) {
    for (int y = 0; y < kSize; ++y) {
      for (int x = 0; x < kSize; ++x) {
        const double exact = Exact(layer, args[0], args[1], {o, y, x});
        scale = std::max(scale, std::fabs(exact));
        error = std::max(error, std::fabs(exact - args[2].as<float>()[layer.DataAt(o, y, x)]));
      }
    }
  }
  return error / scale;
}

std::vector<Tensor> RandomLayer(const Workload& workload, Rng& rng) {
  std::vector<Tensor> args;
  for (const TensorType& type : ArgumentTypes(workload)) {
    Tensor& tensor = args.emplace_back(type);
    for (int64_t i = 0; i < tensor.size(); ++i) {
      tensor.as<float>()[i] = static_cast<float>(rng.Normal());
    }
  }
  return args;
}

class WinogradAccuracy : public testing::TestWithParam<std::tuple<int, int>> {};

TEST_P(WinogradAccuracy, StaysWithinTheStatedBound) {
  const auto [m, channels] = GetParam();
  const Target target = ResolveTarget(Target{}).value();
  const MeasuredLayer layer{channels, VectorLanes(target)};
  const Workload workload =
      ParseWorkload(absl::StrFormat(
                        "conv2d(float32[1,%1$d,%2$d,%2$d],float32[%1$d,%1$d,3,3];dilation=1,1;"
                        "groups=1;padding=1,1,1,1;strides=1,1;NCHW%3$dc,OIHW%3$di%3$do,NCHW%3$dc)",
                        channels, kSize, layer.lanes))
          .value();
  const Template& winograd = *FindTemplate("conv2d_winograd.cpu").value();
  Config config = winograd.Default(workload, target);
  for (auto& [name, entity] : config.entities) {
    if (name == "tile_m") entity = OtherEntity{int64_t{m}};
    if (name == "tile_p") entity = SplitEntity{{-1, 1}};
    if (name == "pieces") entity = OtherEntity{int64_t{1}};
  }
  const auto compiled = CompileTask({workload, "conv2d_winograd.cpu", target}, config);
  ASSERT_TRUE(compiled.ok()) << compiled.status();
  const uint64_t seed = 1000 * m + channels;
  Rng rng(seed);
  const std::vector<Tensor> args = RandomLayer(workload, rng);
  HostTask host = HostTask::Load(*compiled).value();
  host.Prepare(args);
  host.Run(args);
  const double error = ErrorOf(layer, args);
  RecordProperty("error", absl::StrFormat("%.3g", error));
  EXPECT_LE(error, winograd.Tolerance(workload, config)) << "seed " << seed;
}

INSTANTIATE_TEST_SUITE_P(OfTilesAndChannels, WinogradAccuracy,
                         testing::Combine(testing::Values(2, 4, 6), testing::Values(16, 64, 512)),
                         [](const auto& info) {
                           return absl::StrFormat("Tile%dChannels%d", std::get<0>(info.param),
                                                  std::get<1>(info.param));
                         });

}  // namespace
}  // namespace tilewright
