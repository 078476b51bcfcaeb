#include "runtime/tar.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "runtime/crc32c.h"
#include "runtime/error.h"
#include "runtime/package.h"

namespace tilewright::runtime {
namespace {

using testing::ElementsAre;
using testing::Pair;

TEST(Tar, ReadsBackWhatItWrote) {
  const std::string odd(513, 'x');
  const std::string tar = WriteTar({{"a.json", "{}"}, {"empty", ""}, {"odd", odd}});
  EXPECT_THAT(ReadTar(tar), ElementsAre(Pair("a.json", "{}"), Pair("empty", ""), Pair("odd", odd)));
}

TEST(Tar, StartsMembersAtMultiplesOf512) {
  const std::string tar = WriteTar({{"a", "abc"}, {"b", "def"}});
  EXPECT_EQ((ReadTar(tar).at("b").data() - tar.data()) % 512, 0);
  EXPECT_EQ(tar.size() % 512, 0u);
}

TEST(Tar, RefusesEveryTruncation) {
  const std::string tar = WriteTar({{"a", std::string(700, 'a')}, {"b", "def"}});
  for (size_t size = 0; size + 1024 <= tar.size(); ++size) {
    EXPECT_THROW(ReadTar(std::string_view(tar).substr(0, size)), Error) << size;
  }
}

// 9 GiB of zeros that take no memory until they are touched.
class VastZeros {
 public:
  static constexpr size_t kBytes = size_t{9} << 30;
  VastZeros()
      : data_(static_cast<char*>(mmap(nullptr, kBytes, PROT_READ | PROT_WRITE,
                                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0))) {}
  ~VastZeros() {
    if (ok()) munmap(data_, kBytes);
  }
  bool ok() const { return data_ != MAP_FAILED; }
  char* data() const { return data_; }

 private:
  char* const data_;
};

TEST(Tar, HoldsMembersAboveEightGibibytes) {
  const VastZeros vast;
  ASSERT_TRUE(vast.ok());
  const std::string_view contents(vast.data(), VastZeros::kBytes - 4096);
  std::string headers;
  size_t total = 0;
  WriteTar({{"vast", contents}}, [&](std::string_view part) {
    total += part.size();
    if (part.size() == 512) headers.append(part);
  });
  EXPECT_EQ(total, contents.size() + 512 + 1024);
  std::memcpy(vast.data(), headers.data(), 512);
  const auto members = ReadTar({vast.data(), VastZeros::kBytes});
  EXPECT_EQ(members.at("vast").size(), contents.size());
}

TEST(Tar, RefusesASizeBeyondAllFiles) {
  std::string tar = WriteTar({{"a", "abc"}});
  tar[124] = '\x80';
  std::fill_n(&tar[125], 11, '\xff');
  unsigned sum = 0;
  std::fill_n(&tar[148], 8, ' ');
  for (size_t i = 0; i < 512; ++i) sum += static_cast<unsigned char>(tar[i]);
  std::snprintf(&tar[148], 8, "%06o", sum);
  EXPECT_THROW(ReadTar(tar), Error);
}

TEST(Tar, RefusesADamagedHeader) {
  std::string tar = WriteTar({{"a", "abc"}});
  for (size_t at : {size_t{0}, size_t{124}, size_t{156}, size_t{300}}) {
    std::string damaged = tar;
    damaged[at] ^= 1;
    EXPECT_THROW(ReadTar(damaged), Error) << at;
  }
}

TEST(Tar, RefusesAMemberNamedTwice) {
  EXPECT_THROW(ReadTar(WriteTar({{"a", "1"}, {"a", "2"}})), Error);
}

TEST(Crc32c, AgreesWithThePublishedCheckValue) {
  EXPECT_EQ(Crc32c("123456789"), 0xe3069283u);
  EXPECT_EQ(Crc32c(""), 0u);
  EXPECT_EQ(Crc32c(std::string(32, '\0')), 0x8a9136aau);  // RFC 3720, B.4
}

TEST(Crc32c, IsTheSameWithAndWithoutTheInstruction) {
  std::string bytes;
  for (int size = 0; size < 100; ++size, bytes += static_cast<char>(37 * size)) {
    EXPECT_EQ(Crc32c(bytes), PortableCrc32c(bytes)) << size;
  }
}

}  // namespace
}  // namespace tilewright::runtime
