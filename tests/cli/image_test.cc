// Images: reading, resizing, and what they become as a model's input.
#include "cli/run/image.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/rng.h"
#include "cli/run/image_array.h"
#include "tests/cli/pictures.h"

namespace tilewright {
namespace {

using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;

Image RandomImage(uint64_t seed, int64_t height, int64_t width) {
  Rng rng(seed);
  Image image{.height = height, .width = width, .rgb = {}};
  for (int64_t i = 0; i < height * width * 3; ++i) {
    image.rgb.push_back(static_cast<uint8_t>(rng.Below(256)));
  }
  return image;
}

Image Plain(int64_t height, int64_t width, const std::array<uint8_t, 3>& rgb) {
  Image image{.height = height, .width = width, .rgb = {}};
  for (int64_t i = 0; i < height * width; ++i) {
    image.rgb.insert(image.rgb.end(), rgb.begin(), rgb.end());
  }
  return image;
}

TEST(Image, APngIsReadExactly) {
  const Image image = RandomImage(3, 5, 7);
  const auto read = DecodeImage(PngOf(image));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->height, 5);
  EXPECT_EQ(read->width, 7);
  EXPECT_EQ(read->rgb, image.rgb);
}

TEST(Image, GreyBecomesRgbAndAlphaIsDropped) {
  EXPECT_THAT(DecodeImage(PngOf(2, 1, {9, 200}, PNG_FORMAT_GRAY))->rgb,
              ElementsAre(9, 9, 9, 200, 200, 200));
  EXPECT_THAT(DecodeImage(PngOf(1, 1, {10, 20, 30, 128}, PNG_FORMAT_RGBA))->rgb,
              ElementsAre(10, 20, 30));
}

TEST(Image, AJpegIsReadToItsPrecision) {
  const Image image = Plain(16, 24, {200, 100, 50});
  const auto read = DecodeImage(JpegOf(image));
  ASSERT_TRUE(read.ok()) << read.status();
  ASSERT_EQ(read->rgb.size(), image.rgb.size());
  for (size_t i = 0; i < image.rgb.size(); ++i) EXPECT_NEAR(read->rgb[i], image.rgb[i], 2);
}

// A camera's note at the head of a JPEG: APP1 with one entry, tag 0x0112, little-endian.
std::string WithOrientation(const std::string& jpeg, int orientation) {
  std::string tiff("II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0?\0\0\0\0\0\0\0", 26);
  tiff[18] = static_cast<char>(orientation);
  const std::string body = std::string("Exif\0\0", 6) + tiff;
  const auto length = static_cast<char>(body.size() + 2);
  return jpeg.substr(0, 2) + std::string("\xff\xe1\0", 3) + length + body + jpeg.substr(2);
}

TEST(Image, AJpegIsTurnedAsItsCameraNotes) {
  // Red above, left half brighter: 16x32 (height x width) so that blocks of 8 keep their colours.
  Image image{.height = 16, .width = 32, .rgb = {}};
  for (int64_t i = 0; i < 16 * 32; ++i) {
    const bool above = i / 32 < 8, left = i % 32 < 16;
    image.rgb.insert(image.rgb.end(), {static_cast<uint8_t>(above ? 200 : 40),
                                       static_cast<uint8_t>(left ? 200 : 40), 90});
  }
  // What the corner at the top left shows: is it the stored top, is it the stored left?
  struct Corner {
    int orientation;
    bool above, left, turned;
  };
  for (const Corner& corner : std::vector<Corner>{{1, true, true, false},
                                                  {2, true, false, false},
                                                  {3, false, false, false},
                                                  {4, false, true, false},
                                                  {5, true, true, true},
                                                  {6, false, true, true},
                                                  {7, false, false, true},
                                                  {8, true, false, true}}) {
    const auto read = DecodeImage(WithOrientation(JpegOf(image), corner.orientation));
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_EQ(read->height, corner.turned ? 32 : 16) << corner.orientation;
    EXPECT_EQ(read->width, corner.turned ? 16 : 32) << corner.orientation;
    EXPECT_NEAR(read->rgb[0], corner.above ? 200 : 40, 8) << corner.orientation;
    EXPECT_NEAR(read->rgb[1], corner.left ? 200 : 40, 8) << corner.orientation;
  }
  for (const int nonsense : {0, 9, 77}) {
    EXPECT_EQ(DecodeImage(WithOrientation(JpegOf(image), nonsense))->height, 16) << nonsense;
  }
}

TEST(Image, ADamagedOneIsRefusedWithTheLibrarysReason) {
  for (const std::string& bytes : {PngOf(RandomImage(4, 40, 40)), JpegOf(RandomImage(4, 40, 40))}) {
    EXPECT_TRUE(IsImage(bytes));
    const auto read = DecodeImage(bytes.substr(0, bytes.size() / 2));
    EXPECT_EQ(read.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(read.status().message()), HasSubstr("cannot read the "));
  }
  EXPECT_FALSE(IsImage("GIF89a"));
  EXPECT_FALSE(DecodeImage("GIF89a").ok());
}

TEST(Image, TooManyPixelsAreRefusedBeforeTheyAreRead) {
  std::string png = PngOf(Plain(1, 1, {0, 0, 0}));
  png[16] = png[20] =
      0x01;  // width and height of the header: 16,777,217; its checksum is wrong now
  EXPECT_FALSE(DecodeImage(png).ok());
}

TEST(Resize, AUniformImageStaysUniform) {
  for (const auto& [height, width] : {std::pair{3, 50}, {17, 4}, {1, 1}, {64, 64}}) {
    const Image resized = Resize(Plain(16, 16, {77, 77, 77}), height, width);
    EXPECT_EQ(resized.rgb.size(), static_cast<size_t>(height * width * 3));
    EXPECT_THAT(resized.rgb, Each(77));
  }
}

TEST(Resize, InterpolatesBetweenPixelCentres) {
  Image image{.height = 1, .width = 2, .rgb = {0, 0, 0, 100, 200, 40}};
  const Image wide = Resize(image, 1, 4);
  EXPECT_THAT(wide.rgb, ElementsAre(0, 0, 0, 25, 50, 10, 75, 150, 30, 100, 200, 40));
}

TEST(Resize, EveryPixelCountsWhenItShrinks) {
  Image image = Plain(1, 64, {0, 0, 0});
  for (size_t i = 0; i < image.rgb.size(); i += 6) image.rgb[i] = 255;  // every second pixel red
  const Image small = Resize(image, 1, 4);
  for (size_t i = 0; i < small.rgb.size(); i += 3) EXPECT_NEAR(small.rgb[i], 127.5, 8);
}

const float* Floats(const NpzArray& array) {
  return reinterpret_cast<const float*>(array.data.data());
}

TEST(ImageArray, PixelsAreScaledAndPutWhereTheLayoutSays) {
  const Image image{.height = 1, .width = 2, .rgb = {0, 51, 102, 153, 204, 255}};
  const auto nchw = ToArray({image}, "x", {DType::kF32, {1, 3, 1, 2}}, {.layout = "nchw"});
  ASSERT_TRUE(nchw.ok()) << nchw.status();
  const std::vector<float> planes(Floats(*nchw), Floats(*nchw) + 6);
  EXPECT_THAT(planes, ElementsAre(0.f, 0.6f, 0.2f, 0.8f, 0.4f, 1.f));
  const auto nhwc = ToArray({image}, "x", {DType::kF32, {1, 1, 2, 3}}, {.layout = "nhwc"});
  ASSERT_TRUE(nhwc.ok()) << nhwc.status();
  const std::vector<float> pixels(Floats(*nhwc), Floats(*nhwc) + 6);
  EXPECT_THAT(pixels, ElementsAre(0.f, 0.2f, 0.4f, 0.6f, 0.8f, 1.f));
}

TEST(ImageArray, MeanAndScaleAreOneNumberOrOneAChannel) {
  const Image image{.height = 1, .width = 1, .rgb = {10, 20, 30}};
  const TensorType type{DType::kF32, {3, 1, 1}};
  const auto each =
      ToArray({image}, "x", type, {.layout = "nchw", .mean = {10, 10, 10}, .scale = {1, 2, 4}});
  ASSERT_TRUE(each.ok()) << each.status();
  EXPECT_THAT(std::vector<float>(Floats(*each), Floats(*each) + 3), ElementsAre(0, 5, 5));
  const auto one = ToArray({image}, "x", type, {.layout = "nchw", .mean = {0}, .scale = {10}});
  EXPECT_THAT(std::vector<float>(Floats(*one), Floats(*one) + 3), ElementsAre(1, 2, 3));
}

TEST(ImageArray, BgrTurnsTheChannelsRoundAndMeansGoWithThem) {
  const Image image{.height = 1, .width = 1, .rgb = {10, 20, 30}};
  const auto array = ToArray({image}, "x", {DType::kF32, {3, 1, 1}},
                             {.layout = "nchw", .bgr = true, .mean = {5, 0, 0}, .scale = {1}});
  ASSERT_TRUE(array.ok()) << array.status();
  EXPECT_THAT(std::vector<float>(Floats(*array), Floats(*array) + 3), ElementsAre(25, 20, 10));
}

TEST(ImageArray, AnyNumberOfImagesIsTheBatchWhereThePackageHasSeveral) {
  const auto three = ToArray(std::vector<Image>(3, Plain(2, 2, {0, 0, 0})), "x",
                             {DType::kF32, {1, 3, 2, 2}}, {.any_batch = true});
  ASSERT_TRUE(three.ok()) << three.status();
  EXPECT_EQ(three->shape, (Shape{3, 3, 2, 2}));
}

TEST(ImageArray, AUint8InputTakesThePixelsAndAGreyOneTheirLuma) {
  const Image image{.height = 1, .width = 1, .rgb = {255, 0, 100}};
  const auto bytes = ToArray({image}, "x", {DType::kU8, {1, 1, 1, 3}}, {.layout = "nhwc"});
  ASSERT_TRUE(bytes.ok()) << bytes.status();
  EXPECT_EQ(bytes->dtype, "uint8");
  EXPECT_EQ(bytes->data, std::string("\xff\0\x64", 3));
  const auto grey = ToArray({image}, "x", {DType::kU8, {1, 1, 1, 1}}, {.layout = "nchw"});
  EXPECT_EQ(static_cast<uint8_t>(grey->data[0]), 88);  // 76.2 + 11.4
}

TEST(ImageArray, SeveralImagesAreTheBatch) {
  const auto two = ToArray({Plain(2, 2, {0, 0, 0}), Plain(2, 2, {255, 255, 255})}, "x",
                           {DType::kF32, {2, 3, 2, 2}}, {});
  ASSERT_TRUE(two.ok()) << two.status();
  EXPECT_EQ(Floats(*two)[11], 0);
  EXPECT_EQ(Floats(*two)[12], 1);
}

std::string Refusal(const TensorType& input, const ImageOptions& options) {
  const auto array = ToArray({Plain(4, 6, {1, 2, 3})}, "x", input, options);
  EXPECT_EQ(array.status().code(), absl::StatusCode::kInvalidArgument) << ToString(input);
  return std::string(array.status().message());
}

TEST(ImageArray, SaysBothSidesOfWhatDoesNotFit) {
  const TensorType good{DType::kF32, {1, 3, 4, 6}};
  EXPECT_EQ(Refusal({DType::kF32, {1, 3, 8, 9}}, {}),
            "the image has 6x4 pixels (width x height), the input takes 9x8; --resize makes it "
            "that size");
  EXPECT_THAT(Refusal({DType::kF32, {1, 1000}}, {}), HasSubstr("float32[1,1000], which takes no"));
  EXPECT_THAT(Refusal({DType::kF32, {1, 3, 4, 3}}, {}), HasSubstr("say --layout nchw or"));
  EXPECT_THAT(Refusal(good, {.layout = "nhwc"}), HasSubstr("needs [N,H,W,C] with C 1 or 3"));
  EXPECT_THAT(Refusal({DType::kI64, {1, 3, 4, 6}}, {}), HasSubstr("floating-point and uint8"));
  EXPECT_THAT(Refusal({DType::kU8, {1, 3, 4, 6}}, {.mean = {1}}), HasSubstr("takes no --mean"));
  EXPECT_THAT(Refusal({DType::kF32, {2, 3, 4, 6}}, {}), HasSubstr("batch of 2 images, 1 are"));
  EXPECT_EQ(Refusal(good, {.mean = {1, 2}}), "--mean has 2 numbers, the input 3 channels");
  EXPECT_EQ(Refusal(good, {.scale = {0}}), "--scale must be finite and not zero");
}

}  // namespace
}  // namespace tilewright
