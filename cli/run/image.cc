#include "cli/run/image.h"

#include <png.h>
#include <turbojpeg.h>

#include <memory>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "cli/run/image_orientation.h"

namespace tilewright {
namespace {

constexpr std::string_view kPng = "\x89PNG\r\n\x1a\n";
constexpr std::string_view kJpeg = "\xff\xd8\xff";
constexpr int64_t kMaxPixels = 64'000'000;

absl::Status CheckSize(int64_t width, int64_t height) {
  if (width > 0 && height > 0 && width <= kMaxPixels / height) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("the image has ", width, "x", height, " pixels; at most ", kMaxPixels));
}

struct FreePng {
  void operator()(png_image* image) const { png_image_free(image); }
};

absl::Status PngError(const png_image& png) {
  return absl::InvalidArgumentError(absl::StrCat("cannot read the PNG: ", png.message));
}

absl::StatusOr<Image> DecodePng(std::string_view bytes) {
  png_image png = {};
  png.version = PNG_IMAGE_VERSION;
  const std::unique_ptr<png_image, FreePng> owner(&png);
  if (png_image_begin_read_from_memory(&png, bytes.data(), bytes.size()) == 0) {
    return PngError(png);
  }
  TW_RETURN_IF_ERROR(CheckSize(png.width, png.height));
  Image image{.height = png.height, .width = png.width, .rgb = {}};
  png.format = PNG_FORMAT_RGBA;  // without A the library would blend with a background
  std::vector<uint8_t> rgba(PNG_IMAGE_SIZE(png));
  if (png_image_finish_read(&png, nullptr, rgba.data(), 0, nullptr) == 0) return PngError(png);
  image.rgb.resize(rgba.size() / 4 * 3);
  for (size_t i = 0; i < image.rgb.size(); ++i) image.rgb[i] = rgba[i / 3 * 4 + i % 3];
  return image;
}

struct CloseJpeg {
  void operator()(void* handle) const { tjDestroy(handle); }
};

absl::StatusOr<Image> DecodeJpeg(std::string_view bytes) {
  const std::unique_ptr<void, CloseJpeg> jpeg(tjInitDecompress());
  if (jpeg == nullptr) return absl::InternalError(tjGetErrorStr2(nullptr));
  const auto* data = reinterpret_cast<const unsigned char*>(bytes.data());
  const auto error = [&] {
    return absl::InvalidArgumentError(
        absl::StrCat("cannot read the JPEG: ", tjGetErrorStr2(jpeg.get())));
  };
  int width = 0, height = 0, sampling = 0, space = 0;
  if (tjDecompressHeader3(jpeg.get(), data, bytes.size(), &width, &height, &sampling, &space)) {
    return error();
  }
  TW_RETURN_IF_ERROR(CheckSize(width, height));
  Image image{.height = height, .width = width, .rgb = {}};
  image.rgb.resize(static_cast<size_t>(width) * static_cast<size_t>(height) * 3);
  // A limit on scans: a small progressive file could otherwise keep the decoder for hours.
  if (tjDecompress2(jpeg.get(), data, bytes.size(), image.rgb.data(), width, 0, height, TJPF_RGB,
                    TJFLAG_ACCURATEDCT | TJFLAG_LIMITSCANS)) {
    return error();
  }
  return Upright(image, OrientationOf(bytes));
}

}  // namespace

bool IsImage(std::string_view bytes) { return bytes.starts_with(kPng) || bytes.starts_with(kJpeg); }

absl::StatusOr<Image> DecodeImage(std::string_view bytes) {
  if (bytes.starts_with(kPng)) return DecodePng(bytes);
  if (bytes.starts_with(kJpeg)) return DecodeJpeg(bytes);
  return absl::InvalidArgumentError("neither a PNG nor a JPEG image");
}

}  // namespace tilewright
