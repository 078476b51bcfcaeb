#include "compiler/schedule/config_space.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "absl/strings/str_cat.h"

namespace tilewright {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Config Parse(std::string_view json) {
  absl::StatusOr<Config> config = ParseEntitiesJson(json);
  EXPECT_TRUE(config.ok()) << config.status().ToString();
  return config.ok() ? *std::move(config) : Config{};
}

std::vector<std::vector<int64_t>> SplitsOf(int64_t extent, const SplitOptions& options) {
  ConfigSpace space;
  space.DefineSplit("tile", extent, options);
  std::vector<std::vector<int64_t>> splits;
  for (uint64_t i = 0; i < space.size(); ++i) splits.push_back(space.At(i).Split("tile"));
  return splits;
}

struct ConvExtents {
  int64_t f, y, x, rc, ry = 1, rx = 1;
};

// The space of TVM 0.18's conv2d_nchw.cuda.
ConfigSpace CudaConv(const ConvExtents& extents) {
  const auto [f, y, x, rc, ry, rx] = extents;
  ConfigSpace space;
  space.DefineSplit("tile_f", f, {.outputs = 4});
  space.DefineSplit("tile_y", y, {.outputs = 4});
  space.DefineSplit("tile_x", x, {.outputs = 4});
  space.DefineSplit("tile_rc", rc, {});
  space.DefineSplit("tile_ry", ry, {});
  space.DefineSplit("tile_rx", rx, {});
  space.DefineKnob("auto_unroll_max_step", {int64_t{0}, int64_t{512}, int64_t{1500}});
  space.DefineKnob("unroll_explicit", {int64_t{0}, int64_t{1}});
  return space;
}

ConfigSpace Small() {
  ConfigSpace space;
  space.DefineSplit("tile", 12, {});
  space.DefineKnob("unroll", {false, true});
  space.DefineKnob("step", {int64_t{0}, int64_t{16}, int64_t{64}});
  return space;
}

TEST(ConfigSpace, AConfigFromBeforeALaterKnobMeansItsFirstCandidate) {
  ConfigSpace space = Small();
  const std::string older = R"([["tile","sp",[-1,4]],["unroll","ot",true],["step","ot",64]])";
  const uint64_t index = space.IndexOf(Parse(older)).value();
  space.DefineLaterKnob("pad", {false, true});
  EXPECT_EQ(space.IndexOf(Parse(older)).value(), index);
  EXPECT_FALSE(space.Canonical(Parse(older)).value().Bool("pad"));
  EXPECT_THAT(
      space.IndexOf(Parse(R"([["tile","sp",[-1,4]],["unroll","ot",true]])")).status().message(),
      HasSubstr("missing knob: step"));
}

TEST(ConfigSpace, FactorsAscendWithTheInnermostVaryingSlowest) {
  EXPECT_THAT(SplitsOf(6, {}), ElementsAre(ElementsAre(-1, 1), ElementsAre(-1, 2),
                                           ElementsAre(-1, 3), ElementsAre(-1, 6)));
  EXPECT_THAT(SplitsOf(4, {.outputs = 3}),
              ElementsAre(ElementsAre(-1, 1, 1), ElementsAre(-1, 2, 1), ElementsAre(-1, 4, 1),
                          ElementsAre(-1, 1, 2), ElementsAre(-1, 2, 2), ElementsAre(-1, 1, 4)));
}

TEST(ConfigSpace, PowersOfTwoAllowTails) {
  EXPECT_THAT(SplitsOf(7, {.policy = SplitPolicy::kPower2}),
              ElementsAre(ElementsAre(-1, 1), ElementsAre(-1, 2), ElementsAre(-1, 4)));
}

TEST(ConfigSpace, VerboseTakesFactorsAndPowersOfTwo) {
  EXPECT_THAT(SplitsOf(6, {.policy = SplitPolicy::kVerbose}),
              ElementsAre(ElementsAre(-1, 1), ElementsAre(-1, 2), ElementsAre(-1, 3),
                          ElementsAre(-1, 4), ElementsAre(-1, 6)));
}

TEST(ConfigSpace, MaxInnerBoundsEverySizeButTheOutermost) {
  EXPECT_THAT(SplitsOf(8, {.outputs = 3, .max_inner = 2}),
              ElementsAre(ElementsAre(-1, 1, 1), ElementsAre(-1, 2, 1), ElementsAre(-1, 1, 2),
                          ElementsAre(-1, 2, 2)));
}

TEST(ConfigSpace, ListedCandidatesKeepTheirOrder) {
  EXPECT_THAT(SplitsOf(10, {.candidates = {4, 1}}),
              ElementsAre(ElementsAre(-1, 4), ElementsAre(-1, 1)));
}

TEST(ConfigSpace, TheFirstKnobIsTheLowestDigit) {
  const ConfigSpace space = Small();
  EXPECT_EQ(space.size(), 6u * 2 * 3);
  EXPECT_THAT(space.DigitsOf(6 * 2 * 2 + 6 + 3), ElementsAre(3, 1, 2));
  EXPECT_EQ(EntitiesToJson(space.At(7)),
            R"([["tile","sp",[-1,2]],["unroll","ot",true],["step","ot",0]])");
}

TEST(ConfigSpace, DigitsAndIndicesRoundTrip) {
  const ConfigSpace space = CudaConv({192, 8, 8, 2048});
  Rng rng(1);
  for (int i = 0; i < 200; ++i) {
    const uint64_t index = rng.Below(space.size());
    EXPECT_EQ(space.IndexOfDigits(space.DigitsOf(index)), index);
    const absl::StatusOr<uint64_t> found = space.IndexOf(space.At(index));
    ASSERT_TRUE(found.ok()) << found.status().ToString();
    EXPECT_EQ(*found, index);
    const size_t knob = rng.Below(space.knob_count());
    const uint64_t other = space.WithDigit(index, knob, 0);
    EXPECT_EQ(space.DigitOf(other, knob), 0u);
    EXPECT_EQ(space.WithDigit(other, knob, space.DigitOf(index, knob)), index);
  }
}

// Published rows of TopHub cuda_v0.10 and TLCBench (peers of the format): entity <-> index.
TEST(ConfigSpace, AgreesWithARecordedCudaConvRowInFullForm) {
  const auto index =
      CudaConv({192, 8, 8, 2048})
          .IndexOf(Parse(
              R"([["tile_f","sp",[6,1,32,1]],["tile_y","sp",[4,1,2,1]],["tile_x","sp",[1,1,8,1]],
          ["tile_rc","sp",[64,32]],["tile_rx","sp",[1,1]],["tile_ry","sp",[1,1]],
          ["auto_unroll_max_step","ot",1500],["unroll_explicit","ot",1]])"));
  ASSERT_TRUE(index.ok()) << index.status().ToString();
  EXPECT_EQ(*index, 8797896u);
}

TEST(ConfigSpace, IndexOfReadsALeadingMinusOne) {
  const ConfigSpace space = CudaConv({5, 288, 128, 32});
  const Config recorded = Parse(
      R"([["tile_f","sp",[-1,5,1,1]],["tile_y","sp",[-1,1,1,1]],["tile_x","sp",[-1,1,128,1]],
          ["tile_rc","sp",[-1,2]],["tile_ry","sp",[-1,1]],["tile_rx","sp",[-1,1]],
          ["auto_unroll_max_step","ot",512],["unroll_explicit","ot",1]])");
  EXPECT_EQ(space.IndexOf(recorded).value_or(0), 6798401u);
  EXPECT_EQ(space.At(6798401), recorded);
}

