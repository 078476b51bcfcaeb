#include "runtime/tar.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runtime/crc32.h"
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

TEST(Crc32, AgreesWithThePublishedCheckValue) {
  EXPECT_EQ(Crc32("123456789"), 0xcbf43926u);
  EXPECT_EQ(Crc32(""), 0u);
  EXPECT_EQ(Crc32("The quick brown fox jumps over the lazy dog"), 0x414fa339u);
}

}  // namespace
}  // namespace tilewright::runtime
