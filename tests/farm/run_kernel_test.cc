// Kernels that misbehave in every way, in real runner processes. The libraries are made by cc.
#include "worker/process/run_kernel.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <thread>

#include "base/clock.h"
#include "compiler/core/workload.h"
#include "compiler/operators/workload_rules.h"
#include "runtime/cpu_info.h"
#include "tests/farm/fake_programs.h"
#include "tests/farm/run_kernel_fixture.h"
#include "worker/process/prepared_kernel.h"
#include "worker/runner/inputs.h"

namespace tilewright {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

TEST_F(RunKernelTest, ACorrectKernelIsTimed) {
  const Outcome outcome = Run("");
  const auto& seconds = std::get<Timing>(outcome).seconds;
  EXPECT_GE(seconds.size(), spec_.min_samples);
  EXPECT_LE(seconds.size(), spec_.max_samples);
  for (const double s : seconds) EXPECT_GT(s, 0);
}

TEST_F(RunKernelTest, AClearlySlowerKernelKeepsOneHonestSample) {
  spec_.drop_seconds = 0.001;
  const Outcome outcome = Run("  usleep(5000);\n");
  const auto& seconds = std::get<Timing>(outcome).seconds;
  ASSERT_THAT(seconds, SizeIs(1));
  EXPECT_GE(seconds[0], 0.005);
}

TEST_F(RunKernelTest, ASampleIsTheMeanOfAsManyCallsAsAreAskedFor) {
  spec_.min_samples = spec_.max_samples = 2;
  spec_.sample_calls = 3;
  // One of three calls in a row takes 9 ms, whichever is the first.
  const Outcome outcome = Run("  static int calls;\n  if (++calls % 3 == 0) usleep(9000);\n");
  const auto& seconds = std::get<Timing>(outcome).seconds;
  ASSERT_FALSE(seconds.empty());
  for (const double s : seconds) EXPECT_GE(s, 0.003);
}

TEST_F(RunKernelTest, ASampleHasAsManyCallsAsItsLeastTimeHolds) {
  spec_.min_samples = spec_.max_samples = 2;
  spec_.sample_seconds = 0.05;
  const double start = SystemClock().Now();
  const Outcome outcome = Run("");
  EXPECT_FALSE(std::get<Timing>(outcome).seconds.empty());
  EXPECT_GE(SystemClock().Now() - start, 0.1);
}

TEST_F(RunKernelTest, ASegmentationFaultIsACrash) {
  const Outcome outcome = Run("  *(volatile int*)8 = 1;\n");
  EXPECT_EQ(KindOf(outcome), FailureKind::kCrash);
  EXPECT_THAT(std::get<Failure>(outcome).message, HasSubstr("signal 11"));
}

TEST_F(RunKernelTest, ACallOfExitIsACrash) {
  EXPECT_EQ(KindOf(Run("  _exit(0);\n")), FailureKind::kCrash);
}

TEST_F(RunKernelTest, EveryDeathIsACrashThatNamesItsSignalOrExitCode) {
  const std::pair<const char*, const char*> deaths[] = {
      {"  __builtin_trap();\n", "signal 4"},
      {"  abort();\n", "signal 6"},
      {"  volatile int zero = 0; out[0] = 7 / zero;\n", "signal 8"},
      {"  volatile char big[16 << 20]; for (long i = 16 << 20; i-- > 0;) big[i] = 1;\n",
       "signal 11"},
      {"  exit(3);\n", "exit code 3"}};
  for (const auto& [what, name] : deaths) {
    const Outcome outcome = Run(what);
    ASSERT_EQ(KindOf(outcome), FailureKind::kCrash) << what;
    EXPECT_THAT(std::get<Failure>(outcome).message, HasSubstr(name)) << what;
  }
}

TEST_F(RunKernelTest, AHangIsKilledAtTheTimeLimit) {
  const Outcome outcome = Run("  for (;;) pause();\n", 0.3);
  EXPECT_EQ(KindOf(outcome), FailureKind::kRunTimeout);
  EXPECT_THAT(std::get<Failure>(outcome).message, HasSubstr("0.3 s"));
}

TEST_F(RunKernelTest, NothingOfTheSandboxIsMissingHere) {
  spec_.require_sandbox = true;
  PreparedKernel kernel(kRunner, spec_, 10, nullptr);
  EXPECT_EQ(kernel.lacking(), "");
  EXPECT_TRUE(kernel.Run({.limit_seconds = 10}).ok());
}

// Each would be allowed to a plain process.
TEST_F(RunKernelTest, AKernelCanNeitherOpenNorConnectNorStartNorLook) {
  const std::string file = folder_->path() + "/file";
  for (const std::string& deed :
       {"open(\"" + file + "\", O_CREAT | O_WRONLY, 0600)", std::string("open(\"/etc/passwd\", 0)"),
        std::string("socket(AF_INET, SOCK_STREAM, 0)"), std::string("fork()"),
        std::string("execl(\"/bin/true\", \"true\", (char*)0)"), std::string("kill(1, 9)"),
        std::string("ptrace(0, 0, 0, 0)"), std::string("mmap(0, 4096, 7, 0x22, -1, 0)"),
        std::string("unlink(\"" + spec_.reference + "\")")}) {
    const Outcome outcome = Run("  " + deed + ";\n");
    EXPECT_EQ(KindOf(outcome), FailureKind::kCrash) << deed;
    if (KindOf(outcome) != FailureKind::kCrash) continue;
    EXPECT_THAT(std::get<Failure>(outcome).message, HasSubstr("signal 31")) << deed;
  }
  EXPECT_FALSE(std::filesystem::exists(file));
  EXPECT_TRUE(std::filesystem::exists(spec_.reference));
}

TEST_F(RunKernelTest, AKernelCannotForgeItsResult) {
  for (const char* forged : {"ok 1e-9\\n", "\\nok 1e-9\\n", "0000000000000000 ok 1e-9\\n"}) {
    EXPECT_EQ(KindOf(Run(std::string("  dprintf(3, \"") + forged + "\"); _exit(0);\n")),
              FailureKind::kCrash);
    EXPECT_EQ(KindOf(Run(std::string("  dprintf(3, \"") + forged + "\");\n")), FailureKind::kCrash);
  }
}

TEST_F(RunKernelTest, ProcessorTimeIsLimited) {
  spec_.cpu_seconds = 1;
  EXPECT_EQ(KindOf(Run("  for (volatile int i = 0;; ++i) {}\n")), FailureKind::kRunTimeout);
}

TEST_F(RunKernelTest, MemoryIsLimited) {
  EXPECT_EQ(KindOf(Run("  for (;;) { char* p = malloc(64 << 20); memset(p, 1, 64 << 20); }\n")),
            FailureKind::kCrash);
}

TEST_F(RunKernelTest, AWrongElementIsFoundAndNamed) {
  const Outcome outcome = Run("  end -= 1; out[end] = 77;\n");
  EXPECT_EQ(KindOf(outcome), FailureKind::kWrongResult);
  EXPECT_THAT(std::get<Failure>(outcome).message, HasSubstr("element 4095 is 77"));
}

TEST_F(RunKernelTest, AnElementThatIsNotWrittenIsWrong) {
  EXPECT_EQ(KindOf(Run("  end -= 1;\n")), FailureKind::kWrongResult);
}

TEST_F(RunKernelTest, GarbageOnStandardOutputAndErrorIsIgnored) {
  const Outcome outcome =
      Run("  printf(\"ok 1e-9\\n\"); fprintf(stderr, \"crash\\n\"); fflush(stdout);\n");
  EXPECT_TRUE(MedianSeconds(outcome).has_value());
}

TEST_F(RunKernelTest, ALibraryThatCannotBeLoadedIsACrashWithTheReason) {
  spec_.library = folder_->path() + "/empty.so";
  std::ofstream(spec_.library) << "no library";
  const Outcome outcome = RunKernel(kRunner, spec_, 10).value();
  EXPECT_EQ(KindOf(outcome), FailureKind::kCrash);
  EXPECT_THAT(std::get<Failure>(outcome).message, HasSubstr("empty.so"));
}

TEST_F(RunKernelTest, ALostLibraryIsOurFaultNotTheKernels) {
  spec_.library = folder_->path() + "/missing.so";
  const absl::Status status = RunKernel(kRunner, spec_, 10).status();
  EXPECT_TRUE(absl::IsUnavailable(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("missing.so"));
}

TEST_F(RunKernelTest, ALostOrCutReferenceIsOurFaultNotTheKernels) {
  const std::string reference = spec_.reference;
  spec_.reference = folder_->path() + "/missing.bin";
  EXPECT_TRUE(absl::IsUnavailable(RunKernel(kRunner, spec_, 10).status()));
  spec_.reference = reference;
  std::filesystem::resize_file(reference, 100);
  const absl::Status status = RunKernel(kRunner, spec_, 10).status();
  EXPECT_TRUE(absl::IsUnavailable(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("expected output"));
}

TEST_F(RunKernelTest, AReferenceThatCannotBeWrittenIsOurFault) {
  spec_.write_reference = true;
  spec_.reference = "/dev/full";
  const absl::Status status = RunKernel(kRunner, spec_, 10).status();
  EXPECT_TRUE(absl::IsUnavailable(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("/dev/full"));
}

TEST_F(RunKernelTest, TooLittleMemoryForTheArgumentsIsOurFault) {
  spec_.arguments[0].shape = {1 << 20, 1 << 10};
  EXPECT_TRUE(absl::IsUnavailable(RunKernel(kRunner, spec_, 10).status()));
}

TEST_F(RunKernelTest, AMissingSymbolIsNamed) {
  spec_.calls[0].symbol = "other";
  const Outcome outcome = RunKernel(kRunner, spec_, 10).value();
  EXPECT_THAT(std::get<Failure>(outcome).message, HasSubstr("no symbol other"));
}

// b is doubled once into a buffer and that tripled again would be wrong: prepare runs once.
TEST_F(RunKernelTest, PreparedBuffersAreMadeOnceAndScratchPassesBetweenCalls) {
  const std::string stem = folder_->path() + "/steps";
  std::ofstream(stem + ".c")
      << "#include <stdint.h>\n"
         "void twice(float* const* v, int64_t b, int64_t e) {\n"
         "  for (int64_t i = b; i < e; ++i) v[1][i] += 2 * v[0][i];\n}\n"
         "void add(float* const* v, int64_t b, int64_t e) {\n"
         "  for (int64_t i = b; i < e; ++i) v[2][i] = v[0][i] + v[1][i];\n}\n"
         "void copy(float* const* v, int64_t b, int64_t e) {\n"
         "  for (int64_t i = b; i < e; ++i) v[1][i] = v[0][i];\n}\n"
         "void zero(float* const* v, int64_t b, int64_t e) {\n"
         "  for (int64_t i = b; i < e; ++i) v[0][i] = 0;\n}\n";
  ASSERT_EQ(std::system(("cc -O1 -shared -fPIC -o " + stem + ".so " + stem + ".c").c_str()), 0);
  spec_.library = stem + ".so";
  spec_.buffers = {{.bytes = 4096 * 4, .cold = true}, {.bytes = 4096 * 4}};
  spec_.prepare = {{.symbol = "zero", .extent = 4096, .operands = {3}},
                   {.symbol = "twice", .extent = 4096, .operands = {1, 3}}};
  spec_.calls = {{.symbol = "add", .extent = 4096, .operands = {0, 3, 4}},
                 {.symbol = "copy", .extent = 4096, .operands = {4, 2}}};
  const Outcome outcome = RunKernel(kRunner, spec_, 10).value();
  EXPECT_TRUE(MedianSeconds(outcome).has_value());
}

TEST_F(RunKernelTest, ThreadsShareTheExtentEachOnACoreOfTheSlot) {
  spec_.threads = 2;
  spec_.cores = runtime::AllowedCpus();
  spec_.cores.resize(std::min<size_t>(2, spec_.cores.size()));
  // No part of the first loop ends before a second thread has begun one.
  const Outcome outcome =
      Run("  static __thread int self; static int threads;\n"
          "  if (!self) self = __atomic_add_fetch(&threads, 1, __ATOMIC_SEQ_CST);\n"
          "  while (__atomic_load_n(&threads, __ATOMIC_SEQ_CST) < 2) ;\n");
  EXPECT_TRUE(MedianSeconds(outcome).has_value()) << std::get<Failure>(outcome).message;
}

TEST_F(RunKernelTest, AMissingRunnerIsOurFaultNotTheKernels) {
  const absl::Status status = RunKernel("/nonexistent/runner", spec_, 10).status();
  EXPECT_TRUE(absl::IsUnavailable(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("/nonexistent/runner"));
}

TEST_F(RunKernelTest, ARunnerThatAnswersNonsenseIsOurFault) {
  for (const char* answer : {"", "fine", "ok 1", "$token", "$token ok nan", "$token ok 1e999",
                             "$token ok 0", "$token ok -1", "called\n$token ok x"}) {
    const std::string runner =
        FakeRunner(folder_->path() + "/runner", std::string("echo \"") + answer + "\" >&3\n");
    EXPECT_FALSE(RunKernel(runner, spec_, 10).ok()) << answer;
  }
}

TEST_F(RunKernelTest, AnInterruptEndsARun) {
  Interrupt interrupt;
  spec_.library = Library("  for (;;) pause();\n");
  std::thread raiser([&] { interrupt.Raise(); });
  EXPECT_TRUE(absl::IsCancelled(RunKernel(kRunner, spec_, 1000, &interrupt).status()));
  raiser.join();
}

TEST_F(RunKernelTest, PaddingIsZeroInInputsAndUncheckedInOutputs) {
  // Three of four lanes are data: a[..][3] must be zero and out[..][3] may be anything.
  spec_.arguments = {{.shape = {1, 1024, 4}, .padded = {{0, 2, 3}}},
                     {.shape = {1, 1024, 4}, .padded = {{0, 2, 3}}},
                     {.shape = {1, 1024, 4}, .padded = {{0, 2, 3}}}};
  spec_.library = Library("");
  spec_.write_reference = true;
  ASSERT_TRUE(RunKernel(kRunner, spec_, 10).ok());
  spec_.write_reference = false;
  EXPECT_TRUE(MedianSeconds(Run("  for (int i = 3; i < 4096; i += 4) if (a[i] != 0) abort();\n")));
  spec_.library = Library("  for (int i = 3; i < 4096; i += 4) out[i] = 1e9f;\n  end = 3;\n");
  EXPECT_EQ(KindOf(RunKernel(kRunner, spec_, 10).value()), FailureKind::kWrongResult);
}

// A kernel on other types than float32, whose body is `loop`.
class RunTypesTest : public RunKernelTest {
 protected:
  Outcome RunLoop(const std::string& loop) { return Run("  {" + loop + "}\n  end = begin;\n"); }

  void WriteReference(std::array<DType, 3> types, const std::string& loop) {
    for (size_t i = 0; i < 3; ++i) spec_.arguments[i].dtype = types[i];
    spec_.write_reference = true;
    const Outcome outcome = RunLoop(loop);
    EXPECT_EQ(std::get_if<Failure>(&outcome), nullptr) << std::get<Failure>(outcome).message;
    spec_.write_reference = false;
  }
};

TEST_F(RunTypesTest, IntegersAreFilledOverTheirRangeAndComparedExactly) {
  const std::string product =
      "const uint8_t* x = args[0]; const int8_t* y = args[1]; int32_t* z = args[2];"
      "for (int64_t i = begin; i < end; ++i) z[i] = x[i] * y[i];";
  WriteReference({DType::kU8, DType::kI8, DType::kI32}, product);
  spec_.tolerance = 0;
  EXPECT_TRUE(MedianSeconds(
      RunLoop(product + "int high = 0, low = 0;"
                        "for (int i = 0; i < 4096; ++i) { high += x[i] > 250; low += y[i] < -120; }"
                        "if (high == 0 || low == 0) abort();")));
  EXPECT_EQ(KindOf(RunLoop(product + "z[77] += 1;")), FailureKind::kWrongResult);
}

TEST_F(RunTypesTest, SixteenBitFloatsAreComparedByValue) {
  const std::string copy =
      "uint16_t *x = args[0], *z = args[2];"
      "for (int64_t i = begin; i < end; ++i) z[i] = x[i];";
  for (DType dtype : {DType::kF16, DType::kBF16}) {
    WriteReference({dtype, dtype, dtype}, copy);
    spec_.tolerance = 2 * RoundoffOf(dtype);
    EXPECT_TRUE(MedianSeconds(RunLoop(copy + "z[77] ^= 1;"))) << NameOf(dtype);
    EXPECT_EQ(KindOf(RunLoop(copy + "z[77] ^= 0x8000;")), FailureKind::kWrongResult);
    EXPECT_EQ(KindOf(RunLoop("")), FailureKind::kWrongResult) << "an unwritten output is no value";
  }
}

TEST(RunArguments, NamePaddedChannelsAndColdWeights) {
  const Workload workload = ParseWorkload(
                                "conv2d(float32[1,3,8,8],float32[20,3,3,3];dilation=1,1;groups=1;"
                                "padding=1,1,1,1;strides=1,1;NCHW,OIHW16o,NCHW16c)+bias+add+relu")
                                .value();
  const std::vector<RunArgument> arguments = RunArguments(workload);
  ASSERT_THAT(arguments, SizeIs(5));
  EXPECT_THAT(arguments[0].padded, SizeIs(0));
  EXPECT_FALSE(arguments[0].cold);
  EXPECT_TRUE(arguments[1].cold);
  ASSERT_THAT(arguments[1].padded, SizeIs(1));
  EXPECT_EQ(arguments[1].padded[0].limit, 20);
  EXPECT_EQ(arguments[2].shape, Shape({32}));
  EXPECT_EQ(arguments[2].padded[0].limit, 20);
  EXPECT_THAT(arguments[3].padded, SizeIs(1));
  ASSERT_THAT(arguments[4].padded, SizeIs(1));
  EXPECT_EQ(arguments[4].padded[0].inner, 4);
}

TEST(RunArguments, FillASumsFactorsSoThatNoSigmoidSaturates) {
  const Workload workload =
      ParseWorkload("dense(float32[4,4096],float32[8,4096];,NK,)+sigmoid").value();
  const std::vector<RunArgument> arguments = RunArguments(workload);
  std::vector<float> data(ElementsOf(arguments[0])), weight(ElementsOf(arguments[1]));
  FillInput(data.data(), arguments[0], 1);
  FillInput(weight.data(), arguments[1], 2);
  double largest = 0;
  for (int64_t m = 0; m < 4; ++m) {
    for (int64_t n = 0; n < 8; ++n) {
      const double sum =
          std::inner_product(&data[m * 4096], &data[m * 4096] + 4096, &weight[n * 4096], 0.0);
      largest = std::max(largest, std::fabs(sum));
    }
  }
  EXPECT_LT(largest, 4) << "sigmoid(4) is 0.98";
  EXPECT_GT(largest, 0.1);
}

TEST(RunSpecText, RoundTrips) {
  RunSpec spec{.library = "/a b/c.so", .seed = ~uint64_t{0}};
  spec.prepare = {{.symbol = "p", .operands = {0, 2}}};
  spec.calls = {{.symbol = "k", .extent = 7, .operands = {0, 2, 1}}};
  spec.buffers = {{.bytes = 4096, .cold = true}};
  spec.tolerance = 1e-3;
  spec.arguments = {{.shape = {1, 2, 3}, .padded = {{0, 2, 5}}, .cold = true},
                    {.dtype = DType::kBF16, .shape = {}, .amplitude = 1.0 / 64}};
  spec.reference = "/r";
  spec.drop_seconds = 1.0 / 3;
  spec.sample_calls = 4;
  spec.sample_seconds = 0.25;
  spec.cores = {0, 3};
  spec.ahead = {1};
  spec.threads = 2;
  const std::optional<RunSpec> read = ParseRunSpec(ToText(spec));
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(ToText(*read), ToText(spec));
  EXPECT_EQ(read->library, "/a b/c.so");
  EXPECT_EQ(read->drop_seconds, 1.0 / 3);
  EXPECT_EQ(read->ahead, std::vector<int>{1});
  EXPECT_EQ(read->sample_calls, 4u);
  EXPECT_EQ(read->sample_seconds, 0.25);
  EXPECT_EQ(read->arguments[1].dtype, DType::kBF16);
  EXPECT_EQ(read->arguments[1].amplitude, 1.0 / 64);
  spec.calls[0].operands = {0, 3, 1};
  EXPECT_FALSE(ParseRunSpec(ToText(spec)).has_value()) << "there is no operand 3";
  EXPECT_FALSE(ParseRunSpec("library x\nnonsense 1\n").has_value());
  EXPECT_FALSE(ParseRunSpec("").has_value());
}

}  // namespace
}  // namespace tilewright
