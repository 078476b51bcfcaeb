#include "worker/agent/spool.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "worker/pipeline/private_folder.h"

namespace tilewright {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

v1::ReportRequest Report(uint64_t attempt) {
  v1::ReportRequest report;
  report.set_session("s");
  report.set_server_epoch(7);
  report.set_attempt(attempt);
  report.mutable_measured()->mutable_outcome()->add_seconds(0.5);
  return report;
}

class SpoolTest : public ::testing::Test {
 protected:
  std::unique_ptr<Spool> Open() { return Spool::Open(path()).value(); }
  std::string path() const { return folder_->path() + "/spool"; }
  size_t Files() const {
    return static_cast<size_t>(std::distance(std::filesystem::directory_iterator(path()), {}));
  }
  const std::unique_ptr<PrivateFolder> folder_ = PrivateFolder::Make(::testing::TempDir()).value();
};

TEST_F(SpoolTest, WhatWasNotAnsweredIsLeftToTheNext) {
  auto first = Open();
  ASSERT_TRUE(first->Add(Report(1)).ok());
  ASSERT_TRUE(first->Add(Report(2)).ok());
  first->Remove(Report(1));
  first.reset();
  const auto next = Open();
  const std::vector<v1::ReportRequest> left = next->TakeLeft();
  ASSERT_THAT(left, SizeIs(1));
  EXPECT_EQ(left[0].SerializeAsString(), Report(2).SerializeAsString());
  EXPECT_THAT(next->TakeLeft(), IsEmpty()) << "once";
  next->Remove(left[0]);
  EXPECT_EQ(Files(), 0u);
}

TEST_F(SpoolTest, AWithdrawalIsKeptBesideTheResultThatItWithdraws) {
  v1::ReportRequest withdrawal = Report(1);
  withdrawal.mutable_fault()->set_withdraws(true);
  {
    const auto first = Open();
    ASSERT_TRUE(first->Add(Report(1)).ok());
    ASSERT_TRUE(first->Add(withdrawal).ok());
    first->Remove(Report(1));
  }
  const std::vector<v1::ReportRequest> left = Open()->TakeLeft();
  ASSERT_THAT(left, SizeIs(1));
  EXPECT_TRUE(left[0].fault().withdraws());
}

TEST_F(SpoolTest, ReportsOfALivingWorkerAreItsOwn) {
  const auto living = Open();
  ASSERT_TRUE(living->Add(Report(1)).ok());
  EXPECT_THAT(Open()->TakeLeft(), IsEmpty());
  EXPECT_THAT(living->TakeLeft(), IsEmpty());
}

TEST_F(SpoolTest, DamagedFilesAreSetAsideAndOthersLeftAlone) {
  {
    ASSERT_TRUE(Open()->Add(Report(1)).ok());
  }
  const std::string file = std::filesystem::directory_iterator(path())->path();
  std::filesystem::resize_file(file, 3);
  std::ofstream(path() + "/notes.txt") << "mine";
  std::ofstream(path() + "/x.report.new-1") << "half";
  EXPECT_THAT(Open()->TakeLeft(), IsEmpty());
  EXPECT_TRUE(std::filesystem::exists(file + ".bad"));
  EXPECT_TRUE(std::filesystem::exists(path() + "/notes.txt"));
}

TEST_F(SpoolTest, RemovingWhatWasNeverAddedIsNoMistake) {
  Open()->Remove(Report(3));
  EXPECT_EQ(Files(), 0u);
}

TEST_F(SpoolTest, AFolderThatCannotBeIsSaid) {
  std::ofstream(folder_->path() + "/file") << "x";
  EXPECT_TRUE(absl::IsUnavailable(Spool::Open(folder_->path() + "/file/spool").status()));
}

}  // namespace
}  // namespace tilewright
