#include "compiler/core/relative_error.h"

#include <algorithm>
#include <cmath>

namespace tilewright {

double RelativeError(const Tensor& got, const Tensor& want) {
  double error = 0, scale = 0;
  for (int64_t i = 0; i < want.size(); ++i) {
    const double expected = want.AsDouble(i);
    const double difference = std::fabs(got.AsDouble(i) - expected);
    scale = std::max(scale, std::fabs(expected));
    error = std::max(error, std::isfinite(difference) ? difference : HUGE_VAL);
  }
  return scale > 0 ? error / scale : error;
}

}  // namespace tilewright
