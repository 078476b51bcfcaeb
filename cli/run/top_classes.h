// The best classes of a classifier's outputs.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cli/npz/npz.h"

namespace tilewright {

struct RankedClass {
  std::string output;
  int64_t row = 0;  // of the batch
  int64_t index = 0;
  double value = 0;
  std::string label;  // empty without labels
};

// The labels of a file: one a line, in the order of the classes. InvalidArgument when it cannot be
// read or is larger than 64 MiB.
absl::StatusOr<std::vector<std::string>> ReadLabels(const std::string& path);

// For every row of each class output the `count` classes of the largest values, falling; ties go to
// the lower index, NaN comes last. A class output is a floating-point [C] or [N, C], C > 1, with or
// without dimensions of 1 behind. Without labels the model's own, if it has some, are taken.
// InvalidArgument when no output is one, or when there are labels and not one a class.
absl::StatusOr<std::vector<RankedClass>> TopClasses(const std::vector<NpzArray>& outputs,
                                                    int64_t count,
                                                    const std::vector<std::string>& labels);

// A table.
std::string ToText(const std::vector<RankedClass>& classes);

}  // namespace tilewright
