// What a kernel's library does before it is called, and what a kernel does beside its operands.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/farm/run_kernel_fixture.h"

namespace tilewright {
namespace {

using ::testing::AnyOf;
using ::testing::HasSubstr;

// ---- code that runs while the library is loaded ----------------------------------------------

class RunLoading : public RunKernelTest {
 protected:
  Outcome RunWith(const std::string& before, const std::string& extra = "") {
    spec_.library = Library(extra, before);
    return RunKernel(kRunner, spec_, 10).value();
  }
  static std::string Constructor(const std::string& deed) {
    return "__attribute__((constructor)) static void first(void) { " + deed + "; }\n";
  }
  static void ExpectForbidden(const Outcome& outcome, const std::string& deed) {
    EXPECT_EQ(KindOf(outcome), FailureKind::kCrash) << deed;
    if (KindOf(outcome) != FailureKind::kCrash) return;
    EXPECT_THAT(std::get<Failure>(outcome).message, HasSubstr("signal 31")) << deed;
  }
  std::string File() const { return folder_->path() + "/made"; }
};

// Each would be allowed to a plain process, and all but the files to a library that is loaded
// before system calls are forbidden.
TEST_F(RunLoading, AConstructorCanNeitherOpenNorConnectNorStartNorLook) {
  for (const std::string& deed :
       {"open(\"" + File() + "\", O_CREAT | O_WRONLY, 0600)",
        "open(\"" + spec_.reference + "\", 0)", std::string("open(\"/usr/lib/os-release\", 0)"),
        std::string("socket(AF_UNIX, SOCK_STREAM, 0)"), std::string("connect(0, 0, 0)"),
        std::string("fork()"), std::string("execl(\"/bin/true\", \"true\", (char*)0)"),
        std::string("kill(1, 9)"), std::string("ptrace(0, 0, 0, 0)"),
        std::string("mmap(0, 4096, 7, 0x22, -1, 0)"),
        std::string("mprotect((void*)((uintptr_t)&first & -4096), 4096, 7)"),
        "unlink(\"" + spec_.reference + "\")"}) {
    ExpectForbidden(RunWith(Constructor(deed)), deed);
  }
  EXPECT_FALSE(std::filesystem::exists(File()));
  EXPECT_TRUE(std::filesystem::exists(spec_.reference));
}

#if defined(__x86_64__)
// A resolver runs before the library's calls are bound, so it asks the kernel itself.
TEST_F(RunLoading, AResolverCanOpenNothing) {
  const std::string resolver =
      "static void real(void) {}\n"
      "static void (*pick(void))(void) {\n  long result;\n"
      "  __asm__ volatile(\"syscall\" : \"=a\"(result) : \"a\"(2L), \"D\"(\"" +
      File() +
      "\"), \"S\"(0101L), \"d\"(0600L) : \"rcx\", \"r11\", \"memory\");\n  return real;\n}\n"
      "void g(void) __attribute__((ifunc(\"pick\")));\n";
  ExpectForbidden(RunWith(resolver, "  g();\n"), "a resolver");
  EXPECT_FALSE(std::filesystem::exists(File()));
}
#endif

TEST_F(RunLoading, AConstructorThatLeavesOrCrashesIsTheKernelsFault) {
  EXPECT_EQ(KindOf(RunWith(Constructor("_exit(0)"))), FailureKind::kCrash);
  EXPECT_EQ(KindOf(RunWith(Constructor("*(volatile int*)8 = 1"))), FailureKind::kCrash);
  EXPECT_TRUE(MedianSeconds(RunWith(Constructor("usleep(1)"))).has_value());
}

TEST_F(RunLoading, TheLibraryOfAReferenceIsConfinedToo) {
  spec_.write_reference = true;
  spec_.reference = folder_->path() + "/other.bin";
  ExpectForbidden(RunWith(Constructor("fork()")), "a constructor");
  ExpectForbidden(RunWith("", "  open(\"" + File() + "\", O_CREAT | O_WRONLY, 0600);\n"), "a call");
  EXPECT_FALSE(std::filesystem::exists(File()));
}

TEST_F(RunLoading, AMathematicalFunctionIsFound) {
  EXPECT_TRUE(MedianSeconds(RunWith("", "  if (tanhf(a[0]) > 1 || expf(b[1]) < 0) abort();\n")));
}

// ---- what lies beside an operand -------------------------------------------------------------

class RunGuards : public RunKernelTest {
 protected:
  // From now on kernels are on so many elements.
  void Resize(int64_t count) {
    spec_.calls[0].extent = count;
    for (RunArgument& argument : spec_.arguments) argument.shape = {count};
    spec_.file_bytes = count * 4;
    spec_.write_reference = true;
    const Outcome outcome = Run("");
    ASSERT_EQ(std::get_if<Failure>(&outcome), nullptr) << std::get<Failure>(outcome).message;
    spec_.write_reference = false;
  }
  void ExpectCrash(const std::string& extra, const ::testing::Matcher<std::string>& why) {
    const Outcome outcome = Run("  " + extra + "\n");
    EXPECT_EQ(KindOf(outcome), FailureKind::kCrash) << extra;
    if (KindOf(outcome) != FailureKind::kCrash) return;
    EXPECT_THAT(std::get<Failure>(outcome).message, why) << extra;
  }
  const ::testing::Matcher<std::string> is_fault_ = HasSubstr("signal 11");
};

TEST_F(RunGuards, OneElementBesideAnyOperandIsACrash) {
  for (const int64_t count : {4096, 1008, (2 << 18) + 16}) {  // of 64 bytes' multiples
    Resize(count);
    const std::string n = std::to_string(count);
    EXPECT_TRUE(MedianSeconds(Run("")).has_value()) << n;
    for (const std::string& element : {"out[" + n + "]", "((float*)a)[" + n + "]",
                                       std::string("out[-1]"), std::string("((float*)a)[-1]")}) {
      ExpectCrash("(void)*(volatile float*)&" + element + ";", is_fault_);
      // With the operands' begins at the guards, there is a pattern behind their ends.
      ExpectCrash("*(volatile float*)&" + element + " = 1;",
                  AnyOf(is_fault_, HasSubstr("behind the end of operand")));
    }
  }
}

// Less than an alignment behind the end there is a pattern instead of a guard.
TEST_F(RunGuards, WhereTheAlignmentLeavesRoomWritingIsACrashAndReadingAWrongResult) {
  for (const int64_t count : {1001, (2 << 18) + 1}) {
    Resize(count);
    const std::string n = std::to_string(count);
    EXPECT_TRUE(MedianSeconds(Run("")).has_value()) << n;
    ExpectCrash("out[" + n + "] = 1;", HasSubstr("behind the end of operand 2"));
    ExpectCrash("((float*)b)[" + n + "] = 1;", HasSubstr("behind the end of operand 1"));
    ExpectCrash("out[-1] = 1;", is_fault_);
    ExpectCrash("(void)*(volatile float*)&a[" + n + " + 16];", is_fault_);
    EXPECT_EQ(KindOf(Run("  ((float*)b)[0] += a[" + n + "];\n")), FailureKind::kWrongResult);
  }
}

TEST_F(RunGuards, MemoryBetweenCallsIsGuardedToo) {
  spec_.buffers = {{.bytes = 100}};
  spec_.calls[0].operands = {0, 1, 2, 3};
  const auto touch = [](int at) {
    return "((volatile char*)args[3])[" + std::to_string(at) + "] = 1;";
  };
  EXPECT_TRUE(MedianSeconds(Run(touch(0) + touch(99))).has_value());
  ExpectCrash(touch(100), HasSubstr("behind the end of operand 3"));
  ExpectCrash(touch(-1), is_fault_);
}

TEST_F(RunGuards, OperandsKeepTheAlignmentOfTheRuntime) {
  for (const int64_t count : {1, 1001, 4096, (2 << 18) + 1}) {
    Resize(count);
    EXPECT_TRUE(
        MedianSeconds(Run("  for (int i = 0; i < 3; ++i) if ((uintptr_t)args[i] % 64) abort();\n")))
        << count;
  }
}

// Preparation is part of what the second placement repeats.
TEST_F(RunGuards, WhatIsPreparedIsPreparedAtEitherGuard) {
  spec_.buffers = {{.bytes = 4096 * 4 + 4}};
  spec_.prepare = {{.symbol = "p", .extent = 1, .operands = {3}}};
  spec_.calls[0].operands = {0, 1, 2, 3};
  spec_.library = Library("  if (((float*)args[3])[4096] != 7) abort();\n",
                          "void p(float* const* v, int64_t b, int64_t e) { v[0][4096] = 7; }\n");
  const Outcome outcome = RunKernel(kRunner, spec_, 10).value();
  EXPECT_TRUE(MedianSeconds(outcome).has_value()) << std::get<Failure>(outcome).message;
}

}  // namespace
}  // namespace tilewright
