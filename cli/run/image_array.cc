#include "cli/run/image_array.h"

#include <algorithm>
#include <cmath>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace tilewright {
namespace {

// Where the dimensions of the images are; no batch dimension for rank 3.
struct Place {
  int64_t batch, channels, height, width;
  bool channels_last;
};

bool AreChannels(int64_t extent) { return extent == 1 || extent == 3; }

absl::StatusOr<Place> PlaceOf(const TensorType& input, const std::string& layout) {
  const Shape& s = input.shape;
  const size_t rank = s.size();
  const bool spatial = rank == 3 || rank == 4;
  const bool first = spatial && layout != "nhwc" && AreChannels(s[rank - 3]);
  const bool last = spatial && layout != "nchw" && AreChannels(s[rank - 1]);
  if (first && last) {
    return absl::InvalidArgumentError(
        absl::StrCat("the input is ", ToString(input), ": say --layout nchw or --layout nhwc"));
  }
  if (!first && !last) {
    return absl::InvalidArgumentError(
        absl::StrCat("the input is ", ToString(input), ", which takes no image; an image needs ",
                     layout == "nhwc" ? "" : "[N,C,H,W]", layout.empty() ? " or " : "",
                     layout == "nchw" ? "" : "[N,H,W,C]", " with C 1 or 3"));
  }
  const int64_t batch = rank == 4 ? s[0] : 1;
  if (first) return Place{batch, s[rank - 3], s[rank - 2], s[rank - 1], false};
  return Place{batch, s[rank - 1], s[rank - 3], s[rank - 2], true};
}

absl::Status CheckNumbers(const std::string& option, const std::vector<double>& numbers,
                          const Place& place) {
  const auto count = static_cast<int64_t>(numbers.size());
  if (count > 1 && count != place.channels) {
    return absl::InvalidArgumentError(
        absl::StrCat(option, " has ", count, " numbers, the input ", place.channels, " channels"));
  }
  const bool divides = option == "--scale";
  for (const double number : numbers) {
    if (std::isfinite(number) && !(divides && number == 0)) continue;
    return absl::InvalidArgumentError(
        absl::StrCat(option, " must be finite", divides ? " and not zero" : ""));
  }
  return absl::OkStatus();
}

absl::Status CheckType(const TensorType& input, const ImageOptions& options, const Place& place) {
  TW_RETURN_IF_ERROR(CheckNumbers("--mean", options.mean, place));
  TW_RETURN_IF_ERROR(CheckNumbers("--scale", options.scale, place));
  if (IsFloat(input.dtype)) return absl::OkStatus();
  if (input.dtype != DType::kU8) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the input is ", ToString(input), "; images go into floating-point and uint8 inputs"));
  }
  if (options.mean.empty() && options.scale.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError("the input is uint8, which takes no --mean and --scale");
}

double Of(const std::vector<double>& numbers, int64_t channel, double otherwise) {
  if (numbers.empty()) return otherwise;
  return numbers[numbers.size() == 1 ? 0 : static_cast<size_t>(channel)];
}

double Grey(const uint8_t* rgb) {
  return std::round((299.0 * rgb[0] + 587.0 * rgb[1] + 114.0 * rgb[2]) / 1000);
}

// In the order of the input's elements; `whole`: for an input of integers.
std::vector<double> ValuesOf(const Image& image, const Place& place, const ImageOptions& options,
                             bool whole) {
  const int64_t area = place.height * place.width;
  std::vector<double> values(static_cast<size_t>(area * place.channels));
  for (int64_t c = 0; c < place.channels; ++c) {
    const double mean = Of(options.mean, c, 0), scale = whole ? 1 : Of(options.scale, c, 255);
    const int64_t colour = options.bgr ? 2 - c : c;
    for (int64_t i = 0; i < area; ++i) {
      const int64_t at = place.channels_last ? i * place.channels + c : c * area + i;
      const uint8_t* rgb = &image.rgb[static_cast<size_t>(i) * 3];
      const double pixel = place.channels == 3 ? rgb[colour] : Grey(rgb);
      values[static_cast<size_t>(at)] = (pixel - mean) / scale;
    }
  }
  return values;
}

// The pixels that make one pixel of a resized row, and their weights, which sum to 1.
struct Taps {
  int64_t first;
  std::vector<double> weights;
};

Taps TapsOf(int64_t at, int64_t from, int64_t to) {
  const double ratio = static_cast<double>(from) / static_cast<double>(to);
  const double support = std::max(ratio, 1.0);
  const double centre = (static_cast<double>(at) + 0.5) * ratio - 0.5;
  Taps taps{std::max<int64_t>(0, static_cast<int64_t>(std::ceil(centre - support))), {}};
  const int64_t last = std::min(from - 1, static_cast<int64_t>(std::floor(centre + support)));
  double sum = 0;
  for (int64_t i = taps.first; i <= last; ++i) {
    const double distance = std::abs(static_cast<double>(i) - centre) / support;
    sum += taps.weights.emplace_back(std::max(0.0, 1 - distance));
  }
  for (double& weight : taps.weights) weight /= sum;
  return taps;
}

// Resizes the middle dimension of [outer, from, inner].
std::vector<double> ResizeAxis(const std::vector<double>& x, int64_t from, int64_t to,
                               int64_t inner) {
  const int64_t outer = static_cast<int64_t>(x.size()) / (from * inner);
  std::vector<double> y(static_cast<size_t>(outer * to * inner));
  for (int64_t place = 0; place < to; ++place) {
    const Taps taps = TapsOf(place, from, to);
    for (int64_t o = 0; o < outer; ++o) {
      for (size_t t = 0; t < taps.weights.size(); ++t) {
        const double* row =
            &x[static_cast<size_t>((o * from + taps.first + static_cast<int64_t>(t)) * inner)];
        double* sum = &y[static_cast<size_t>((o * to + place) * inner)];
        for (int64_t i = 0; i < inner; ++i) sum[i] += taps.weights[t] * row[i];
      }
    }
  }
  return y;
}

absl::StatusOr<Image> Fitted(const Image& image, const Place& place, bool resize) {
  if (image.height == place.height && image.width == place.width) return image;
  if (resize) return Resize(image, place.height, place.width);
  return absl::InvalidArgumentError(absl::StrCat("the image has ", image.width, "x", image.height,
                                                 " pixels (width x height), the input takes ",
                                                 place.width, "x", place.height,
                                                 "; --resize makes it that size"));
}

}  // namespace

