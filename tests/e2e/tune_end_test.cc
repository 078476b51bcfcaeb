// What `tune` says and leaves at its end.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "tests/cli/command_line.h"

namespace tilewright {
namespace {

using testing::HasSubstr;

constexpr char kTune[] = "tune m.onnx --records r.db --trials 40 --seed 1";

class TuneEnd : public testing::Test {
 protected:
  TuneEnd() { EXPECT_EQ(tw_.Run("zoo resnet18 --image 32 -o m.onnx").exit_code, 0); }
  CommandLine tw_;
};

TEST_F(TuneEnd, TellsWhatWasGainedAndRecordsWhatTheNetworkDecided) {
  const CommandResult tuned = tw_.Run(kTune);
  ASSERT_EQ(tuned.exit_code, 0) << tuned.err;
  EXPECT_THAT(tuned.out, HasSubstr("% of limit"));
  EXPECT_THAT(tuned.out, HasSubstr("the network: "));
  EXPECT_THAT(tw_.Run("history --records r.db --limit 200").out, HasSubstr("in_network"));
  EXPECT_THAT(tw_.Run("explain m.onnx --records r.db").out, HasSubstr("record (in the network)"));
  ASSERT_EQ(tw_.Run("records export --records r.db -o r.log").exit_code, 0);
  const CommandResult imported = tw_.Run("records import r.log --records again.db");
  EXPECT_THAT(imported.err, testing::Not(HasSubstr("re-indexed")));
  const CommandResult compiled = tw_.Run("compile m.onnx --records r.db -o tuned.tar");
  EXPECT_EQ(compiled.exit_code, 0) << compiled.err;
}

TEST_F(TuneEnd, TheSameCommandAgainTellsItAgain) {
  ASSERT_EQ(tw_.Run(kTune).exit_code, 0);
  const CommandResult again = tw_.Run(std::string(kTune) + " --json");
  ASSERT_EQ(again.exit_code, 0) << again.err;
  const auto json = nlohmann::json::parse(again.out);
  EXPECT_GT(json["model"]["gain"].get<double>(), 0);
  EXPECT_GE(json["model"]["rounds_of_whole_network"].get<int>(), 5);
  EXPECT_FALSE(json["layers"].empty());
}

TEST_F(TuneEnd, TimeForNothingElseStillGivesATable) {
  const CommandResult tuned = tw_.Run("tune m.onnx --records r.db --time 6s --seed 1");
  EXPECT_EQ(tuned.exit_code, 0) << tuned.err;
  EXPECT_THAT(tuned.out, HasSubstr("times as fast"));
}

// A job bears the model's name, which messages and the server bound.
TEST_F(TuneEnd, AModelsFileMayBeCalledAnything) {
  for (const std::string& name : {std::string(240, 'n'), std::string("a\xff \n\"b")}) {
    std::filesystem::copy(tw_ / "m.onnx", tw_ / (name + ".onnx"));
    const CommandResult tuned = tw_.Run("tune '" + name + ".onnx' --trials 1 --records n.db");
    EXPECT_EQ(tuned.exit_code, 0) << tuned.err;
    EXPECT_THAT(tuned.out, HasSubstr("done after 1 trials"));
  }
}

}  // namespace
}  // namespace tilewright
