// Standard networks as ONNX files with seeded random weights, so that nothing has to be
// downloaded: topologies and layer shapes as published, values that keep activations sane.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace tilewright {

struct ZooOptions {
  int64_t batch = 1;
  int64_t image = 0;  // height and width; 0 = as published
  uint64_t seed = 0;
};

struct ZooEntry {
  std::string name;
  std::string summary;
  int64_t parameters = 0;  // as published, at the published image size
};
const std::vector<ZooEntry>& ZooNetworks();  // sorted by name

// The model's bytes: the same name and options give the same bytes. NotFound lists the known
// names; InvalidArgument when the batch or image is out of range or too small for the network.
absl::StatusOr<std::string> MakeZooModel(std::string_view name, const ZooOptions& options);

// The same into a file, which is made or emptied, without a second copy of the weights in memory.
// Unavailable when it cannot be written; what was written of it stays.
absl::Status WriteZooModel(std::string_view name, const ZooOptions& options,
                           const std::string& path);

}  // namespace tilewright
