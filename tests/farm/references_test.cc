#include "worker/pipeline/references.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "compiler/operators/workload_rules.h"
#include "tests/farm/fake_programs.h"
#include "worker/pipeline/private_folder.h"

namespace tilewright {
namespace {

using ::testing::HasSubstr;

class ReferencesTest : public ::testing::Test {
 protected:
  void SetUp() override { std::signal(SIGPIPE, SIG_IGN); }

  ReferenceResult Get(References& references, Builder& builder, uint64_t seed = 1) {
    const Task task{.workload = ParseWorkload("dense(float32[4,8],float32[8,8];,NK,)").value()};
    return references.Get(task, seed, builder).get();
  }
  std::string path(const std::string& name) const { return folder_->path() + "/" + name; }

  const std::unique_ptr<PrivateFolder> folder_ = PrivateFolder::Make(::testing::TempDir()).value();
};

TEST_F(ReferencesTest, AreComputedOnceForAWorkloadAndSeed) {
  Builder builder({FakeBuilder(path("builder"), "built()")});
  References references(
      folder_->path(),
      FakeRunner(path("runner"), "echo x >>" + path("runs") + "\nready\necho $token ok >&3\n"), {});
  const ReferenceResult first = Get(references, builder);
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(Get(references, builder).value(), *first);
  EXPECT_NE(Get(references, builder, 2).value(), *first);
  EXPECT_EQ(std::filesystem::file_size(path("runs")), 4u) << "two runs";
}

// A device's runs leave the cores idle, and the references of large layers take long.
TEST_F(ReferencesTest, OfADeviceAreSharedByAllCores) {
  Builder builder({FakeBuilder(path("builder"), "built()")});
  const std::string runner =
      FakeRunner(path("runner"), "echo \"$spec\" | sed -n 's/^threads //p' >>" + path("threads") +
                                     "\nready\necho $token ok >&3\n");
  References references(folder_->path(), runner, {0, 1, 2});
  Task task{.workload = ParseWorkload("dense(float32[4,8],float32[8,8];,NK,)").value()};
  EXPECT_TRUE(references.Get(task, 1, builder).get().ok());
  task.target = ParseTarget("cuda -arch=sm_90").value();
  EXPECT_TRUE(references.Get(task, 2, builder).get().ok());
  std::ifstream written(path("threads"));
  int of_cpu = 0, of_device = 0;
  written >> of_cpu >> of_device;
  EXPECT_EQ(of_cpu, 1);
  EXPECT_EQ(of_device, 3);
}

TEST_F(ReferencesTest, AFailureIsNotKept) {
  Builder builder({FakeBuilder(path("builder"), "built()")});
  const std::string runner = FakeRunner(path("runner"), "echo $token fault no space left >&3\n");
  References references(folder_->path(), runner, {});
  const ReferenceResult failed = Get(references, builder);
  EXPECT_TRUE(absl::IsUnavailable(failed.status()));
  EXPECT_THAT(std::string(failed.status().message()), HasSubstr("no space left"));
  FakeRunner(runner, "ready\necho $token ok >&3\n");
  EXPECT_TRUE(Get(references, builder).ok());
}

TEST_F(ReferencesTest, AReferenceThatCannotBeBuiltIsTheFarmsFailure) {
  Builder builder({FakeBuilder(
      path("builder"),
      "send(json.dumps({'ok': False, 'kind': 'build_error', 'message': 'why'}).encode())")});
  References references(folder_->path(), FakeRunner(path("runner")), {});
  EXPECT_THAT(std::string(Get(references, builder).status().message()), HasSubstr("why"));
}

}  // namespace
}  // namespace tilewright
