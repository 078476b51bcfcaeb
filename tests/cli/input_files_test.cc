// The files that `tilewright run -i` takes.
#include "cli/run/input_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/npz/npy.h"
#include "tests/cli/command_line.h"
#include "tests/cli/pictures.h"

namespace tilewright {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class InputFiles : public testing::Test {
 protected:
  std::string Write(const std::string& name, const std::string& bytes) {
    WriteAll(folder_ / name, bytes);
    return folder_ / name;
  }
  std::string Npy(const std::string& name) { return Write(name, FormatNpy(kMask)); }
  std::string Png(const std::string& name) {
    return Write(name, PngOf(2, 1, {0, 51, 255, 9, 102, 9}));
  }
  static std::string Refusal(const std::vector<std::string>& files,
                             const std::vector<NamedInput>& inputs) {
    const auto arrays = ReadInputFiles(files, inputs, {});
    EXPECT_EQ(arrays.status().code(), absl::StatusCode::kInvalidArgument);
    return std::string(arrays.status().message());
  }

  inline static const NpzArray kMask{"mask", "int64", {1}, std::string(8, '\1')};
  inline static const std::vector<NamedInput> kOne = {{"mask", {DType::kI64, {1}}}};
  inline static const std::vector<NamedInput> kTwo = {{"image", {DType::kF32, {1, 3, 1, 2}}},
                                                      {"mask", {DType::kI64, {1}}}};
  TempFolder folder_;
};

TEST_F(InputFiles, AnArrayWithoutANameIsTheOnlyInputs) {
  const auto arrays = ReadInputFiles({Npy("a.npy")}, kOne, {});
  ASSERT_TRUE(arrays.ok()) << arrays.status();
  EXPECT_THAT(*arrays, ElementsAre(kMask));
}

TEST_F(InputFiles, NamesTellTheInputsApart) {
  const auto arrays = ReadInputFiles({"image=" + Png("dot"), "mask=" + Npy("a=b.npy")}, kTwo, {});
  ASSERT_TRUE(arrays.ok()) << arrays.status();
  ASSERT_EQ(arrays->size(), 2u);
  EXPECT_EQ((*arrays)[0], kMask);
  EXPECT_EQ((*arrays)[1].name, "image");
  EXPECT_FLOAT_EQ(reinterpret_cast<const float*>((*arrays)[1].data.data())[3], 0.4f);
}

TEST_F(InputFiles, AnNpzAndAnImageGoTogether) {
  ASSERT_TRUE(WriteNpz(folder_ / "rest.npz", {kMask}).ok());
  const auto arrays = ReadInputFiles({folder_ / "rest.npz", "image=" + Png("p.png")}, kTwo, {});
  ASSERT_TRUE(arrays.ok()) << arrays.status();
  EXPECT_EQ(arrays->size(), 2u);
}

TEST_F(InputFiles, SayWhichFileIsWrongAndWhy) {
  EXPECT_THAT(Refusal({folder_ / "none.npy"}, kOne), HasSubstr("none.npy: no such file"));
  EXPECT_THAT(Refusal({"musk=a.npy"}, kOne), HasSubstr("the model's inputs are mask"));
  EXPECT_THAT(Refusal({Write("t.txt", "hello")}, kOne), HasSubstr("none of .npz, .npy, PNG"));
  EXPECT_THAT(Refusal({Npy("a.npy")}, kTwo), HasSubstr("the model's inputs are image, mask"));
  EXPECT_THAT(Refusal({Write("b.npy", "\x93NUMPY")}, kOne), HasSubstr("numpy's format"));
  EXPECT_THAT(Refusal({"mask=" + Png("p.png")}, kTwo), HasSubstr("images for mask: the input is"));
  EXPECT_THAT(Refusal({"mask=" + Write("c.npz", "PK")}, kOne), HasSubstr("names its arrays"));
}

}  // namespace
}  // namespace tilewright
