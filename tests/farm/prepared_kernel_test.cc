// Kernels that wait for their turn, in real runner processes.
#include "worker/process/prepared_kernel.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "runtime/cpu_info.h"
#include "tests/farm/fake_programs.h"
#include "tests/farm/run_kernel_fixture.h"

namespace tilewright {
namespace {

using ::testing::HasSubstr;

class PreparedKernelTest : public RunKernelTest {
 protected:
  // Aborts when the thread may run on another CPU than this one.
  static std::string AbortUnlessOn(int cpu) {
    return "  if (sched_getcpu() != " + std::to_string(cpu) + ") abort();\n";
  }
  std::string LibraryOnCores(const std::string& at_load, const std::string& in_call) {
    return Library(in_call,
                   "int sched_getcpu(void);\n__attribute__((constructor)) static void "
                   "first(void) {\n" +
                       at_load + "}\n");
  }
};

TEST_F(PreparedKernelTest, IsLoadedWhereItIsPreparedAndCalledWhereItHasItsTurn) {
  const std::vector<int> cpus = runtime::AllowedCpus();
  spec_.ahead = {cpus.front()};
  spec_.cores = {cpus.back()};
  spec_.library = LibraryOnCores(AbortUnlessOn(cpus.front()), AbortUnlessOn(cpus.back()));
  const Outcome outcome = RunKernel(kRunner, spec_, 10).value();
  EXPECT_TRUE(MedianSeconds(outcome)) << std::get<Failure>(outcome).message;
}

TEST_F(PreparedKernelTest, ThreadsHaveTheirTurnEachOnACoreOfTheSlot) {
  spec_.cores = runtime::AllowedCpus();
  spec_.cores.resize(std::min<size_t>(2, spec_.cores.size()));
  spec_.ahead = {spec_.cores[0]};
  spec_.threads = 2;
  spec_.library = LibraryOnCores("",
                                 "  static __thread int self; static int threads, cpu[3];\n"
                                 "  if (!self) cpu[self = __atomic_add_fetch(&threads, 1, "
                                 "__ATOMIC_SEQ_CST)] = sched_getcpu();\n"
                                 "  while (__atomic_load_n(&threads, __ATOMIC_SEQ_CST) < 2) ;\n"
                                 "  if (cpu[self] != sched_getcpu()) abort();\n");
  const Outcome outcome = RunKernel(kRunner, spec_, 10).value();
  EXPECT_TRUE(MedianSeconds(outcome)) << std::get<Failure>(outcome).message;
}

TEST_F(PreparedKernelTest, TheWaitForTheTurnCountsAgainstNoLimit) {
  spec_.library = Library("");
  PreparedKernel kernel(kRunner, spec_, 10, nullptr);
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  EXPECT_TRUE(MedianSeconds(kernel.Run({.limit_seconds = 0.25}).value()));
}

TEST_F(PreparedKernelTest, ALibraryThatDoesNotEndLoadingIsATimeoutOfTheKernel) {
  spec_.library = LibraryOnCores("for (;;) pause();", "");
  PreparedKernel kernel(kRunner, spec_, 0.3, nullptr);
  const Outcome outcome = kernel.Run({.limit_seconds = 10}).value();
  EXPECT_EQ(KindOf(outcome), FailureKind::kRunTimeout);
  EXPECT_THAT(std::get<Failure>(outcome).message, HasSubstr("0.3 s"));
}

TEST_F(PreparedKernelTest, AnInterruptEndsPreparingAndTheTurn) {
  for (const bool prepared : {false, true}) {
    Interrupt interrupt;
    spec_.library = LibraryOnCores(prepared ? "" : "for (;;) pause();", "  for (;;) pause();\n");
    std::thread raiser([&] {
      if (!prepared) interrupt.Raise();
    });
    PreparedKernel kernel(kRunner, spec_, 1000, &interrupt);
    raiser.join();
    if (prepared) interrupt.Raise();
    EXPECT_TRUE(absl::IsCancelled(kernel.Run({.limit_seconds = 1000}).status()));
  }
}

// One that forges a result and goes on is waited for, but not by who has been told to stop.
TEST_F(PreparedKernelTest, AnInterruptEndsAKernelThatHasForgedItsResult) {
  Interrupt interrupt;
  spec_.library = Library("  dprintf(3, \"ok 1\\n\"); for (;;) pause();\n");
  PreparedKernel kernel(kRunner, spec_, 1000, &interrupt);
  std::thread raiser([&] { interrupt.Raise(); });
  EXPECT_TRUE(absl::IsCancelled(kernel.Run({.limit_seconds = 1000}).status()));
  raiser.join();
}

TEST_F(PreparedKernelTest, AResultBeforeItsTurnIsOurFault) {
  const std::string runner = folder_->path() + "/runner";
  FakeRunner(runner, "echo called >&3\necho $token ok 0.5 >&3\n");
  EXPECT_EQ(RunKernel(runner, spec_, 10).status().code(), absl::StatusCode::kInternal);
}

// The runner itself, told by hand.
class WaitingRunnerTest : public PreparedKernelTest {
 protected:
  Child Waiting() {
    spec_.token = "token";
    spec_.library = Library("");
    Child child = Child::Start({kRunner}, ChildOutput::kDiscarded).value();
    EXPECT_TRUE(WriteAll(child.input(), ToText(spec_) + kEndOfSpec).ok());
    EXPECT_EQ(ReadLine(child.output(), DeadlineAfter(60)).value(), "called ");
    EXPECT_EQ(ReadLine(child.output(), DeadlineAfter(60)).value(), "token ready");
    return child;
  }
};

TEST_F(WaitingRunnerTest, EndsWithWhoeverWouldHaveGivenItsTurn) {
  Child child = Waiting();
  child.CloseInput();
  EXPECT_EQ(ReadToEnd(child.output(), 1000, DeadlineAfter(60)).value(), "");
  EXPECT_EQ(DescribeExit(child.End(60).value()), "exit code 1");
}

TEST_F(WaitingRunnerTest, TakesNothingElseForItsTurn) {
  for (const std::string& line : {std::string("\n"), std::string("gone 1\n"),
                                  std::string("go -1\n"), std::string(1000, 'g')}) {
    Child child = Waiting();
    EXPECT_TRUE(WriteAll(child.input(), line).ok());
    EXPECT_EQ(ReadToEnd(child.output(), 1000, DeadlineAfter(60)).value(), "") << line;
    EXPECT_EQ(DescribeExit(child.End(60).value()), "exit code 1") << line;
  }
}

TEST(GoLine, RoundTrips) {
  for (const double seconds : {0.0, 1.0 / 3, 1e-300, kMostSpareSeconds}) {
    EXPECT_LE(GoLine(seconds).size(), kMostGoBytes);
    EXPECT_EQ(ParseGoLine(GoLine(seconds)), seconds);
  }
}

TEST(GoLine, IsNothingElse) {
  for (const char* line : {"", "go", "go ", "go x", "go nan", "go inf", "go -1", "go 1e999",
                           "go 3601", "go 1 2", "go 1x", "stop 1", "go1", "token ready"}) {
    EXPECT_FALSE(ParseGoLine(line).has_value()) << line;
  }
  EXPECT_FALSE(ParseGoLine("go " + std::string(1000, '0')).has_value());
  EXPECT_FALSE(ParseGoLine(std::string("go 1\0", 5)).has_value());
}

}  // namespace
}  // namespace tilewright
