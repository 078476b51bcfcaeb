// The worker's side of a build, against builders that misbehave.
#include "worker/process/builder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <thread>

#include "compiler/operators/workload_rules.h"
#include "tests/farm/fake_programs.h"
#include "worker/pipeline/private_folder.h"

namespace tilewright {
namespace {

using ::testing::HasSubstr;

class BuilderTest : public ::testing::Test {
 protected:
  void SetUp() override { std::signal(SIGPIPE, SIG_IGN); }

  Builder Make(const std::string& body, const Interrupt* interrupt = nullptr) {
    return Builder(
        {.path = FakeBuilder(folder_->path() + "/builder", body), .interrupt = interrupt});
  }
  absl::StatusOr<BuildResult> Build(Builder& builder, double limit = 20) {
    return builder.BuildReference({.workload = ParseWorkload(kWorkload).value()},
                                  folder_->path() + "/k.so", limit);
  }
  static Failure FailureOf(const absl::StatusOr<BuildResult>& result) {
    return std::get<Failure>(result.value());
  }

  static constexpr char kWorkload[] = "dense(float32[4,8],float32[8,8];,NK,)";
  const std::unique_ptr<PrivateFolder> folder_ = PrivateFolder::Make(::testing::TempDir()).value();
};

TEST_F(BuilderTest, GivesTheKernelAndTheHost) {
  Builder builder = Make("built()");
  EXPECT_EQ(builder.HostTarget().value(), "cpu -mcpu=fake");
  const BuildResult result = Build(builder).value();
  EXPECT_EQ(std::get<BuiltKernel>(result).task.calls.at(0).symbol, "k");
}

TEST_F(BuilderTest, ACandidatesFailureIsAResult) {
  Builder builder = Make(
      "send(json.dumps({'ok': False, 'kind': 'instantiation_error', 'message': 'odd'}).encode())");
  EXPECT_EQ(FailureOf(Build(builder)), (Failure{FailureKind::kInstantiation, "odd"}));
}

TEST_F(BuilderTest, AFullDiskIsNoResult) {
  Builder builder = Make("send(json.dumps({'fault': 'no space left'}).encode())");
  const auto result = Build(builder);
  EXPECT_TRUE(absl::IsResourceExhausted(result.status()));
  EXPECT_THAT(std::string(result.status().message()), HasSubstr("no space left"));
}

TEST_F(BuilderTest, AnAnswerThatIsNoneIsNoResultAndDoesNotHang) {
  for (const char* answer : {"[1]", "7", "{", "{\"ok\": 3}", "{\"ok\": true}", "null"}) {
    Builder builder = Make(std::string("send(b'") + answer + "')");
    EXPECT_FALSE(Build(builder).ok()) << answer;
  }
}

TEST_F(BuilderTest, ACompilerThatCrashesIsAResultAndTheNextBuildGetsANewOne) {
  const std::string mark = folder_->path() + "/crashed";
  Builder builder = Make("if not os.path.exists('" + mark + "'):\n  open('" + mark +
                         "', 'w')\n  os.kill(os.getpid(), signal.SIGSEGV)\nbuilt()");
  EXPECT_EQ(FailureOf(Build(builder)).kind, FailureKind::kBuild);
  EXPECT_TRUE(std::holds_alternative<BuiltKernel>(Build(builder).value()));
}

TEST_F(BuilderTest, ACompilerThatHangsIsABuildTimeout) {
  Builder builder = Make("time.sleep(1000)");
  EXPECT_EQ(FailureOf(Build(builder, 0.5)).kind, FailureKind::kBuildTimeout);
}

TEST_F(BuilderTest, ABuilderKilledFromOutsideIsNoResult) {
  Builder builder = Make("os.kill(os.getpid(), signal.SIGKILL)");
  EXPECT_TRUE(absl::IsUnavailable(Build(builder).status()));
}

TEST_F(BuilderTest, ABuilderThatIsNotThereIsNoResult) {
  Builder builder({"/nonexistent/builder"});
  EXPECT_TRUE(absl::IsUnavailable(Build(builder).status()));
  EXPECT_TRUE(absl::IsUnavailable(builder.HostTarget().status()));
}

TEST_F(BuilderTest, AnInterruptEndsABuild) {
  Interrupt interrupt;
  Builder builder = Make("time.sleep(1000)", &interrupt);
  ASSERT_TRUE(builder.HostTarget().ok());
  std::thread raiser([&] { interrupt.Raise(); });
  EXPECT_TRUE(absl::IsCancelled(Build(builder, 1000).status()));
  raiser.join();
}

}  // namespace
}  // namespace tilewright
