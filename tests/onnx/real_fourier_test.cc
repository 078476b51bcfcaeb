// DFT of real signals, forth and back.
#include <gtest/gtest.h>

#include "base/rng.h"
#include "tests/onnx/run_both.h"

namespace tilewright {
namespace {

Tensor RealSignal(int64_t points) {
  Rng rng(static_cast<uint64_t>(points));
  Tensor signal({DType::kF32, {2, points, 1}});
  for (int64_t i = 0; i < signal.size(); ++i) signal.Set(i, rng.Uniform(-1, 1));
  return signal;
}

// The inverse of the half that says all of a real signal; even lengths need not be told.
TEST(Dft, HalfATransformGivesTheRealSignalBack) {
  for (int64_t points : {2, 8, 13, 600}) {
    ModelBuilder m(20);
    m.Input("x", {2, points, 1});
    m.Ints("length", {points}).clear_dims();
    m.Ints("axis", {1}).clear_dims();
    SetInt(m.Node("DFT", {"x", "length", "axis"}, {"half"}), "onesided", 1);
    const std::string length = points % 2 == 0 ? "" : "length";
    onnx::NodeProto& node = m.Node("DFT", {"half", length, "axis"}, {"y"});
    SetInt(node, "onesided", 1);
    SetInt(node, "inverse", 1);
    m.Output("y");
    const Tensor x = RealSignal(points);
    const auto outputs = RunBoth(m, {{"x", x}}, 1e-4);
    ASSERT_EQ(outputs.size(), 1u);
    ASSERT_EQ(outputs[0].shape(), x.shape());
    ExpectSame(outputs[0], x, 1e-4);
  }
}

}  // namespace
}  // namespace tilewright
