// Images as the array that a model's input takes.
#pragma once

#include <string>
#include <vector>

#include "cli/npz/npz.h"
#include "cli/run/image.h"
#include "compiler/core/tensor.h"

namespace tilewright {

struct ImageOptions {
  std::string layout;               // "nchw", "nhwc" or empty: as the input's shape says
  bool resize = false;              // to the input's size, not keeping proportions
  bool bgr = false;                 // channels in the order blue, green, red
  bool any_batch = false;           // as many images as there are, whatever the input's shape says
  std::vector<double> mean, scale;  // one number or one a channel; empty: 0 and 255
};

// Bilinear with the filter widened when the image shrinks, so that every pixel counts, as Pillow's
// BILINEAR. REQUIRES: height and width are positive.
Image Resize(const Image& image, int64_t height, int64_t width);

// The images in order as the batch of an input of 1 or 3 channels: (pixel - mean) / scale for a
// floating-point input, the pixels 0 to 255 themselves for uint8. One channel is ITU-R 601's luma.
// Numbers of `mean` and `scale` are in the order of the channels.
// InvalidArgument, saying both sides, where the input takes no such images.
absl::StatusOr<NpzArray> ToArray(const std::vector<Image>& images, const std::string& name,
                                 const TensorType& input, const ImageOptions& options);

}  // namespace tilewright
