// A search space with every point's measurement, so that strategies can be judged without a
// machine. The file is JSON, gzip-compressed or not:
//
//   {"format": "tilewright-space 1", "name": "conv2d_nchwc.cpu ...", "flops": 231211008,
//    "knobs": [{"name": "tile_oc", "candidates": [["sp", [-1, 1]], ["sp", [-1, 2]]]},
//              {"name": "unroll_kw", "candidates": [["ot", false], ["ot", true]]}],
//    "points": [[0, 1.5e-4], [2, "crash"], ...]}
//
// Candidates are AutoTVM entities; a point is its index (mixed radix, first knob lowest) and its
// seconds or a failure's name. An index that is not listed is not a valid point of the space.
// The exhaustive spaces published for Kernel Tuner ("params", "cfg", "time": one value index per
// parameter and mean milliseconds or null) and T4 results (kernel_tuner_t4.h) are read too.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "absl/status/statusor.h"
#include "compiler/core/outcome.h"
#include "compiler/schedule/config_space.h"

namespace tilewright {

struct RecordedSpace {
  std::string name;
  double flops = 1;
  ConfigSpace space;  // its constraint admits the recorded points only
  std::shared_ptr<const std::unordered_map<uint64_t, Outcome>> outcomes;

  // Of the fastest point; nullopt when every point failed.
  std::optional<double> BestSeconds() const;
};

// InvalidArgument says what is wrong. Bounded: 256 MiB of JSON, 4 million points.
absl::StatusOr<RecordedSpace> ParseRecordedSpace(std::string_view json);
absl::StatusOr<RecordedSpace> LoadRecordedSpace(const std::string& path);

// The file's text for a space and what was measured in it.
std::string RecordedSpaceJson(const std::string& name, double flops, const ConfigSpace& space,
                              const std::unordered_map<uint64_t, Outcome>& outcomes);

}  // namespace tilewright
