// Random workloads that templates for GPUs take.
#pragma once

#include <string>

#include "base/rng.h"
#include "compiler/core/workload.h"

namespace tilewright {

// Odd sizes, strides, padding, dilation and epilogues; spatial extents and channels up to `most`.
class GpuShapes {
 public:
  GpuShapes(uint64_t seed, int64_t most) : rng_(seed), most_(most) {}

  Workload Next();

 private:
  struct Image {
    int64_t extent, window, stride, dilation, before, after;
  };
  int64_t UpTo(int64_t most) { return 1 + static_cast<int64_t>(rng_.Below(most)); }
  std::string Epilogue();
  Image Spatial();
  std::string Attributes(const Image& h, const Image& w, int64_t groups);
  std::string Conv(const std::string& op, int64_t in, int64_t out, int64_t groups);
  std::string Winograd();
  std::string Transposed();

  Rng rng_;
  int64_t most_;
};

}  // namespace tilewright
