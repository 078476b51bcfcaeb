// The last phase of a farm's job with real processes, and what is killed in it.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "tests/faults/farm_fixture.h"
#include "tests/onnx/model_builder.h"
#include "tests/paths.h"

namespace tilewright {
namespace {

using ::testing::HasSubstr;

class NetworkPhase : public FarmTest {
 protected:
  // One that goes on with its jobs when it is started again.
  FarmProcess LastingServer() {
    FarmProcess server({"serve", "--listen", address_(), "--records", records_(), "--lease", "3"});
    EXPECT_TRUE(WaitUntil([&] { return Shell("jobs --server " + address_()) == 0; })) << text_;
    return server;
  }
  std::string Tuning() const { return model_() + Farm() + " --tuner random --trials 24"; }
  JobRow OnlyJob() const {
    const auto store = OpenSqliteStore(records_(), /*read_only=*/true);
    if (!store.ok()) return {};
    const auto jobs = (*store)->Jobs(/*unfinished=*/false);
    return jobs.ok() && jobs->size() == 1 ? jobs->front() : JobRow();
  }
  bool InThePhase() const {
    const JobRow job = OnlyJob();
    return job.state == "running" && job.message == "timing the whole network";
  }
  int Decisions() const {
    const auto store = OpenSqliteStore(records_(), /*read_only=*/true).value();
    return static_cast<int>(store->Count({.record_class = kInNetworkClass}).value());
  }
};

TEST_F(NetworkPhase, AWorkerTimesTheNetworkAndLookUpsTakeWhatItDecided) {
  FarmProcess server = LastingServer();
  FarmProcess worker(Worker("w"));
  ASSERT_EQ(Shell("tune " + Tuning() + " --json"), 0) << text_;
  EXPECT_THAT(text_, HasSubstr("timing the whole network")) << "on stderr, before the result";
  const auto json = nlohmann::json::parse(text_.substr(text_.find("\n{") + 1));
  EXPECT_GE(json["model"]["rounds_of_whole_network"].get<int>(), 5) << text_;
  EXPECT_GT(json["model"]["gain"].get<double>(), 0);
  EXPECT_EQ(json["network"]["worker"], "w");
  EXPECT_GE(Decisions(), 1);
  EXPECT_EQ(Shell("explain " + model_() + " --records " + records_()), 0);
  EXPECT_THAT(text_, HasSubstr("record (in the network)"));
  EXPECT_EQ(Shell("watch " + OnlyJob().id + " --server " + address_()), 0);
  EXPECT_THAT(text_, HasSubstr("timing the whole network"));
  EXPECT_THAT(text_, HasSubstr("the network: "));
}

// A convolution whose output a user's own operator samples (examples/operators).
std::string SampledConvolution() {
  ModelBuilder m;
  m.model().add_opset_import()->set_domain("com.example");
  m.model().mutable_opset_import(1)->set_version(1);
  m.Input("x", {1, 16, 24, 24});
  m.Input("grid", {1, 8, 8, 2});
  m.Floats("w", {32, 16, 3, 3}, 0.01f);
  m.Node("Conv", {"x", "w"}, {"conv"});
  m.Node("GridSample", {"conv", "grid"}, {"y"}).set_domain("com.example");
  m.Output("y");
  return m.Bytes();
}

// Of the layer whose workload holds the text; each measured on the farm.
int TrialsOf(const nlohmann::json& report, const std::string& text) {
  for (const auto& layer : report["layers"]) {
    if (layer["workload"].get<std::string>().find(text) == std::string::npos) continue;
    return layer["trials"].get<int>() - layer["failures"].get<int>();
  }
  return 0;
}

TEST_F(NetworkPhase, OperatorsOfTheUsersOwnAreTunedAndTravelWithTheJob) {
  FarmProcess server = LastingServer();
  FarmProcess worker(Worker("w"));
  const std::string model = folder_->path() + "/sampled.onnx";
  std::ofstream(model, std::ios::binary) << SampledConvolution();
  const std::string with =
      " --operators " TILEWRIGHT_SOURCE_DIR "/examples/operators/grid_sample.txt";
  ASSERT_EQ(Shell("tune " + model + with + Farm() + " --tuner random --trials 16 --json"), 0)
      << text_;
  const auto json = nlohmann::json::parse(text_.substr(text_.find("\n{") + 1));
  EXPECT_GE(json["model"]["rounds_of_whole_network"].get<int>(), 5) << text_;
  EXPECT_EQ(json["network"]["worker"], "w");
  EXPECT_GE(Decisions(), 1);
  EXPECT_GE(TrialsOf(json, "com.example.GridSample["), 4) << text_;
  const std::string package = folder_->path() + "/sampled.tar";
  EXPECT_EQ(Shell("compile " + model + with + " --records " + records_() + " -o " + package), 0)
      << text_;
  EXPECT_EQ(Shell("run " + package + " --fill random"), 0) << text_;
}

TEST_F(NetworkPhase, AServerKilledInItRepeatsItWhenItStartsAgain) {
  auto server = std::make_unique<FarmProcess>(LastingServer());
  FarmProcess worker(Worker("w"));
  ASSERT_EQ(Shell("submit " + Tuning()), 0) << text_;
  ASSERT_TRUE(WaitUntil([&] { return InThePhase(); })) << OnlyJob().state;
  server->Signal(SIGKILL);
  server->Wait();
  EXPECT_EQ(Decisions(), 0);
  server = std::make_unique<FarmProcess>(LastingServer());
  ASSERT_TRUE(WaitUntil([&] { return OnlyJob().state == "done"; })) << OnlyJob().message;
  EXPECT_GE(Decisions(), 1);
  ExpectEachOnce(24, 1);
}

TEST_F(NetworkPhase, AWorkerKilledInItIsReplacedByAnother) {
  FarmProcess server = LastingServer();
  FarmProcess worker(Worker("killed"));
  ASSERT_EQ(Shell("submit " + Tuning()), 0) << text_;
  ASSERT_TRUE(WaitUntil([&] { return InThePhase(); })) << OnlyJob().state;
  worker.Signal(SIGKILL);
  FarmProcess other(Worker("other"));
  ASSERT_TRUE(WaitUntil([&] { return OnlyJob().state == "done"; })) << OnlyJob().message;
  const auto store = OpenSqliteStore(records_(), /*read_only=*/true).value();
  const auto decision = store->Newest({.record_class = kInNetworkClass}, 1).value();
  ASSERT_EQ(decision.size(), 1u);
  EXPECT_EQ(decision[0].worker, "other");
}

TEST_F(NetworkPhase, WithoutAWorkerThatBuildsAndRunsItIsLeftOutWithTheReason) {
  FarmProcess server = LastingServer();
  std::vector<std::string> build = Worker("builder"), run = Worker("runner");
  for (const char* more : {"--role", "build"}) build.push_back(more);
  for (const char* more : {"--role", "run"}) run.push_back(more);
  FarmProcess builder(build), runner(run);
  ASSERT_EQ(Shell("tune " + Tuning()), 0) << text_;
  EXPECT_THAT(text_, HasSubstr("not decided in the whole network: no worker of the key"));
  EXPECT_EQ(Decisions(), 0);
}

}  // namespace
}  // namespace tilewright
