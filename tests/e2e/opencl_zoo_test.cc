// Every network of the zoo, small, on an OpenCL device of this machine (PoCL): untuned, it computes
// what the plain definitions compute on the CPU.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "compiler/onnx/zoo/zoo.h"
#include "tests/cli/command_line.h"

namespace tilewright {
namespace {

// The smallest image that the network takes; as published for one that takes no other.
void WriteSmall(const std::string& network, const CommandLine& tw) {
  CommandResult written;
  for (const char* image : {" --image 32", " --image 64", " --image 96", ""}) {
    written = tw.Run("zoo " + network + image + " -o m.onnx");
    if (written.exit_code == 0) return;
  }
  FAIL() << written.err;
}

class OpenClZoo : public testing::TestWithParam<std::string> {};

TEST_P(OpenClZoo, ComputesWhatTheReferenceDoes) {
  const CommandLine tw;
  WriteSmall(GetParam(), tw);
  for (const char* options :
       {"--reference -o reference.tar", "--target opencl --records none -o device.tar"}) {
    const CommandResult compiled = tw.Run(std::string("compile m.onnx ") + options);
    ASSERT_EQ(compiled.exit_code, 0) << compiled.err;
  }
  const CommandResult compared =
      tw.Run("compare device.tar --reference reference.tar --repeat 1 --json");
  ASSERT_EQ(compared.exit_code, 0) << compared.err;
  for (const auto& row : nlohmann::json::parse(compared.out)) {
    EXPECT_LE(row["error"].get<double>(), 1e-4) << row.dump();
  }
}

std::vector<std::string> Names() {
  std::vector<std::string> names;
  for (const ZooEntry& entry : ZooNetworks()) names.push_back(entry.name);
  return names;
}
INSTANTIATE_TEST_SUITE_P(Networks, OpenClZoo, testing::ValuesIn(Names()),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace tilewright
