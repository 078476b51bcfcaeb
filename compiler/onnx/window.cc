#include "compiler/onnx/window.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "base/strings.h"

namespace tilewright {
namespace {

// Larger values cannot be meant, and would overflow products of them.
constexpr int64_t kMaxValue = int64_t{1} << 30;

int64_t Span(const Window& w, size_t d) { return (w.kernel[d] - 1) * w.dilations[d] + 1; }

// SAME_UPPER and SAME_LOWER: the output is the input's extent over the stride, rounded up.
void PadSame(Window& w, const Shape& input, bool upper) {
  for (size_t d = 0; d < input.size(); ++d) {
    const int64_t output = (input[d] + w.strides[d] - 1) / w.strides[d];
    const int64_t total = std::max<int64_t>(0, (output - 1) * w.strides[d] + Span(w, d) - input[d]);
    w.pads_begin[d] = upper ? total / 2 : total - total / 2;
    w.pads_end[d] = total - w.pads_begin[d];
  }
}

absl::Status ReadPads(OpBuilder& b, Window& w, const Shape& input) {
  const size_t n = input.size();
  w.pads_begin.assign(n, 0);
  w.pads_end.assign(n, 0);
  const std::string mode = b.Str("auto_pad", "NOTSET");
  if (mode == "SAME_UPPER" || mode == "SAME_LOWER") {
    PadSame(w, input, mode == "SAME_UPPER");
  } else if (mode == "NOTSET") {
    const Shape pads = b.Ints("pads", Shape(2 * n, 0));
    TW_RETURN_IF_ERROR(CheckWindowValues(pads, 2 * n, 0, "pads"));
    std::copy_n(pads.begin(), n, w.pads_begin.begin());
    std::copy_n(pads.begin() + static_cast<int64_t>(n), n, w.pads_end.begin());
  } else if (mode != "VALID") {
    return absl::InvalidArgumentError(absl::StrCat("unknown auto_pad ", mode));
  }
  return absl::OkStatus();
}

// The number of positions; with ceil_mode one more when taps are left over, unless that window
// would start in the padding at the end.
int64_t OutputExtent(const Window& w, size_t d, int64_t input, bool ceil) {
  const int64_t room = input + w.pads_begin[d] + w.pads_end[d] - Span(w, d);
  if (room < 0) return 0;
  int64_t output = room / w.strides[d] + 1;
  const bool left_over = room % w.strides[d] != 0;
  if (ceil && left_over && output * w.strides[d] < input + w.pads_begin[d]) ++output;
  return output;
}

}  // namespace

absl::Status CheckWindowValues(const Shape& values, size_t count, int64_t lo,
                               std::string_view what) {
  const bool fits =
      values.size() == count && std::all_of(values.begin(), values.end(),
                                            [lo](int64_t v) { return v >= lo && v <= kMaxValue; });
  if (fits) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(Sv(what), " [", absl::StrJoin(values, ","),
                                                 "] must be ", count, " values of ", lo,
                                                 " or more"));
}

absl::StatusOr<Window> ReadWindow(OpBuilder& b, const Shape& input, Shape kernel) {
  const size_t n = input.size();
  Window w{.kernel = std::move(kernel),
           .strides = b.Ints("strides", Shape(n, 1)),
           .dilations = b.Ints("dilations", Shape(n, 1))};
  TW_RETURN_IF_ERROR(CheckWindowValues(w.kernel, n, 1, "kernel_shape"));
  TW_RETURN_IF_ERROR(CheckWindowValues(w.strides, n, 1, "strides"));
  TW_RETURN_IF_ERROR(CheckWindowValues(w.dilations, n, 1, "dilations"));
  TW_RETURN_IF_ERROR(ReadPads(b, w, input));
  for (size_t d = 0; d < n; ++d) {
    w.output.push_back(OutputExtent(w, d, input[d], b.Int("ceil_mode", 0) != 0));
    if (w.output[d] > 0) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("a window of ", Span(w, d), " does not fit the input's extent ", input[d],
                     " with pads ", w.pads_begin[d], " and ", w.pads_end[d]));
  }
  return w;
}

Expr InsideWindow(const Window& w, size_t d, int64_t extent, const Expr& position) {
  const int64_t last =
      (w.output[d] - 1) * w.strides[d] + (w.kernel[d] - 1) * w.dilations[d] - w.pads_begin[d];
  Expr inside;
  if (w.pads_begin[d] > 0) inside = Le(Int(0), position);
  if (last >= extent) inside = And(inside, Lt(position, Int(extent)));
  return inside;
}

}  // namespace tilewright
