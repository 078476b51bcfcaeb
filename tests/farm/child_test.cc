#include "worker/process/child.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include "tests/farm/fake_programs.h"
#include "worker/pipeline/private_folder.h"
#include "worker/process/pipe_io.h"

namespace tilewright {
namespace {

using ::testing::HasSubstr;

class ChildTest : public ::testing::Test {
 protected:
  Child Start(const std::string& script) {
    const std::string path = WriteScript(folder_->path() + "/child", "#!/bin/sh\n" + script);
    return Child::Start({path}, ChildOutput::kDiscarded).value();
  }
  const std::unique_ptr<PrivateFolder> folder_ = PrivateFolder::Make(::testing::TempDir()).value();
};

TEST_F(ChildTest, IsAskedByStandardInputAndAnswersOnDescriptorThree) {
  Child child = Start("cat >&3\n");
  ASSERT_TRUE(WriteAll(child.input(), "hello").ok());
  child.CloseInput();
  EXPECT_EQ(ReadToEnd(child.output(), 100, DeadlineAfter(20)).value(), "hello");
  EXPECT_EQ(child.Wait(), 0);
}

TEST_F(ChildTest, HasNoOtherDescriptors) {
  const int leaked = dup(2);  // as from a parent that knows nothing of O_CLOEXEC
  const std::string path =
      WriteScript(folder_->path() + "/lister",
                  "#!/usr/bin/env python3\nimport os\nnames = os.listdir('/proc/self/fd')\n"
                  "there = sorted(n for n in names if os.path.exists('/proc/self/fd/' + n))\n"
                  "os.write(3, ' '.join(there).encode())\n");
  Child child = Child::Start({path}, ChildOutput::kDiscarded).value();
  EXPECT_EQ(ReadToEnd(child.output(), 100, DeadlineAfter(20)).value(), "0 1 2 3");
  close(leaked);
}

TEST_F(ChildTest, AProgramThatIsNotThereIsUnavailable) {
  const auto child = Child::Start({"/nonexistent/program"}, ChildOutput::kDiscarded);
  EXPECT_TRUE(absl::IsUnavailable(child.status()));
  EXPECT_THAT(std::string(child.status().message()), HasSubstr("/nonexistent/program"));
}

TEST_F(ChildTest, TakesItsOwnChildrenWithItWhenKilled) {
  Child child = Start("sleep 1000 & echo $! >&3\nwait\n");
  const pid_t grandchild = std::stoi(ReadLine(child.output(), DeadlineAfter(20)).value());
  child.Kill();
  EXPECT_EQ(SignalOf(child.Wait()), SIGKILL);
  // Its end closes the last writer of descriptor 3.
  EXPECT_EQ(ReadToEnd(child.output(), 100, DeadlineAfter(20)).value(), "");
  EXPECT_NE(kill(grandchild, 0) == 0 && getpgid(grandchild) == child.pid(), true);
}

TEST_F(ChildTest, OneThatDoesNotEndIsKilledWhenItsTimeIsOver) {
  Child child = Start("exec 3>&-\nsleep 1000\n");
  EXPECT_EQ(SignalOf(child.End(0.1).value()), SIGKILL);
  EXPECT_EQ(child.pid(), -1);
}

TEST_F(ChildTest, OneThatEndsByItselfInTimeIsNotKilled) {
  EXPECT_EQ(WEXITSTATUS(Start("exit 3\n").End(60).value()), 3);
}

// A traced process stays a zombie until its tracer has seen its end, as one that hangs in the
// kernel stays for ever.
TEST_F(ChildTest, OneThatCannotBeKilledIsSaidAndLeft) {
  Child child = Start("echo >&3\nsleep 1000\n");
  ASSERT_TRUE(ReadLine(child.output(), DeadlineAfter(20)).ok());
  Child tracer = Start(
      "exec python3 -c '\nimport ctypes, os, time\n"
      "libc = ctypes.CDLL(None, use_errno=True)\n"
      "seize = libc.ptrace(0x4206, " +
      std::to_string(child.pid()) +
      ", 0, 0)\n"
      "os.write(3, b\"%d\\n\" % seize)\n"
      "time.sleep(1000)\n'\n");
  ASSERT_EQ(ReadLine(tracer.output(), DeadlineAfter(20)).value(), "0");
  const absl::StatusOr<int> end = child.End(0);
  EXPECT_TRUE(absl::IsUnavailable(end.status()));
  EXPECT_THAT(std::string(end.status().message()), HasSubstr("does not end"));
  tracer.Kill();
  tracer.Wait();
  EXPECT_EQ(SignalOf(child.Wait()), SIGKILL);
}

TEST(ExitStatus, IsDescribedAsAShellDoes) {
  EXPECT_EQ(DescribeExit(3 << 8), "exit code 3");
  EXPECT_THAT(DescribeExit(SIGSEGV), HasSubstr("signal 11"));
  EXPECT_THAT(DescribeExit((128 + SIGKILL) << 8), HasSubstr("signal 9"));
  EXPECT_EQ(SignalOf(0), 0);
}

}  // namespace
}  // namespace tilewright
