// Images as files' bytes, written by the libraries that read them.
#pragma once

#include <png.h>
#include <turbojpeg.h>

#include <string>

#include "base/check.h"
#include "cli/run/image.h"

namespace tilewright {

// `samples` are 8-bit, of the channels that the format (PNG_FORMAT_...) has.
inline std::string PngOf(int64_t width, int64_t height, const std::vector<uint8_t>& samples,
                         png_uint_32 format = PNG_FORMAT_RGB) {
  png_image png = {};
  png.version = PNG_IMAGE_VERSION;
  png.width = static_cast<png_uint_32>(width);
  png.height = static_cast<png_uint_32>(height);
  png.format = format;
  png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(png);
  std::string bytes(size, '\0');
  TW_CHECK(png_image_write_to_memory(&png, bytes.data(), &size, 0, samples.data(), 0, nullptr));
  bytes.resize(size);
  return bytes;
}

inline std::string PngOf(const Image& image) { return PngOf(image.width, image.height, image.rgb); }

// Quality 100, no subsampling.
inline std::string JpegOf(const Image& image) {
  unsigned char* data = nullptr;
  unsigned long size = 0;
  const tjhandle handle = tjInitCompress();
  TW_CHECK(tjCompress2(handle, image.rgb.data(), static_cast<int>(image.width), 0,
                       static_cast<int>(image.height), TJPF_RGB, &data, &size, TJSAMP_444, 100,
                       0) == 0);
  std::string bytes(reinterpret_cast<char*>(data), size);
  tjFree(data);
  tjDestroy(handle);
  return bytes;
}

}  // namespace tilewright
