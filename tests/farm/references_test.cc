#include "worker/references.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>

#include "compiler/operators/workload_rules.h"
#include "tests/farm/fake_programs.h"
#include "worker/private_folder.h"

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
  References references(folder_->path(),
                        FakeRunner(path("runner"), "echo x >>" + path("runs") +
                                                       "\necho called >&3\necho $token ok >&3\n"),
                        {});
  const ReferenceResult first = Get(references, builder);
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(Get(references, builder).value(), *first);
  EXPECT_NE(Get(references, builder, 2).value(), *first);
  EXPECT_EQ(std::filesystem::file_size(path("runs")), 4u) << "two runs";
}

TEST_F(ReferencesTest, AFailureIsNotKept) {
  Builder builder({FakeBuilder(path("builder"), "built()")});
  const std::string runner = FakeRunner(path("runner"), "echo $token fault no space left >&3\n");
  References references(folder_->path(), runner, {});
  const ReferenceResult failed = Get(references, builder);
  EXPECT_TRUE(absl::IsUnavailable(failed.status()));
  EXPECT_THAT(std::string(failed.status().message()), HasSubstr("no space left"));
  FakeRunner(runner, "echo called >&3\necho $token ok >&3\n");
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
