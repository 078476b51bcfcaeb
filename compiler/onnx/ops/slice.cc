// Slice and Split: parts of a tensor by shifted and strided indices.
#include <algorithm>
#include <numeric>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "compiler/onnx/tensor_ops.h"

namespace tilewright::onnx_ops {
namespace {

// Output index i of a dimension reads input index start + i * step.
struct Part {
  int64_t start = 0, step = 1, extent = 0;
};

absl::StatusOr<ValueId> Take(OpBuilder& b, std::string op, const std::vector<Part>& parts) {
  Shape shape;
  for (const Part& part : parts) shape.push_back(part.extent);
  if (shape == b.ShapeOf(b.Input(0)) &&
      std::all_of(parts.begin(), parts.end(), [](const Part& part) { return part.step == 1; })) {
    return b.Input(0);
  }
  return b.Emit({.op = std::move(op),
                 .inputs = {b.Input(0)},
                 .type = {b.DTypeOf(b.Input(0)), std::move(shape)},
                 .body = [&](const Point& p) {
                   Exprs at;
                   for (size_t d = 0; d < parts.size(); ++d) {
                     at.push_back(p.axes[d] * parts[d].step + parts[d].start);
                   }
                   return p.Load(0, std::move(at));
                 }});
}

std::vector<Part> WholeOf(const Shape& shape) {
  std::vector<Part> parts;
  for (int64_t extent : shape) parts.push_back({.extent = extent});
  return parts;
}

// numpy's rule: negative bounds count from the end, then both are clamped to what exists.
absl::StatusOr<Part> ClampPart(int64_t start, int64_t end, int64_t step, int64_t extent) {
  if (step == 0 || step == INT64_MIN) {
    return absl::InvalidArgumentError(absl::StrCat("step ", step, " makes no slice"));
  }
  const int64_t lo = step > 0 ? 0 : -1, hi = step > 0 ? extent : extent - 1;
  const auto clamp = [&](int64_t i) { return std::clamp(i < 0 ? i + extent : i, lo, hi); };
  Part part{.start = clamp(start), .step = step};
  const int64_t distance = step > 0 ? clamp(end) - part.start : part.start - clamp(end);
  const int64_t stride = std::abs(step);
  part.extent = distance <= 0 ? 0 : (distance - 1) / stride + 1;
  if (part.extent <= 1) part.step = 1;  // unused, and possibly huge
  return part;
}

struct Bounds {
  std::vector<int64_t> starts, ends, axes, steps;
};

absl::StatusOr<Outputs> SliceBy(OpBuilder& b, Bounds bounds) {
  const Shape shape = b.ShapeOf(b.Input(0));
  const size_t n = bounds.starts.size();
  if (bounds.axes.empty()) {
    bounds.axes.resize(n);
    std::iota(bounds.axes.begin(), bounds.axes.end(), 0);
  }
  if (bounds.steps.empty()) bounds.steps.assign(n, 1);
  if (bounds.ends.size() != n || bounds.axes.size() != n || bounds.steps.size() != n) {
    return absl::InvalidArgumentError("starts, ends, axes and steps differ in length");
  }
  TW_RETURN_IF_ERROR(NormalizeAxes(bounds.axes, shape.size()).status());
  std::vector<Part> parts = WholeOf(shape);
  for (size_t i = 0; i < n; ++i) {
    TW_ASSIGN_OR_RETURN(const size_t d, NormalizeAxis(bounds.axes[i], shape.size()));
    TW_ASSIGN_OR_RETURN(parts[d],
                        ClampPart(bounds.starts[i], bounds.ends[i], bounds.steps[i], shape[d]));
  }
  return Take(b, "slice", parts);
}

absl::StatusOr<Outputs> SliceByAttributes(OpBuilder& b) {
  return SliceBy(
      b, {.starts = b.Ints("starts", {}), .ends = b.Ints("ends", {}), .axes = b.Ints("axes", {})});
}

absl::StatusOr<Outputs> SliceByInputs(OpBuilder& b) {
  Bounds bounds;
  TW_ASSIGN_OR_RETURN(bounds.starts, b.ConstInts(1, "starts"));
  TW_ASSIGN_OR_RETURN(bounds.ends, b.ConstInts(2, "ends"));
  if (b.HasInput(3)) {
    TW_ASSIGN_OR_RETURN(bounds.axes, b.ConstInts(3, "axes"));
  }
  if (b.HasInput(4)) {
    TW_ASSIGN_OR_RETURN(bounds.steps, b.ConstInts(4, "steps"));
  }
  return SliceBy(b, std::move(bounds));
}

// Sizes of the parts: given (attribute up to opset 12, then an input), or equal ones, the last
// being smaller when num_outputs (opset 18) does not divide.
absl::StatusOr<std::vector<int64_t>> PartSizes(OpBuilder& b, int64_t extent) {
  if (b.HasInput(1)) return b.ConstInts(1, "split");
  if (b.HasAttr("split")) return b.Ints("split", {});
  const int64_t count = static_cast<int64_t>(b.num_outputs());
  if (b.Int("num_outputs", count) != count || count == 0) {
    return absl::InvalidArgumentError("num_outputs differs from the outputs there are");
  }
  const int64_t size = (extent + count - 1) / count;
  std::vector<int64_t> sizes(static_cast<size_t>(count), size);
  sizes.back() = extent - size * (count - 1);
  return sizes;
}

absl::StatusOr<Outputs> Split(OpBuilder& b) {
  const Shape shape = b.ShapeOf(b.Input(0));
  TW_ASSIGN_OR_RETURN(const size_t axis, NormalizeAxis(b.Int("axis", 0), shape.size()));
  TW_ASSIGN_OR_RETURN(const std::vector<int64_t> sizes, PartSizes(b, shape[axis]));
  const auto bad = [&](int64_t size) { return size < 0 || size > shape[axis]; };
  if (std::any_of(sizes.begin(), sizes.end(), bad) ||
      std::accumulate(sizes.begin(), sizes.end(), int64_t{0}) != shape[axis]) {
    return absl::InvalidArgumentError(
        absl::StrCat("the parts do not add up to the extent ", shape[axis]));
  }
  std::vector<Part> parts = WholeOf(shape);
  std::vector<ValueId> outputs;
  int64_t start = 0;
  for (int64_t size : sizes) {
    parts[axis] = {.start = start, .extent = size};
    TW_ASSIGN_OR_RETURN(const ValueId part, Take(b, "split", parts));
    outputs.push_back(part);
    start += size;
  }
  return Outputs(std::move(outputs));
}

}  // namespace

OpList slice() {
  return {
      {"Slice", 1, 1, SliceByAttributes}, {"Slice", 10, 3, SliceByInputs}, {"Split", 2, 1, Split}};
}

}  // namespace tilewright::onnx_ops
