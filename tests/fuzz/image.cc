// PNG and JPEG images.
#include "cli/run/image.h"

#include "base/check.h"
#include "tests/cli/pictures.h"
#include "tests/fuzz/target.h"

namespace tilewright {

FuzzTarget image() {
  const Image dots{.height = 1, .width = 2, .rgb = {0, 50, 100, 150, 200, 250}};
  return {{PngOf(dots), JpegOf(dots)}, [](std::string_view bytes) {
            const auto image = DecodeImage(bytes);
            if (!image.ok()) return false;
            const int64_t samples = image->height * image->width * 3;
            TW_CHECK(samples > 0 && static_cast<int64_t>(image->rgb.size()) == samples);
            return true;
          }};
}

}  // namespace tilewright
