#include "cli/run/image_options.h"

namespace tilewright {

void AddImageOptions(CLI::App& verb, CLI::Option& inputs, ImageOptions& options) {
  verb.add_option("--layout", options.layout,
                  "of an image's input, where its shape does not say: nchw or nhwc")
      ->check(CLI::IsMember({"nchw", "nhwc"}))
      ->needs(&inputs);
  verb.add_option("--mean", options.mean,
                  "an image is (pixel - mean) / scale, pixels 0 to 255; default 0. One number or "
                  "one a channel: R,G,B, with --bgr B,G,R")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->needs(&inputs);
  verb.add_option("--scale", options.scale, "see --mean; default 255")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->needs(&inputs);
  verb.add_flag("--bgr", options.bgr, "the channels of an image are blue, green, red, as OpenCV's")
      ->needs(&inputs);
  verb.add_flag("--resize", options.resize, "resize images to the input's size (bilinear)")
      ->needs(&inputs);
}

}  // namespace tilewright
