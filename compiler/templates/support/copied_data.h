// What a direct convolution over channel blocks reads in place of its data where a copy pays: the
// pixels that its strides reach, side by side, or the image inside borders of zeros.
#pragma once

#include <cstdint>
#include <vector>

#include "compiler/core/tensor.h"
#include "compiler/templates/lowered_task.h"

namespace tilewright {

// copy[n, c, h, w, lane] = data[n, c, h * strides[0] - top, w * strides[1] - left, lane], zero
// where that is outside the image.
struct DataCopy {
  std::vector<int64_t> strides = {1, 1};
  int64_t top = 0, left = 0;
  int64_t height = 0, width = 0;  // of the copy
};

// The copy as a program over (data, copy). REQUIRES: data is [n, blocks, height, width, lanes].
Program CopyData(const TensorType& data, const DataCopy& copy);

// Lets the first program of `task` read what `copy` (made by CopyData) writes to scratch in place
// of the task's data. REQUIRES: it reads the data, and its operands are as many as the arguments.
void AfterCopy(Program copy, LoweredTask* task);

}  // namespace tilewright
