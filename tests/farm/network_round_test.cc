// Whole networks as a worker compiles and runs them, with the real programs.
#include "worker/pipeline/network_round.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>

#include "compiler/onnx/weightless.h"
#include "proto/network.h"
#include "tests/onnx/model_builder.h"
#include "tests/paths.h"
#include "worker/process/child.h"
#include "worker/process/pipe_io.h"

namespace tilewright {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

bool Wanted() { return true; }

class NetworkRoundTest : public ::testing::Test {
 protected:
  std::string Write(const std::string& name, const std::string& bytes) const {
    const std::string path = folder_->path() + "/" + name;
    std::ofstream(path, std::ios::binary) << bytes;
    return path;
  }
  // y = relu(x) * w, twice the same mix of no layers.
  v1::NetworkRound RoundOf(ModelBuilder model) const {
    v1::NetworkRound round;
    round.mutable_network()->set_model(WithoutWeights(Write("m.onnx", model.Bytes())).value());
    return Filled(std::move(round));
  }
  static v1::NetworkRound Filled(v1::NetworkRound round) {
    round.set_target("cpu -mcpu=x86-64");
    round.add_mixes();
    round.add_mixes();
    round.set_least_rounds(3);
    round.set_most_rounds(3);
    round.set_threads(1);
    return ReadNetworkRound(round.SerializeAsString()).value();
  }
  absl::StatusOr<NetworkPackages> Build(const v1::NetworkRound& round) const {
    return BuildPackages(
        round, {.path = TILEWRIGHT_BIN_DIR "/tilewright-builder", .folder = folder_->path()},
        Wanted);
  }
  absl::StatusOr<v1::NetworkTimes> Run(const v1::NetworkRound& round,
                                       const NetworkPackages& packages) const {
    return RunPackages(round, packages,
                       {.program = TILEWRIGHT_BIN_DIR "/tilewright-network-runner"});
  }
  static ModelBuilder SmallModel(int64_t rows = 64) {
    ModelBuilder model;
    model.Input("x", {1, rows});
    model.Floats("w", {rows, 32}, 0.25f);
    model.Node("Relu", {"x"}, {"r"});
    model.Node("MatMul", {"r", "w"}, {"y"});
    model.Output("y");
    return model;
  }
  const std::unique_ptr<PrivateFolder> folder_ = PrivateFolder::Make(::testing::TempDir()).value();
};

TEST_F(NetworkRoundTest, RunsEachMixOnceARound) {
  const v1::NetworkRound round = RoundOf(SmallModel());
  const auto packages = Build(round);
  ASSERT_TRUE(packages.ok()) << packages.status();
  ASSERT_THAT(packages->left_out, IsEmpty());
  ASSERT_THAT(packages->paths, SizeIs(2));
  const auto times = Run(round, *packages);
  ASSERT_TRUE(times.ok()) << times.status();
  EXPECT_THAT(times->left_out(), IsEmpty());
  ASSERT_THAT(times->mixes(), SizeIs(2));
  for (const v1::NetworkRuns& mix : times->mixes()) EXPECT_THAT(mix.rounds(), SizeIs(3));
  EXPECT_TRUE(ReadNetworkTimes(times->SerializeAsString(), round).ok());
}

TEST_F(NetworkRoundTest, ALayerThatTheNetworkHasNotLeavesItOut) {
  v1::NetworkRound round = RoundOf(SmallModel());
  v1::NetworkLayer& layer = *round.add_layers();
  layer.set_workload("dense(float32[1,8],float32[8,8];,NK16n,)");
  layer.add_options()->set_template_name("dense_pack.cpu");
  layer.mutable_options(0)->set_config("[]");
  for (v1::NetworkMix& mix : *round.mutable_mixes()) mix.add_options(0);
  const auto packages = Build(round);
  ASSERT_TRUE(packages.ok()) << packages.status();
  EXPECT_THAT(packages->left_out, HasSubstr("not the layers"));
}

TEST_F(NetworkRoundTest, WhatIsNoModelOrTooLargeLeavesItOutAndIsNoFault) {
  v1::NetworkRound garbage;
  garbage.mutable_network()->set_model(std::string(100'000, '\x7f'));
  const auto read = Build(Filled(garbage));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_THAT(read->left_out, HasSubstr("does not compile"));
  onnx::ModelProto model;
  ASSERT_TRUE(model.ParseFromString(RoundOf(SmallModel()).network().model()));
  model.mutable_graph()->mutable_initializer(0)->set_dims(0, int64_t{1} << 33);
  v1::NetworkRound huge;
  huge.mutable_network()->set_model(model.SerializeAsString());
  const auto filled = Build(Filled(huge));
  ASSERT_TRUE(filled.ok()) << filled.status();
  EXPECT_THAT(filled->left_out, HasSubstr("weights are above"));
}

// 64 GiB of values between two layers: more than a process of the builder or runner may have.
TEST_F(NetworkRoundTest, ANetworkThatNeedsTooMuchMemoryLeavesItOutAndIsNoFault) {
  ModelBuilder model;
  model.Input("x", {1, 1});
  model.Ints("shape", {int64_t{1} << 17, int64_t{1} << 17});
  model.Node("Expand", {"x", "shape"}, {"e"});
  model.Node("CumSum", {"e", "axis"}, {"y"});
  model.Ints("axis", {0}).clear_dims();
  model.Output("y");
  v1::NetworkRound round;
  round.mutable_network()->set_model(model.Bytes());
  round = Filled(round);
  const auto packages = Build(round);
  ASSERT_TRUE(packages.ok()) << packages.status();
  if (!packages->left_out.empty()) return;  // the compiler has already said so
  const auto times = Run(round, *packages);
  ASSERT_TRUE(times.ok()) << times.status();
  EXPECT_THAT(times->left_out(), Not(IsEmpty()));
}

TEST_F(NetworkRoundTest, APackageThatDoesNotLoadLeavesItOutAndIsNoFault) {
  const v1::NetworkRound round = RoundOf(SmallModel());
  const auto packages = Build(round);
  ASSERT_TRUE(packages.ok() && packages->left_out.empty());
  std::ofstream(packages->paths[1], std::ios::binary) << "no package";
  const auto times = Run(round, *packages);
  ASSERT_TRUE(times.ok()) << times.status();
  EXPECT_THAT(times->left_out(), Not(IsEmpty()));
}

// The rounds of a stranger's network see no file but their own folder's.
TEST_F(NetworkRoundTest, APackageOutsideTheFolderIsNotReadWhereTheMachineConfines) {
  const v1::NetworkRound round = RoundOf(SmallModel());
  auto packages = Build(round);
  ASSERT_TRUE(packages.ok() && packages->left_out.empty());
  std::ifstream inside(packages->paths[0], std::ios::binary);
  const std::string bytes(std::istreambuf_iterator<char>(inside), {});
  packages->paths[0] = Write("outside.tar", bytes);
  const auto confined = RunPackages(
      round, *packages,
      {.program = TILEWRIGHT_BIN_DIR "/tilewright-network-runner", .require_sandbox = true});
  EXPECT_TRUE(!confined.ok() || !confined->left_out().empty()) << "it was read";
}

TEST_F(NetworkRoundTest, WhatIsNotWantedAnyMoreIsNotCompiled) {
  const auto packages =
      BuildPackages(RoundOf(SmallModel()),
                    {.path = TILEWRIGHT_BIN_DIR "/tilewright-builder", .folder = folder_->path()},
                    [] { return false; });
  EXPECT_TRUE(absl::IsCancelled(packages.status()));
}

TEST_F(NetworkRoundTest, AMissingRunnerIsThisMachinesFault) {
  const v1::NetworkRound round = RoundOf(SmallModel());
  const auto packages = Build(round);
  ASSERT_TRUE(packages.ok() && packages->left_out.empty());
  EXPECT_FALSE(RunPackages(round, *packages, {.program = "/nowhere/runner"}).ok());
}

// The CPUs that each thread of a process may use, by thread.
std::map<std::string, std::string> CpusOfThreads(pid_t pid) {
  std::map<std::string, std::string> cpus;
  const std::string tasks = "/proc/" + std::to_string(pid) + "/task";
  for (const auto& task : std::filesystem::directory_iterator(tasks)) {
    std::ifstream status(task.path() / "status");
    for (std::string line; std::getline(status, line);) {
      if (line.starts_with("Cpus_allowed_list:")) cpus[task.path().filename()] = line;
    }
  }
  return cpus;
}

// Opening a package binds the thread that opens it; the next one's helpers are not to share its
// CPU.
TEST_F(NetworkRoundTest, HelpersOfEveryPackageHaveTheSameCpus) {
  const auto packages = Build(RoundOf(SmallModel()));
  ASSERT_TRUE(packages.ok() && packages->left_out.empty());
  Child child =
      Child::Start({TILEWRIGHT_BIN_DIR "/tilewright-network-runner", "2"}, ChildOutput::kOurStderr)
          .value();
  for (const std::string& path : packages->paths) {
    ASSERT_TRUE(WriteAll(child.input(), "load " + path + "\n").ok());
    EXPECT_THAT(ReadLine(child.output(), DeadlineAfter(60)).value(), HasSubstr("ok"));
  }
  std::map<std::string, std::string> cpus = CpusOfThreads(child.pid());
  cpus.erase(std::to_string(child.pid()));
  ASSERT_THAT(cpus, SizeIs(packages->paths.size()));
  for (const auto& [thread, list] : cpus) EXPECT_EQ(list, cpus.begin()->second) << thread;
}

}  // namespace
}  // namespace tilewright
