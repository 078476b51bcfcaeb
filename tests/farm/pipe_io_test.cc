#include "worker/process/pipe_io.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <thread>

namespace tilewright {
namespace {

class PipeIo : public ::testing::Test {
 protected:
  void SetUp() override {
    std::signal(SIGPIPE, SIG_IGN);
    ASSERT_EQ(pipe(fds_), 0);
  }
  void TearDown() override {
    close(fds_[0]);
    CloseWriter();
  }
  void CloseWriter() {
    if (fds_[1] >= 0) close(fds_[1]);
    fds_[1] = -1;
  }
  int reader() const { return fds_[0]; }
  int writer() const { return fds_[1]; }

  int fds_[2] = {-1, -1};
};

TEST_F(PipeIo, FramesArriveWholeAndInOrder) {
  ASSERT_TRUE(WriteFrame(writer(), "").ok());
  ASSERT_TRUE(WriteFrame(writer(), std::string("a\0b\n", 4)).ok());
  EXPECT_EQ(ReadFrame(reader(), DeadlineAfter(5)).value(), "");
  EXPECT_EQ(ReadFrame(reader(), DeadlineAfter(5)).value(), std::string("a\0b\n", 4));
}

TEST_F(PipeIo, AFrameLargerThanThePipeIsPassedOn) {
  const std::string large(1 << 20, 'x');
  std::thread sender([&] { EXPECT_TRUE(WriteFrame(writer(), large).ok()); });
  EXPECT_EQ(ReadFrame(reader(), DeadlineAfter(20)).value(), large);
  sender.join();
}

TEST_F(PipeIo, AnImpossibleLengthIsDataLoss) {
  ASSERT_TRUE(WriteAll(writer(), "\xff\xff\xff\xff").ok());
  EXPECT_TRUE(absl::IsDataLoss(ReadFrame(reader(), DeadlineAfter(5)).status()));
}

TEST_F(PipeIo, AWriterThatIsGoneIsUnavailable) {
  ASSERT_TRUE(WriteAll(writer(), std::string("\5\0\0\0abc", 7)).ok());
  CloseWriter();
  EXPECT_TRUE(absl::IsUnavailable(ReadFrame(reader(), DeadlineAfter(5)).status()));
  EXPECT_TRUE(absl::IsUnavailable(ReadLine(reader(), DeadlineAfter(5)).status()));
}

TEST_F(PipeIo, AReaderThatIsGoneIsUnavailable) {
  close(fds_[0]);
  EXPECT_TRUE(absl::IsUnavailable(WriteFrame(writer(), "x")));
}

TEST_F(PipeIo, SilenceEndsWithTheDeadline) {
  EXPECT_TRUE(absl::IsDeadlineExceeded(ReadFrame(reader(), DeadlineAfter(0.01)).status()));
  ASSERT_TRUE(WriteAll(writer(), "no newline").ok());
  EXPECT_TRUE(absl::IsDeadlineExceeded(ReadLine(reader(), DeadlineAfter(0.01)).status()));
}

TEST_F(PipeIo, AnInterruptEndsAWaitThatGoesOnAndThoseThatFollow) {
  Interrupt interrupt;
  std::thread raiser([&] { interrupt.Raise(); });
  EXPECT_TRUE(absl::IsCancelled(ReadFrame(reader(), Deadline::max(), &interrupt).status()));
  raiser.join();
  EXPECT_TRUE(absl::IsCancelled(ReadToEnd(reader(), 9, Deadline::max(), &interrupt).status()));
}

TEST_F(PipeIo, LinesAndTheRestAreReadUpToTheBound) {
  ASSERT_TRUE(WriteAll(writer(), "one\ntwo and more").ok());
  CloseWriter();
  EXPECT_EQ(ReadLine(reader(), DeadlineAfter(5)).value(), "one");
  EXPECT_EQ(ReadToEnd(reader(), 3, DeadlineAfter(5)).value(), "two");
}

TEST_F(PipeIo, TheLastTextIsReadUpToItsNewlineThoughTheWriterLives) {
  ASSERT_TRUE(WriteAll(writer(), "one\ntwo\n").ok());
  EXPECT_EQ(ReadText(reader(), 100, DeadlineAfter(5)).value(), "one\ntwo\n");
  ASSERT_TRUE(WriteAll(writer(), "open").ok());
  EXPECT_TRUE(absl::IsDeadlineExceeded(ReadText(reader(), 100, DeadlineAfter(0.01)).status()));
  CloseWriter();
  EXPECT_EQ(ReadText(reader(), 100, DeadlineAfter(5)).value(), "");
}

}  // namespace
}  // namespace tilewright
