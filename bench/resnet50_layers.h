// The distinct convolutions of ResNet-50 v1.5 at batch 1 with their epilogues and multiplicity.
#pragma once

#include <vector>

#include "compiler/core/workload.h"

namespace tilewright {

struct Layer {
  Workload workload;
  int count;
};
std::vector<Layer> Resnet50Layers(int lanes);

}  // namespace tilewright
