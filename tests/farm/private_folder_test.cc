#include "worker/pipeline/private_folder.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace tilewright {
namespace {

namespace fs = std::filesystem;

TEST(PrivateFolder, IsThisUsersAloneAndGoneAtTheEnd) {
  std::string path;
  {
    const auto folder = PrivateFolder::Make(::testing::TempDir()).value();
    path = folder->path();
    struct stat info{};
    ASSERT_EQ(stat(path.c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, 0700u);
    std::ofstream(path + "/file") << "x";
  }
  EXPECT_FALSE(fs::exists(path));
}

TEST(PrivateFolder, OfAKilledProcessIsRemovedByTheNextAndALiveOneStays) {
  const auto parent = PrivateFolder::Make(::testing::TempDir()).value();
  const pid_t child = fork();
  if (child == 0) {
    const auto folder = PrivateFolder::Make(parent->path());
    if (folder.ok()) std::ofstream((*folder)->path() + "/kernel.so") << "x";
    _exit(folder.ok() ? 0 : 1);  // as if killed: no destructor runs
  }
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_EQ(status, 0);
  ASSERT_EQ(std::distance(fs::directory_iterator(parent->path()), {}), 2) << "its lock, and this";
  fs::create_directory(parent->path() + "/tilewright-of-someone-else");
  const auto first = PrivateFolder::Make(parent->path()).value();
  const auto second = PrivateFolder::Make(parent->path()).value();
  EXPECT_TRUE(fs::exists(first->path()));
  EXPECT_TRUE(fs::exists(second->path()));
  EXPECT_TRUE(fs::exists(parent->path() + "/tilewright-of-someone-else")) << "not ours";
  EXPECT_EQ(std::distance(fs::directory_iterator(parent->path()), {}), 4);
}

TEST(PrivateFolder, WhereNoneCanBeMadeTheReasonIsSaid) {
  const auto folder = PrivateFolder::Make("/nonexistent");
  EXPECT_TRUE(absl::IsUnavailable(folder.status()));
  EXPECT_NE(folder.status().message().find("/nonexistent"), folder.status().message().npos);
}

}  // namespace
}  // namespace tilewright