Image Resize(const Image& image, int64_t height, int64_t width) {
  const std::vector<double> x(image.rgb.begin(), image.rgb.end());
  const std::vector<double> columns = ResizeAxis(x, image.width, width, 3);
  const std::vector<double> y = ResizeAxis(columns, image.height, height, width * 3);
  Image resized{.height = height, .width = width, .rgb = {}};
  for (const double value : y) {
    resized.rgb.push_back(static_cast<uint8_t>(std::clamp(std::round(value), 0.0, 255.0)));
  }
  return resized;
}

absl::StatusOr<NpzArray> ToArray(const std::vector<Image>& images, const std::string& name,
                                 const TensorType& takes, const ImageOptions& options) {
  TensorType input = takes;
  if (options.any_batch && input.shape.size() == 4) {
    input.shape[0] = static_cast<int64_t>(images.size());
  }
  TW_ASSIGN_OR_RETURN(const Place place, PlaceOf(input, options.layout));
  TW_RETURN_IF_ERROR(CheckType(input, options, place));
  if (static_cast<int64_t>(images.size()) != place.batch) {
    return absl::InvalidArgumentError(absl::StrCat("the input takes a batch of ", place.batch,
                                                   " images, ", images.size(), " are given"));
  }
  Tensor tensor(input);
  int64_t at = 0;
  for (const Image& given : images) {
    TW_ASSIGN_OR_RETURN(const Image image, Fitted(given, place, options.resize));
    for (const double value : ValuesOf(image, place, options, !IsFloat(input.dtype))) {
      tensor.Set(at++, value);
    }
  }
  return NpzArray{
      name, std::string(NameOf(input.dtype)), input.shape,
      std::string(static_cast<const char*>(tensor.data()), static_cast<size_t>(tensor.bytes()))};
}

}  // namespace tilewright
