// The main job as a user runs it, on small images: write, compile, tune, compile again, compare.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/cli/command_line.h"

namespace tilewright {
namespace {

struct Network {
  const char* name;
  int image;  // 0 = the network's own input
};

class Zoo : public testing::TestWithParam<Network> {};

void ExpectDone(const CommandResult& result) { ASSERT_EQ(result.exit_code, 0) << result.err; }

// Every network: tuned and untuned agree with the plain definitions to 1e-4 of the output's scale.
TEST_P(Zoo, TunedAndUntunedAgreeWithTheReference) {
  const CommandLine tw;
  const std::string image =
      GetParam().image > 0 ? " --image " + std::to_string(GetParam().image) : "";
  ExpectDone(tw.Run(std::string("zoo ") + GetParam().name + image + " -o m.onnx"));
  ExpectDone(tw.Run("compile m.onnx --reference -o reference.tar"));
  ExpectDone(tw.Run("compile m.onnx --records none -o untuned.tar"));
  ExpectDone(tw.Run("tune m.onnx --records r.db --trials 48 --seed 1"));
  ExpectDone(tw.Run("compile m.onnx --records r.db -o tuned.tar"));
  const CommandResult compared =
      tw.Run("compare untuned.tar tuned.tar --reference reference.tar --repeat 1 --json");
  ExpectDone(compared);
  for (const auto& row : nlohmann::json::parse(compared.out)) {
    EXPECT_LE(row["error"].get<double>(), 1e-4) << row.dump();
  }
}

INSTANTIATE_TEST_SUITE_P(Networks, Zoo,
                         testing::Values(Network{"mlp", 0}, Network{"resnet18", 64},
                                         Network{"squeezenet1_1", 64}, Network{"mobilenet_v1", 64},
                                         Network{"mobilenet_v2", 64}, Network{"densenet121", 64},
                                         Network{"resnet50", 64}, Network{"inception_v3", 96},
                                         Network{"vgg16", 64}, Network{"bert_base", 0},
                                         Network{"cifar_resnet20", 32}, Network{"vit_b16", 64},
                                         Network{"mobilenet_v3_large", 64},
                                         Network{"efficientnet_b0", 64},
                                         Network{"lraspp_mobilenet_v3", 64},
                                         Network{"stories15m", 0}, Network{"yolov8n", 64}),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace tilewright
