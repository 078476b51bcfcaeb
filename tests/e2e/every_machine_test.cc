// Every network of the zoo at its full size, untuned, compiles for every kind of CPU.
#include <gtest/gtest.h>

#include <ostream>

#include "absl/strings/str_cat.h"
#include "tests/cli/command_line.h"

namespace tilewright {
namespace {

struct Cpu {
  const char* name;
  const char* target;
  friend std::ostream& operator<<(std::ostream& out, const Cpu& cpu) { return out << cpu.target; }
};

class EveryMachine : public testing::TestWithParam<std::tuple<std::string, Cpu>> {};

TEST_P(EveryMachine, IsCompiledForUntuned) {
  const auto& [network, cpu] = GetParam();
  const CommandLine tw;
  ASSERT_EQ(tw.Run(absl::StrCat("zoo ", network, " -o m.onnx")).exit_code, 0);
  const CommandResult compiled =
      tw.Run(absl::StrCat("compile m.onnx --records none --target '", cpu.target, "' -o p.tar"));
  EXPECT_EQ(compiled.exit_code, 0) << compiled.err;
}

const Cpu kCpus[] = {
    {"Avx2", "cpu -mcpu=haswell"},
    {"Sse", "cpu -mcpu=x86-64"},
    {"Avx512", "cpu -mcpu=skylake-avx512"},
    {"Neon", "cpu -mtriple=aarch64-linux-gnu -mcpu=cortex-a72"},
    {"Sve", "cpu -mtriple=aarch64-linux-gnu -mcpu=neoverse-v1"},
    {"RiscV", "cpu -mtriple=riscv64-linux-gnu -mcpu=sifive-x280"},
};

INSTANTIATE_TEST_SUITE_P(
    Networks, EveryMachine,
    testing::Combine(testing::Values<std::string>("mlp", "resnet18", "resnet50", "squeezenet1_1",
                                                  "mobilenet_v1", "mobilenet_v2", "densenet121",
                                                  "inception_v3", "vgg16", "bert_base"),
                     testing::ValuesIn(kCpus)),
    [](const auto& info) {
      return absl::StrCat(std::get<0>(info.param), std::get<1>(info.param).name);
    });

}  // namespace
}  // namespace tilewright
