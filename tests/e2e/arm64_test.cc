// Networks compiled for 64-bit ARM CPUs with and without SVE give, on those CPUs as QEMU models
// them, what they give here.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <ostream>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "base/rng.h"
#include "cli/npz/npz.h"
#include "tests/cli/command_line.h"

namespace tilewright {
namespace {

struct Cpu {
  const char* name;
  const char* compiled_for;
  const char* run_on;  // QEMU's name
  friend std::ostream& operator<<(std::ostream& out, const Cpu& cpu) { return out << cpu.name; }
};

const Cpu kCpus[] = {{"Neon", "cortex-a72", "cortex-a72"},
                     {"Sve256", "neoverse-v1", "max,sve-default-vector-length=32"},
                     {"Sve512", "a64fx", "a64fx"}};

std::vector<float> Floats(const std::string& bytes) {
  std::vector<float> values(bytes.size() / sizeof(float));
  std::memcpy(values.data(), bytes.data(), values.size() * sizeof(float));
  return values;
}

// A zoo's network in m.onnx, compiled for targets.
class Compiled {
 public:
  // The package for a target, run by a command; all outputs as one list.
  std::vector<float> Outputs(const std::string& target, const std::string& runner) {
    const CommandResult compiled =
        tw_.Run(absl::StrCat("compile m.onnx --records none --target '", target, "' -o p.tar"));
    EXPECT_EQ(compiled.exit_code, 0) << compiled.err;
    const std::string run = absl::StrCat(runner, " ", tw_ / "p.tar", " ", tw_ / "out.bin");
    EXPECT_EQ(std::system(run.c_str()), 0) << run;
    return Floats(ReadAll(tw_ / "out.bin"));
  }
  CommandLine& command() { return tw_; }

 private:
  CommandLine tw_;
};

// On an ARM CPU, by QEMU's name.
std::string OnArm64(const char* cpu) {
  return absl::StrReplaceAll(RUN_PACKAGE_ARM64, {{"%s", cpu}});
}

// Every element at most `tolerance` of the largest from what is expected.
void ExpectNear(const std::vector<float>& got, const std::vector<float>& expected,
                float tolerance) {
  ASSERT_FALSE(expected.empty());
  ASSERT_EQ(got.size(), expected.size());
  float scale = 0;
  for (float value : expected) scale = std::max(scale, std::abs(value));
  ASSERT_GT(scale, 0);
  for (size_t i = 0; i < got.size(); ++i) {
    // Written so that a NaN fails.
    ASSERT_TRUE(std::abs(got[i] - expected[i]) <= tolerance * scale)
        << "element " << i << ": " << got[i] << " instead of " << expected[i];
  }
}

class Arm64 : public testing::TestWithParam<std::tuple<std::string, Cpu>> {
 protected:
  void SetUp() override {
    const std::string network = std::get<0>(GetParam());
    const std::string image = network == "mlp" ? "" : " --image 64";
    const std::string zoo = absl::StrCat("zoo ", network, image, " -o m.onnx");
    ASSERT_EQ(network_.command().Run(zoo).exit_code, 0);
  }

