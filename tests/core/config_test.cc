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

TEST(Config, NamesThatNeedEscapesReadBack) {
  for (const std::string name : {"a\"b", "a\\b", "tab\t", "\u00fc", "", "plain"}) {
    Config config;
    config.entities = {{name, OtherEntity{name}}, {"an", AnnotateEntity{{name, name}}}};
    const absl::StatusOr<Config> read = ParseEntitiesJson(EntitiesToJson(config));
    ASSERT_TRUE(read.ok()) << EntitiesToJson(config);
    EXPECT_EQ(*read, config);
  }
}

// Read by hand and by the JSON parser alike.
TEST(ParseEntitiesJson, SpacesChangeNothing) {
  for (const std::string json :
       {"[]", R"([["a","sp",[]]])", R"([["a","sp",[-9223372036854775808,7]]])",
        R"([["a","ot",-0]])", R"([["a","ot",false],["b","ot",0],["c","an",[]]])", kJson}) {
    const absl::StatusOr<Config> config = ParseEntitiesJson(json);
    ASSERT_TRUE(config.ok()) << config.status();
    EXPECT_EQ(*config, ParseEntitiesJson(json + " ").value()) << json;
  }
}

TEST(ParseEntitiesJson, RefusesWhatIsNoConfig) {
  for (const char* json :
       {"", "{}", "[1]", R"([["a","sp"]])", R"([["a","zz",1]])", R"([["a","sp",["x"]]])",
        R"([["a","ot",1.5]])", R"([[1,"ot",1]])", "[[", R"([["a","sp",[1],2]])",
        R"([["a","ot",007]])", R"([["a","ot",+1]])", R"([["a","sp",[1,]]])", R"([["a","ot",1]]])",
        R"([["a","ot",1],])", R"([["a","ot",tru]])", R"([["a","ot",9223372036854775808]])"}) {
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
