// How a camera was held: the orientation that EXIF notes in a JPEG, by libexif.
#pragma once

#include <string_view>

#include "cli/run/image.h"

namespace tilewright {

// 1 to 8 as EXIF 2.3 (4.6.4 A) counts them; 1, as it is stored, where the bytes do not say.
int OrientationOf(std::string_view jpeg);

// The image as it is to be seen. REQUIRES: 1 <= orientation <= 8.
Image Upright(const Image& stored, int orientation);

}  // namespace tilewright
