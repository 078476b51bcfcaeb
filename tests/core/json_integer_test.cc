#include "base/json_integer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <limits>

namespace tilewright {
namespace {

using Json = nlohmann::json;
using testing::ElementsAre;

Json Parsed(const char* text) { return Json::parse(text); }

TEST(JsonInteger, ReadsEveryIntegerThatTheTypeHolds) {
  EXPECT_EQ(JsonInteger<int64_t>(Parsed("-9223372036854775808")),
            std::numeric_limits<int64_t>::min());
  EXPECT_EQ(JsonInteger<uint64_t>(Parsed("18446744073709551615")),
            std::numeric_limits<uint64_t>::max());
  EXPECT_EQ(JsonInteger<int>(Parsed("-7")), -7);
  EXPECT_THAT(JsonIntegers<int64_t>(Parsed("[1, 64, 56]")), ElementsAre(1, 64, 56));
}

TEST(JsonInteger, RefusesWhatTheTypeDoesNotHold) {
  EXPECT_THROW(JsonInteger<int64_t>(Parsed("9223372036854775808")), Json::type_error);
  EXPECT_THROW(JsonInteger<uint64_t>(Parsed("-1")), Json::type_error);
  EXPECT_THROW(JsonInteger<int>(Parsed("2147483648")), Json::type_error);
}

TEST(JsonInteger, RefusesWhatIsNoInteger) {
  for (const char* text : {"1.5", "1e24", "1e300", "true", "null", "\"1\"", "[1]", "{}"}) {
    EXPECT_THROW(JsonInteger<uint64_t>(Parsed(text)), Json::type_error) << text;
  }
  EXPECT_THROW(JsonIntegers<int64_t>(Parsed("[1, 2.5]")), Json::type_error);
  EXPECT_THROW(JsonIntegers<int64_t>(Parsed("3")), Json::type_error);
}

}  // namespace
}  // namespace tilewright
