#include "tests/targets/gpu_shapes.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "absl/strings/str_format.h"
#include "compiler/operators/workload_rules.h"

namespace tilewright {

std::string GpuShapes::Epilogue() {
  static constexpr const char* kEpilogues[] = {"", "+bias", "+relu", "+bias+relu", "+add"};
  return kEpilogues[rng_.Below(5)];
}

// The image holds the window.
GpuShapes::Image GpuShapes::Spatial() {
  Image i{.extent = UpTo(most_),
          .window = UpTo(5),
          .stride = UpTo(3),
          .dilation = UpTo(2),
          .before = UpTo(3) - 1,
          .after = UpTo(3) - 1};
  i.extent = std::max(i.extent, (i.window - 1) * i.dilation + 1);
  return i;
}

std::string GpuShapes::Attributes(const Image& h, const Image& w, int64_t groups) {
  return absl::StrFormat("dilation=%d,%d;groups=%d;padding=%d,%d,%d,%d;strides=%d,%d", h.dilation,
                         w.dilation, groups, h.before, w.before, h.after, w.after, h.stride,
                         w.stride);
}

std::string GpuShapes::Conv(const std::string& op, int64_t in, int64_t out, int64_t groups) {
  const Image h = Spatial(), w = Spatial();
  return absl::StrFormat("%s(float32[%d,%d,%d,%d],float32[%d,%d,%d,%d];%s;NCHW,OIHW,NCHW)%s", op,
                         UpTo(2), in, h.extent, w.extent, out, in / groups, h.window, w.window,
                         Attributes(h, w, groups), Epilogue());
}

std::string GpuShapes::Winograd() {
  const int64_t in = UpTo(most_);
  const int64_t height = rng_.Below(2) == 0 ? 8 * UpTo((most_ + 7) / 8) : 3 + UpTo(most_);
  return absl::StrFormat(
      "conv2d(float32[%d,%d,%d,%d],float32[%d,%d,3,3];dilation=1,1;groups=1;padding=%d,%d,%d,%d;"
      "strides=1,1;NCHW,OIHW,NCHW)%s",
      UpTo(2), in, height, 3 + UpTo(most_), UpTo(most_), in, UpTo(3) - 1, UpTo(3) - 1, UpTo(3) - 1,
      UpTo(3) - 1, Epilogue());
}

std::string GpuShapes::Transposed() {
  const Image h = Spatial(), w = Spatial();
  const int64_t in = UpTo(most_);
  return absl::StrFormat(
      "conv2d_transpose(float32[%d,%d,%d,%d],float32[%d,%d,%d,%d];dilation=%d,%d;groups=1;"
      "output_padding=%d,%d;padding=0,%d,%d,0;strides=%d,%d;NCHW,IOHW,NCHW)%s",
      UpTo(2), in, 1 + h.extent, 1 + w.extent, in, UpTo(most_), h.window, w.window, h.dilation,
      w.dilation, h.stride - 1, w.stride - 1, std::min<int64_t>(w.before, 1),
      std::min<int64_t>(h.after, 1), h.stride, w.stride, Epilogue());
}

Workload GpuShapes::Next() {
  std::string key;
  const int64_t channels = UpTo(most_), groups = 1 + UpTo(3);
  switch (rng_.Below(7)) {
    case 0: key = Conv("depthwise_conv2d", channels, channels, channels); break;
    case 1: key = Conv("conv2d", groups * UpTo(6), groups * UpTo(6), groups); break;
    case 2: key = Winograd(); break;
    case 3: key = Transposed(); break;
    case 4:
      key = absl::StrFormat("dense(float32[%1$d,%2$d],float32[%3$d,%2$d];,NK,)%4$s", UpTo(most_),
                            UpTo(4 * most_), UpTo(4 * most_), Epilogue());
      break;
    case 5:
      key = absl::StrFormat("batch_matmul(float32[%1$d,%2$d,%3$d],float32[%1$d,%3$d,%4$d];,,)",
                            UpTo(4), UpTo(most_), UpTo(most_), UpTo(most_));
      break;
    default: key = Conv("conv2d", channels, UpTo(most_), 1);
  }
  absl::StatusOr<Workload> workload = ParseWorkload(key);
  EXPECT_TRUE(workload.ok()) << key << ": " << workload.status();
  return workload.ok() ? *workload : Workload{};
}

}  // namespace tilewright
