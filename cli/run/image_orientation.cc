#include "cli/run/image_orientation.h"

#include <libexif/exif-data.h>

#include <memory>
#include <utility>

namespace tilewright {
namespace {

struct UnrefExif {
  void operator()(ExifData* data) const { exif_data_unref(data); }
};

}  // namespace

int OrientationOf(std::string_view jpeg) {
  const std::unique_ptr<ExifData, UnrefExif> exif(exif_data_new_from_data(
      reinterpret_cast<const unsigned char*>(jpeg.data()), static_cast<unsigned>(jpeg.size())));
  if (exif == nullptr) return 1;
  const ExifEntry* entry = exif_content_get_entry(exif->ifd[EXIF_IFD_0], EXIF_TAG_ORIENTATION);
  const bool said = entry != nullptr && entry->format == EXIF_FORMAT_SHORT && entry->size >= 2;
  const int orientation =
      said ? exif_get_short(entry->data, exif_data_get_byte_order(exif.get())) : 1;
  return orientation >= 1 && orientation <= 8 ? orientation : 1;
}

Image Upright(const Image& stored, int orientation) {
  if (orientation == 1) return stored;
  const bool transposed = orientation >= 5;
  // Where the stored image's first row and column are not the first of what is seen, before the
  // axes change places.
  const bool bottom = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
  const bool right = orientation == 2 || orientation == 3 || orientation >= 7;
  Image image{.height = stored.height, .width = stored.width, .rgb = {}};
  if (transposed) std::swap(image.height, image.width);
  image.rgb.reserve(stored.rgb.size());
  for (int64_t y = 0; y < image.height; ++y) {
    for (int64_t x = 0; x < image.width; ++x) {
      const int64_t row = transposed ? x : y, column = transposed ? y : x;
      const int64_t at = (bottom ? stored.height - 1 - row : row) * stored.width +
                         (right ? stored.width - 1 - column : column);
      const uint8_t* pixel = &stored.rgb[static_cast<size_t>(at) * 3];
      image.rgb.insert(image.rgb.end(), pixel, pixel + 3);
    }
  }
  return image;
}

}  // namespace tilewright