TEST(ConfigSpace, AgreesWithRecordedDenseRows) {
  ConfigSpace x86;
  x86.DefineSplit("tile_y", 1, {});
  x86.DefineSplit("tile_x", 768, {});
  x86.DefineSplit("tile_k", 768, {});
  EXPECT_EQ(EntitiesToJson(x86.At(318)),
            R"([["tile_y","sp",[-1,1]],["tile_x","sp",[-1,96]],["tile_k","sp",[-1,768]]])");
  ConfigSpace cuda;
  cuda.DefineSplit("tile_x", 128, {.outputs = 4});
  cuda.DefineSplit("tile_y", 2304, {.outputs = 4});
  cuda.DefineSplit("tile_k", 768, {.outputs = 3});
  EXPECT_EQ(
      EntitiesToJson(cuda.At(3297336)),
      R"([["tile_x","sp",[-1,4,4,8]],["tile_y","sp",[-1,32,1,12]],["tile_k","sp",[-1,384,1]]])");
}

TEST(ConfigSpace, IndexOfNamesTheKnobThatIsWrong) {
  const ConfigSpace space = Small();
  auto message = [&](std::string_view json) {
    return std::string(space.IndexOf(Parse(json)).status().message());
  };
  EXPECT_THAT(message(R"([["tile","sp",[-1,5]]])"), HasSubstr("knob tile"));
  EXPECT_THAT(message(R"([["tile","sp",[-1,0]]])"), HasSubstr("knob tile"));
  EXPECT_THAT(message(R"([["tile","sp",[5,2]]])"), HasSubstr("knob tile"));
  EXPECT_THAT(message(R"([["tile","sp",[]]])"), HasSubstr("knob tile"));
  EXPECT_THAT(message(R"([["tile","ot",2]])"), HasSubstr("knob tile"));
  EXPECT_THAT(message(R"([["tilt","sp",[-1,2]]])"), HasSubstr("unknown knob: tilt"));
  EXPECT_THAT(message(R"([["tile","sp",[-1,2]]])"), HasSubstr("missing knob: unroll"));
  EXPECT_THAT(message(R"([["tile","sp",[-1,2]],["tile","sp",[-1,2]]])"), HasSubstr("twice"));
}

