// Images that a user brings, by the libraries of Debian: PNG by libpng, JPEG by libjpeg-turbo and
// libexif.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace tilewright {

// 8-bit RGB, rows from the top, no padding: value of channel c at (y, x) is
// rgb[(y * width + x) * 3 + c].
struct Image {
  int64_t height = 0, width = 0;
  std::vector<uint8_t> rgb;
};

// By the first bytes, whatever the file's name is.
bool IsImage(std::string_view bytes);

// Grey becomes RGB; an alpha channel is dropped, as Pillow's convert("RGB") does; a JPEG is turned
// as its EXIF says, as OpenCV's imread does. InvalidArgument with the library's reason for what is
// damaged, of another format, or larger than 64 million pixels.
absl::StatusOr<Image> DecodeImage(std::string_view bytes);

}  // namespace tilewright
