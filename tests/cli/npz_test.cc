#include "cli/npz/npz.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>
#include <zip.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "cli/npz/npy.h"
#include "cli/npz/text_array.h"

namespace tilewright {
namespace {

using testing::HasSubstr;

class NpzTest : public testing::Test {
 protected:
  NpzTest() {
    std::string name = std::filesystem::temp_directory_path() / "tilewright-npz-XXXXXX";
    folder_ = mkdtemp(name.data());
    path_ = folder_ / "arrays.npz";
  }
  ~NpzTest() override { std::filesystem::remove_all(folder_); }

  std::string Contents() const {
    std::ostringstream bytes;
    bytes << std::ifstream(path_, std::ios::binary).rdbuf();
    return bytes.str();
  }
  void Replace(const std::string& bytes) const {
    std::ofstream(path_, std::ios::binary | std::ios::trunc) << bytes;
  }

  std::filesystem::path folder_, path_;
};

NpzArray Floats(const std::string& name, std::vector<int64_t> shape,
                const std::vector<float>& values) {
  return {name, "float32", std::move(shape),
          std::string(reinterpret_cast<const char*>(values.data()), values.size() * 4)};
}

// An .npy file with this dictionary.
std::string Npy(const std::string& dictionary, const std::string& data, char major = 1) {
  std::string bytes = "\x93NUMPY";
  bytes += {major, 0, static_cast<char>(dictionary.size()), 0};
  if (major == 2) bytes += {0, 0};
  return bytes + dictionary + data;
}
constexpr char kTwoFloats[] = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }";

TEST_F(NpzTest, TextsAreNumpysStrings) {
  const std::vector<std::string> texts = {"", "cat", "K\xc3\xa4se \xe2\x82\xac",
                                          "\xf0\x9f\x90\x88"};
  const NpzArray array = TextArray("t", {2, 2}, texts);
  EXPECT_EQ(array.dtype, "<U6");
  EXPECT_EQ(array.data.size(), 4u * 4 * 6);
  ASSERT_TRUE(WriteNpz(path_, {array}).ok());
  const auto read = ReadNpz(path_);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->at(0), array);
  EXPECT_EQ(TextsOf(read->at(0)), texts);
  EXPECT_EQ(TextsOf(TextArray("bad", {1}, {"\xff"})), (std::vector<std::string>{"\xef\xbf\xbd"}));
  for (const char* other : {"<U", "<U0", "<U-1", "<U2000000", "<U5x", "float32"}) {
    EXPECT_FALSE(IsTextType(other)) << other;
  }
}

TEST_F(NpzTest, ReadsBackEveryTypeAndRank) {
  const std::vector<NpzArray> arrays = {
      Floats("scalar", {}, {1.5f}),       Floats("data", {1, 2, 3}, {1, 2, 3, 4, 5, 6}),
      Floats("none", {0, 4}, {}),         {"b", "bool", {3}, std::string("\1\0\1", 3)},
      {"i8", "int8", {1}, "a"},           {"u8", "uint8", {1}, "b"},
      {"i16", "int16", {1}, "ab"},        {"i32", "int32", {1}, "abcd"},
      {"i64", "int64", {1}, "abcdefgh"},  {"f64", "float64", {1}, "abcdefgh"},
      {"u16", "uint16", {1}, "ab"},       {"u32", "uint32", {1}, "abcd"},
      {"u64", "uint64", {1}, "abcdefgh"}, {"f16", "float16", {1}, "ab"},
      {"bf16", "bfloat16", {2}, "abcd"}};
  ASSERT_TRUE(WriteNpz(path_, arrays).ok());
  const auto read = ReadNpz(path_);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(*read, arrays);
  EXPECT_FALSE(std::filesystem::exists(path_.string() + ".part"));
}

TEST_F(NpzTest, HoldsBFloat16AsTwoOpaqueBytes) {
  EXPECT_THAT(FormatNpy({"x", "bfloat16", {1}, "ab"}), HasSubstr("'descr': '<V2'"));
  const char* either = "{'descr': '|V2', 'fortran_order': False, 'shape': (1,), }";
  EXPECT_EQ(ParseNpy("x", Npy(either, "ab"))->dtype, "bfloat16");
}

TEST_F(NpzTest, ReplacesAFileThatIsThere) {
  ASSERT_TRUE(WriteNpz(path_, {Floats("a", {1}, {1})}).ok());
  ASSERT_TRUE(WriteNpz(path_, {Floats("b", {1}, {2})}).ok());
  EXPECT_EQ(ReadNpz(path_)->front().name, "b");
}

TEST_F(NpzTest, ReadsDeflatedMembers) {
  const std::string npy = FormatNpy(Floats("x", {1000}, std::vector<float>(1000, 1)));
  zip_t* zip = zip_open(path_.c_str(), ZIP_CREATE, nullptr);
  const zip_int64_t index = zip_file_add(
      zip, "x.npy", zip_source_buffer(zip, npy.data(), npy.size(), 0), ZIP_FL_ENC_UTF_8);
  zip_set_file_compression(zip, static_cast<zip_uint64_t>(index), ZIP_CM_DEFLATE, 9);
  ASSERT_EQ(zip_close(zip), 0);
  ASSERT_LT(std::filesystem::file_size(path_), 1000u);
  const auto read = ReadNpz(path_);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->front().shape, std::vector<int64_t>{1000});
}