TEST(ConfigSpace, IndexOfReadsTrueAsOne) {
  EXPECT_EQ(Small()
                .IndexOf(Parse(R"([["unroll","ot",1],["step","ot",16],["tile","sp",[6,2]]])"))
                .value_or(0),
            6u * 2 + 6 + 1);
}

TEST(ConfigSpace, ABrokenConstraintIsNamed) {
  ConfigSpace space = Small();
  space.AddConstraint("at most 4 inner", [](const Config& c) { return c.Inner("tile") <= 4; });
  EXPECT_EQ(space.WhyInvalid(space.At(5)), "at most 4 inner");
  EXPECT_EQ(space.WhyInvalid(space.At(3)), std::nullopt);
}

TEST(ConfigSpace, EnumeratesExactlyTheValidPoints) {
  ConfigSpace space = Small();
  space.AddConstraint("unrolled tiles are small",
                      [](const Config& c) { return !c.Bool("unroll") || c.Inner("tile") < 4; });
  std::vector<uint64_t> expected;
  for (uint64_t i = 0; i < space.size(); ++i) {
    if (space.IsValid(i)) expected.push_back(i);
  }
  EXPECT_EQ(expected.size(), 27u);
  EXPECT_EQ(space.EnumerateValid().value(), expected);
  EXPECT_EQ(space.EnumerateValid(35).status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST(ConfigSpace, SamplesAreValidAndCoverTheSpace) {
  ConfigSpace space = Small();
  space.AddConstraint("no step 16", [](const Config& c) { return c.Int("step") != 16; });
  Rng rng(7);
  std::set<uint64_t> seen;
  for (int i = 0; i < 500; ++i) seen.insert(space.Sample(rng).value());
  const std::vector<uint64_t> valid = space.EnumerateValid().value();
  EXPECT_EQ(seen, std::set<uint64_t>(valid.begin(), valid.end()));
}

TEST(ConfigSpace, AnUnsatisfiableSpaceHasNoSample) {
  ConfigSpace space = Small();
  space.AddConstraint("nothing", [](const Config&) { return false; });
  Rng rng(7);
  EXPECT_EQ(space.Sample(rng), std::nullopt);
  EXPECT_TRUE(space.EnumerateValid().value().empty());
}

TEST(ConfigSpace, NeighborsDifferInOneKnobInKnobOrder) {
  ConfigSpace space = Small();
  space.AddConstraint("no step 16", [](const Config& c) { return c.Int("step") != 16; });
  // Digits (0,0,0): five other tiles, one other unroll, step 64.
  EXPECT_THAT(space.Neighbors(0), ElementsAre(1, 2, 3, 4, 5, 6, 24));
}

TEST(ConfigSpace, FeaturesHaveOneLengthAndTellPointsApart) {
  ConfigSpace space = Small();
  space.DefineReorder("order", {{0, 1}, {1, 0}});
  space.DefineAnnotate("ann", {{"none", "vec"}, {"unroll", "vec"}});
  space.DefineKnob("isa", {std::string("a"), std::string("b")});
  std::set<std::vector<float>> rows;
  for (uint64_t i = 0; i < space.size(); ++i) {
    rows.insert(space.Features(space.At(i)));
    EXPECT_EQ(rows.rbegin()->size(), space.feature_count());
  }
  EXPECT_EQ(rows.size(), space.size());
}

TEST(ConfigSpace, FeaturesAreLogarithmsWithTheOutermostSizeResolved) {
  ConfigSpace space;
  space.DefineSplit("tile", 21, {});
  EXPECT_THAT(space.Features(space.At(2)), ElementsAre(2.0f, 3.0f));  // 3 x 7
}

TEST(ConfigSpace, AHugeSpaceIsIndexedWithoutEnumeration) {
  ConfigSpace space;
  for (int i = 0; i < 12; ++i) {
    space.DefineKnob(absl::StrCat("k", i),
                     {int64_t{0}, int64_t{1}, int64_t{2}, int64_t{3}, int64_t{4}, int64_t{5},
                      int64_t{6}, int64_t{7}, int64_t{8}, int64_t{9}});
  }
  EXPECT_EQ(space.size(), 1'000'000'000'000u);
  EXPECT_EQ(space.At(123456789012).Int("k0"), 2);
  EXPECT_EQ(space.Neighbors(0).size(), 12u * 9);
}

TEST(ConfigSpace, CanonicalGivesItsOwnSpelling) {
  ConfigSpace space;
  space.DefineSplit("tile", 8, {});
  space.DefineKnob("flag", {OtherEntity{false}, OtherEntity{true}});
  space.AddConstraint("no flag on a whole tile", [](const Config& config) {
    return config.Inner("tile") < 8 || !config.Bool("flag");
  });
  const auto canonical = [&](const char* json) {
    return space.Canonical(ParseEntitiesJson(json).value());
  };
  // 1 is true, as in Python; the outermost size may be written out; the order is free.
  const auto config = canonical(R"([["flag","ot",1],["tile","sp",[2,4]]])");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(EntitiesToJson(*config), R"([["tile","sp",[-1,4]],["flag","ot",true]])");
  for (const char* other :
       {R"([["flag","ot","true"],["tile","sp",[2,4]]])", R"([["flag","ot",1]])",
        R"([["flag","sp",[1]],["tile","sp",[2,4]]])", R"([["flag","ot",1],["tile","sp",[]]])",
        R"([["flag","ot",1],["tile","sp",[1,2,4]]])", R"([["flag","ot",2],["tile","sp",[2,4]]])",
        R"([["flag","ot",1],["tile","ot",4]])", R"([["flag","ot",1],["tile","sp",[1,8]]])"}) {
    EXPECT_EQ(canonical(other).status().code(), absl::StatusCode::kInvalidArgument) << other;
  }
}

}  // namespace
}  // namespace tilewright