  Compiled network_;
};

TEST_P(Arm64, GivesWhatThisMachineGives) {
  const Cpu& cpu = std::get<1>(GetParam());
  const std::vector<float> expected = network_.Outputs("cpu", RUN_PACKAGE);
  const std::string target =
      absl::StrCat("cpu -mtriple=aarch64-linux-gnu -mcpu=", cpu.compiled_for);
  ExpectNear(network_.Outputs(target, OnArm64(cpu.run_on)), expected, 1e-4f);
}

// Calibrated by numbers that are as large as those it is run on.
void QuantizeZoo(const std::string& network, CommandLine& tw) {
  ASSERT_EQ(tw.Run(absl::StrCat("zoo ", network, " --image 64 -o f.onnx")).exit_code, 0);
  Rng rng(3);
  const std::vector<int64_t> shape = {2, 3, 64, 64};
  std::vector<float> values(2 * 3 * 64 * 64);
  for (float& value : values) value = static_cast<float>(2 * rng.Unit() - 1);
  const std::string bytes(reinterpret_cast<const char*>(values.data()),
                          values.size() * sizeof(float));
  ASSERT_TRUE(WriteNpz(tw / "images.npz", {{"data", "float32", shape, bytes}}).ok());
  const CommandResult result = tw.Run("quantize f.onnx --calibration images.npz -o m.onnx");
  ASSERT_EQ(result.exit_code, 0) << result.err;
}

// In int16 where there are no byte dots, by usdot and by vpdpbusd where there are: integers are the
// same, a sum of floats (the pooling's) may round to the next quantum.
TEST(Arm64Quantized, GivesWhatThisMachineGivesWithAndWithoutByteDots) {
  for (const char* network : {"squeezenet1_1", "mobilenet_v2"}) {
    SCOPED_TRACE(network);
    Compiled quantized;
    ASSERT_NO_FATAL_FAILURE(QuantizeZoo(network, quantized.command()));
    const std::vector<float> expected = quantized.Outputs("cpu -mcpu=x86-64-v3", RUN_PACKAGE);
    ExpectNear(quantized.Outputs("cpu", RUN_PACKAGE), expected, 0.03f);
    for (const Cpu& cpu : {kCpus[0], kCpus[1]}) {
      SCOPED_TRACE(cpu.name);
      const std::string target =
          absl::StrCat("cpu -mtriple=aarch64-linux-gnu -mcpu=", cpu.compiled_for);
      ExpectNear(quantized.Outputs(target, OnArm64(cpu.run_on)), expected, 0.03f);
    }
  }
}

// Nothing runs, so any machine will do.
TEST(Avx512Quantized, MultipliesBytesWithoutWidening) {
  CommandLine tw;
  ASSERT_NO_FATAL_FAILURE(QuantizeZoo("squeezenet1_1", tw));
  const CommandResult compiled =
      tw.Run("compile m.onnx --records none --target 'cpu -mcpu=cascadelake' --dump d -o p.tar");
  ASSERT_EQ(compiled.exit_code, 0) << compiled.err;
  const std::string assembly = ReadAll(tw / "d/kernels/kernels.s");
  EXPECT_NE(assembly.find("vpdpbusd"), std::string::npos);
  EXPECT_EQ(assembly.find("vpdpwssd"), std::string::npos);
}

TEST(Arm64Cpu, ThatLacksSomethingIsToldWhat) {
  const CommandLine tw;
  ASSERT_EQ(tw.Run("zoo mlp -o m.onnx").exit_code, 0);
  ASSERT_EQ(tw.Run("compile m.onnx --records none -o p.tar --target "
                   "'cpu -mtriple=aarch64-linux-gnu -mcpu=neoverse-v1'")
                .exit_code,
            0);
  const std::string run =
      absl::StrCat(absl::StrReplaceAll(RUN_PACKAGE_ARM64, {{"%s", "cortex-a72"}}), " ",
                   tw / "p.tar", " ", tw / "out.bin", " 2>", tw / "error.txt");
  EXPECT_NE(std::system(run.c_str()), 0);
  const std::string error = ReadAll(tw / "error.txt");
  for (const char* feature : {"sve", "i8mm", "bf16", "asimddp"}) {
    EXPECT_NE(error.find(feature), std::string::npos) << error;
  }
}

INSTANTIATE_TEST_SUITE_P(Networks, Arm64,
                         testing::Combine(testing::Values<std::string>("mlp", "squeezenet1_1",
                                                                       "mobilenet_v2"),
                                          testing::ValuesIn(kCpus)),
                         [](const auto& info) {
                           return absl::StrCat(std::get<0>(info.param),
                                               std::get<1>(info.param).name);
                         });

}  // namespace
}  // namespace tilewright
