// Every network of the zoo imports, with the tunable layers its publication counts.
#include <gtest/gtest.h>

#include "compiler/graph/rewrite.h"
#include "compiler/onnx/import.h"
#include "compiler/onnx/zoo/zoo.h"

namespace tilewright {
namespace {

struct Expected {
  const char* name;
  int64_t image;
  int convolutions, dense, batched;
};

class ZooImport : public testing::TestWithParam<Expected> {};

TEST_P(ZooImport, FindsTheTunableLayers) {
  const Expected expected = GetParam();
  const auto bytes = MakeZooModel(expected.name, {.image = expected.image});
  ASSERT_TRUE(bytes.ok()) << bytes.status();
  const auto graph = ImportOnnx(*bytes, {});
  ASSERT_TRUE(graph.ok()) << graph.status();
  int convolutions = 0, dense = 0, batched = 0;
  for (const Node& node : graph->nodes) {
    EXPECT_TRUE(node.op != "reshape" || IsReshape(node.compute)) << node.name;
    if (!node.workload) continue;
    dense += node.workload->op == "dense";
    batched += node.workload->op == "batch_matmul";
    convolutions += node.workload->op == "conv2d" || node.workload->op == "depthwise_conv2d";
  }
  EXPECT_EQ(convolutions, expected.convolutions);
  EXPECT_EQ(dense, expected.dense);
  EXPECT_EQ(batched, expected.batched);
}

INSTANTIATE_TEST_SUITE_P(
    Networks, ZooImport,
    testing::Values(Expected{"resnet18", 0, 20, 1, 0}, Expected{"resnet50", 0, 53, 1, 0},
                    Expected{"mobilenet_v1", 0, 27, 1, 0}, Expected{"mobilenet_v2", 0, 52, 1, 0},
                    Expected{"squeezenet1_1", 0, 26, 0, 0}, Expected{"vgg16", 0, 13, 3, 0},
                    Expected{"inception_v3", 0, 94, 1, 0}, Expected{"densenet121", 0, 120, 1, 0},
                    // 12 layers of 4 projections and 2 feed-forward products, and the pooler.
                    Expected{"bert_base", 0, 0, 73, 24}, Expected{"mlp", 0, 0, 3, 0},
                    Expected{"resnet101", 0, 104, 1, 0}, Expected{"cifar_resnet20", 0, 21, 1, 0},
                    // 16 convolutions of 8 gates among them.
                    Expected{"mobilenet_v3_large", 0, 62, 2, 0},
                    Expected{"efficientnet_b0", 0, 81, 1, 0},
                    Expected{"lraspp_mobilenet_v3", 0, 66, 0, 0}, Expected{"vit_b16", 0, 1, 49, 24},
                    Expected{"stories15m", 0, 0, 43, 12},
                    // The mean of the boxes' distances is a product.
                    Expected{"yolov8n", 0, 63, 1, 0}, Expected{"ssd300_vgg16", 0, 35, 0, 0},
                    Expected{"ssd512_resnet50", 0, 73, 0, 0}),
    [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace tilewright
