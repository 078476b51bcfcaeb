// Workers without a device, by the command: what they rehearse, and that nobody takes it for real.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "tests/faults/farm_fixture.h"

namespace tilewright {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class SimulatedFarm : public FarmTest {
 protected:
  std::vector<std::string> Simulated(const std::string& key, const std::string& space) const {
    std::vector<std::string> arguments = Worker("s", key);
    arguments.insert(arguments.end(), {"--simulate", space, "--slots", "16"});
    return arguments;
  }
  int Refused(const std::string& options) {
    return Shell("worker --embedded --server " + address_() + " --temp " + folder_->path() + " " +
                 options);
  }
};

TEST_F(SimulatedFarm, AJobRunsAndNoLookUpTakesItsRecords) {
  FarmProcess server(Serve());
  ASSERT_NE(server.ReadyLine(), "");
  const FarmProcess worker(Simulated("simulated-rack", "synthetic:7"));
  ASSERT_EQ(Shell("tune " + model_() + Farm("simulated-rack") + " --trials 60 --tuner random"), 0)
      << text_;
  const auto store = OpenSqliteStore(records_(), /*read_only=*/true).value();
  EXPECT_GE(*store->Count({.device_key = "simulated-rack"}), 60);
  EXPECT_EQ(*store->Count({.record_class = "simulated"}), *store->Count({}));
  EXPECT_EQ(*store->Count({.only_ok = true}), 0);
  ASSERT_EQ(Shell("best --json --records " + records_()), 0);
  EXPECT_EQ(nlohmann::json::parse(text_).size(), 0u);
  ASSERT_EQ(Shell("explain " + model_() + " --key simulated-rack --records " + records_()), 0);
  EXPECT_THAT(text_, Not(HasSubstr("record (")));
}

TEST_F(SimulatedFarm, KeysOfRealAndSimulatedWorkersAreApart) {
  EXPECT_NE(Refused("--key cpu --simulate synthetic:7"), 0);
  EXPECT_THAT(text_, HasSubstr("a simulated worker cannot serve the key \"cpu\" of real ones"));
  EXPECT_NE(Refused("--key simulated"), 0);
  EXPECT_THAT(text_, HasSubstr("is for simulated workers"));
  EXPECT_NE(Refused("--key simulated --simulate synthetic:7 --role build"), 0);
  EXPECT_EQ(Refused("--key simulated --simulate synthetic:x"), 3);
  EXPECT_THAT(text_, HasSubstr("synthetic:7"));
  EXPECT_EQ(Refused("--key simulated --simulate /nonexistent/space.json"), 3);
}

}  // namespace
}  // namespace tilewright
