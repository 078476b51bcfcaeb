// What one file of compiler/onnx/zoo/networks defines: `const ZooNetwork& resnet18()`.
#pragma once

#include <cstdint>

#include "compiler/onnx/zoo/layers.h"
#include "compiler/onnx/zoo/model_writer.h"
#include "compiler/onnx/zoo/zoo.h"

namespace tilewright::zoo {

struct ZooNetwork {
  const char* summary;
  int64_t image;       // published height and width; 0 = takes no image
  int64_t parameters;  // published count; running statistics of batch norms are not parameters
  // Appends the network. `options.image` is set, or 0 for a network without images.
  void (*build)(ModelWriter& net, const ZooOptions& options);
  int64_t opset = 13;
};

}  // namespace tilewright::zoo