// 128 MiB of zeros, packed, behind an array of two floats.
TEST_F(NpzTest, WhatAnArraysShapeDoesNotTakeIsNotUnpacked) {
  zip_t* zip = zip_open(path_.c_str(), ZIP_CREATE, nullptr);
  std::string npy = Npy(kTwoFloats, std::string(size_t{1} << 27, '\0'));
  const zip_int64_t index = zip_file_add(
      zip, "x.npy", zip_source_buffer(zip, npy.data(), npy.size(), 0), ZIP_FL_ENC_UTF_8);
  zip_set_file_compression(zip, static_cast<zip_uint64_t>(index), ZIP_CM_DEFLATE, 1);
  ASSERT_EQ(zip_close(zip), 0);
  npy = std::string();
  struct rusage before, after;
  getrusage(RUSAGE_SELF, &before);
  EXPECT_THAT(std::string(ReadNpz(path_).status().message()),
              HasSubstr("array x: it has 134217728 bytes of data where its shape (2,) needs 8"));
  getrusage(RUSAGE_SELF, &after);
  EXPECT_LT(after.ru_minflt - before.ru_minflt, (32 << 20) / 4096) << "pages touched";
}

TEST_F(NpzTest, AnElementTypeIsSaidAsItStands) {
  const auto said = [](const std::string& dictionary) {
    return std::string(ParseNpy("x", Npy(dictionary, "")).status().message());
  };
  EXPECT_THAT(said("{'descr': '>f4', 'fortran_order': False, 'shape': (), }"),
              HasSubstr("array x: element type '>f4' is not one of"));
  EXPECT_THAT(said("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (), }"),
              HasSubstr("array x: element type [('a', '<f4')] is not one of"));
}

TEST_F(NpzTest, TellsAMissingFileFromADamagedOne) {
  EXPECT_EQ(ReadNpz(path_).status().code(), absl::StatusCode::kNotFound);
  Replace("");
  EXPECT_EQ(ReadNpz(path_).status().code(), absl::StatusCode::kInvalidArgument);
  Replace("this is not a zip file");
  EXPECT_EQ(ReadNpz(path_).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(NpzTest, NeverCrashesOnDamage) {
  ASSERT_TRUE(WriteNpz(path_, {Floats("a", {8}, std::vector<float>(8, 1))}).ok());
  const std::string good = Contents();
  int refused = 0;
  for (size_t at = 0; at < good.size(); at += 3) {
    std::string damaged = good;
    damaged[at] ^= 0x41;
    Replace(damaged);
    refused += !ReadNpz(path_).ok();
    Replace(good.substr(0, at));
    EXPECT_FALSE(ReadNpz(path_).ok()) << "cut at " << at;
  }
  EXPECT_GT(refused, static_cast<int>(good.size()) / 6);
}

TEST_F(NpzTest, SaysWhyItCannotWrite) {
  const auto status = WriteNpz("/nonexistent/folder/out.npz", {Floats("a", {1}, {1})});
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(status.message()), HasSubstr("/nonexistent/folder/out.npz"));
}

TEST(Npy, AlignsTheDataAsNumpyDoes) {
  const std::string bytes = FormatNpy(Floats("x", {2, 3}, std::vector<float>(6, 0)));
  EXPECT_EQ(bytes.size() % 64, 24u);
  EXPECT_THAT(bytes, HasSubstr("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }"));
}

TEST(Npy, ReadsBothHeaderVersions) {
  for (const char major : {1, 2}) {
    const auto array = ParseNpy("x", Npy(kTwoFloats, "12345678", major));
    ASSERT_TRUE(array.ok()) << array.status();
    EXPECT_EQ(array->data, "12345678");
  }
}

TEST(Npy, RefusesWhatItCannotUseAndSaysWhy) {
  const struct {
    std::string bytes, reason;
  } cases[] = {
      {"", "not in numpy's format"},
      {Npy(kTwoFloats, "12345678", 3), "not in numpy's format"},
      {Npy("{'descr': '>f4', 'fortran_order': False, 'shape': (2,), }", "12345678"), "'>f4'"},
      {Npy("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,), }", ""), "[('a'"},
      {Npy("{'descr': '<f4', 'fortran_order': True, 'shape': (2,), }", "12345678"), "Fortran"},
      {Npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2,", "12345678"), "shape"},
      {Npy("{'descr': '<f4', 'fortran_order': False, 'shape': (-2,), }", "12345678"), "shape"},
      {Npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,2), }", "12345678"),
       "8 axes"},
      {Npy("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999, 99999999), }", ""),
       "2 GiB"},
      {Npy(kTwoFloats, "1234567"), "7 bytes"}};
  for (const auto& [bytes, reason] : cases) {
    const auto array = ParseNpy("x", bytes);
    ASSERT_FALSE(array.ok()) << reason;
    EXPECT_THAT(std::string(array.status().message()), HasSubstr("array x"));
    EXPECT_THAT(std::string(array.status().message()), HasSubstr(reason));
  }
}

}  // namespace
}  // namespace tilewright
