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

class Arm64 : public testing::TestWithParam<std::tuple<std::string, Cpu>> {
 protected:
  void SetUp() override {
    const std::string network = std::get<0>(GetParam());
    const std::string image = network == "mlp" ? "" : " --image 64";
    ASSERT_EQ(tw_.Run(absl::StrCat("zoo ", network, image, " -o m.onnx")).exit_code, 0);
  }

  // The package for a target, run by a command; all outputs as one list.
  std::vector<float> Outputs(const std::string& target, const std::string& runner) {
    const CommandResult compiled =
        tw_.Run(absl::StrCat("compile m.onnx --records none --target '", target, "' -o p.tar"));
    EXPECT_EQ(compiled.exit_code, 0) << compiled.err;
    const std::string run = absl::StrCat(runner, " ", tw_ / "p.tar", " ", tw_ / "out.bin");
    EXPECT_EQ(std::system(run.c_str()), 0) << run;
    const std::string bytes = ReadAll(tw_ / "out.bin");
    std::vector<float> values(bytes.size() / sizeof(float));
    std::memcpy(values.data(), bytes.data(), values.size() * sizeof(float));
    return values;
  }

  CommandLine tw_;
};

TEST_P(Arm64, GivesWhatThisMachineGives) {
  const Cpu& cpu = std::get<1>(GetParam());
  const std::vector<float> expected = Outputs("cpu", RUN_PACKAGE);
  const std::vector<float> arm =
      Outputs(absl::StrCat("cpu -mtriple=aarch64-linux-gnu -mcpu=", cpu.compiled_for),
              absl::StrReplaceAll(RUN_PACKAGE_ARM64, {{"%s", cpu.run_on}}));
  ASSERT_FALSE(expected.empty());
  ASSERT_EQ(arm.size(), expected.size());
  float scale = 0;
  for (float value : expected) scale = std::max(scale, std::abs(value));
  ASSERT_GT(scale, 0);
  for (size_t i = 0; i < arm.size(); ++i) {
    // Written so that a NaN fails.
    ASSERT_TRUE(std::abs(arm[i] - expected[i]) <= 1e-4f * scale)
        << "element " << i << ": " << arm[i] << " instead of " << expected[i];
  }
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
