#include "compiler/core/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tilewright {
namespace {

using testing::ElementsAre;

const char kJson[] =
    R"([["tile_oc","sp",[-1,16]],["order","re",[1,0,2]],["ann","an",["vec","none"]],)"
    R"(["unroll_kw","ot",true],["chunk","ot",4],["algo","ot","direct"]])";

TEST(Config, JsonReadsBack) {
  const absl::StatusOr<Config> config = ParseEntitiesJson(kJson);
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(EntitiesToJson(*config), kJson);
}

TEST(Config, LooksKnobsUpByName) {
  const Config config = ParseEntitiesJson(kJson).value();
  EXPECT_THAT(config.Split("tile_oc"), ElementsAre(-1, 16));
  EXPECT_EQ(config.Inner("tile_oc"), 16);
  EXPECT_TRUE(config.Bool("unroll_kw"));
  EXPECT_EQ(config.Int("chunk"), 4);
  EXPECT_EQ(config.Str("algo"), "direct");
}

TEST(ParseEntitiesJson, RefusesWhatIsNoConfig) {
  for (const char* json :
       {"", "{}", "[1]", R"([["a","sp"]])", R"([["a","zz",1]])", R"([["a","sp",["x"]]])",
        R"([["a","ot",1.5]])", R"([[1,"ot",1]])", "[[", R"([["a","sp",[1],2]])"}) {
    EXPECT_EQ(ParseEntitiesJson(json).status().code(), absl::StatusCode::kInvalidArgument) << json;
  }
}

TEST(ParseEntitiesJson, BoundsTheNumberOfKnobs) {
  std::string json = "[";
  for (int i = 0; i < 300; ++i) json += R"(["k","ot",1],)";
  json.back() = ']';
  EXPECT_FALSE(ParseEntitiesJson(json).ok());
}

TEST(Config, RefusesWhatIsNoEntityWithoutQuotingAllOfIt) {
  for (const std::string json :
       {std::string(100'000, '['), std::string(R"([["k","sp",[1.5]]])"),
        std::string(R"([["k","sp",[18446744073709551615]]])"),
        std::string(R"([["k","sp",[true]]])"), std::string(R"([["k","re",[null]]])"),
        std::string(R"([["k","ot",[1]]])"), std::string(R"([["k","ot",null]])"),
        std::string(R"([["k",1,2]])"), std::string("{}"),
        R"([["k",")" + std::string(100'000, 'x') + R"(",1]])"}) {
    const auto config = ParseEntitiesJson(json);
    EXPECT_FALSE(config.ok()) << json.substr(0, 100);
    EXPECT_LT(config.status().message().size(), 600u);
  }
}

}  // namespace
}  // namespace tilewright
