#include "runtime/tar.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

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
