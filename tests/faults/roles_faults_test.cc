// Builders and runners as processes of their own that are killed in the middle of their work.
#include <gmock/gmock.h>

#include "tests/faults/farm_fixture.h"

namespace tilewright {
namespace {

using ::testing::HasSubstr;

constexpr int kTrials = 60;

class RolesFaults : public FarmTest {
 protected:
  std::unique_ptr<FarmProcess> With(const std::string& name, const std::string& role) {
    std::vector<std::string> arguments = Worker(name);
    for (const char* more : {"--role", role.c_str()}) arguments.push_back(more);
    return std::make_unique<FarmProcess>(arguments);
  }
  FarmProcess Tune() const {
    return FarmProcess({"tune", model_(), "--server", address_(), "--key", "cpu", "--tuner",
                        "random", "--trials", std::to_string(kTrials)});
  }
  // Everything was run by runners and built by builders.
  void ExpectApart() const {
    const auto store = OpenSqliteStore(records_(), /*read_only=*/true).value();
    EXPECT_TRUE(store
                    ->ForEach({.only_ok = true},
                              [](const Record& record) {
                                EXPECT_EQ(record.worker.substr(0, 6), "runner");
                                EXPECT_EQ(record.builder.substr(0, 7), "builder");
                                return true;
                              })
                    .ok());
  }
};

TEST_F(RolesFaults, ABuilderKilledInTheMiddleOfItsBuildsCostsNoTrial) {
  FarmProcess server(Serve("3"));
  ASSERT_THAT(server.ReadyLine(), HasSubstr("unix:"));
  auto builder = With("builder-1", "build");
  const auto runner = With("runner-1", "run");
  FarmProcess tune = Tune();
  ASSERT_TRUE(WaitUntil([&] { return Recorded() >= 5; }));
  builder->Signal(SIGKILL);
  const auto next = With("builder-2", "build");
  EXPECT_EQ(tune.Wait(), 0);
  ExpectEachOnce(kTrials, 1);
  ExpectApart();
}

TEST_F(RolesFaults, ARunnerKilledInTheMiddleOfItsRunsCostsNoTrial) {
  FarmProcess server(Serve("3"));
  ASSERT_THAT(server.ReadyLine(), HasSubstr("unix:"));
  const auto builder = With("builder-1", "build");
  auto runner = With("runner-1", "run");
  FarmProcess tune = Tune();
  ASSERT_TRUE(WaitUntil([&] { return Recorded() >= 5; }));
  runner->Signal(SIGKILL);
  const auto next = With("runner-2", "run");
  EXPECT_EQ(tune.Wait(), 0);
  ExpectEachOnce(kTrials, 1);
  ExpectApart();
}

TEST_F(RolesFaults, AServerThatIsKilledHasEveryTrialThatWasOnlyBuiltBuiltAgain) {
  auto server = std::make_unique<FarmProcess>(Serve("3"));
  ASSERT_THAT(server->ReadyLine(), HasSubstr("unix:"));
  const auto builder = With("builder-1", "build");
  const auto runner = With("runner-1", "run");
  FarmProcess tune = Tune();
  ASSERT_TRUE(WaitUntil([&] { return Recorded() >= 5; }));
  server->Signal(SIGKILL);
  server->Wait();
  server = std::make_unique<FarmProcess>(Serve("3"));
  EXPECT_EQ(tune.Wait(), 0);
  ExpectEachOnce(kTrials, 1);
  ExpectApart();
}

TEST_F(RolesFaults, WhatIsMissingOfAKeyIsSaid) {
  FarmProcess server(Serve());
  ASSERT_THAT(server.ReadyLine(), HasSubstr("unix:"));
  auto builder = With("builder-1", "build");
  const auto said = [&](const std::string& text) {
    return WaitUntil([&] {
      EXPECT_EQ(Shell("tune " + model_() + Farm() + " --tuner random --trials 3 --no-wait"), 4);
      return text_.find(text) != std::string::npos;
    });
  };
  EXPECT_TRUE(said("only build: none runs what they build; start one with --role run")) << text_;
  builder->Signal(SIGTERM);
  builder->Wait();
  const auto runner = With("runner-1", "run");
  EXPECT_TRUE(said("only run: none builds for them; start one with --role build")) << text_;
  EXPECT_EQ(Shell("workers --server " + address_()), 0);
  EXPECT_THAT(text_, HasSubstr("runner-1  cpu  run"));
}

}  // namespace
}  // namespace tilewright
