// Operators that ONNX Runtime's quantiser and optimiser write, whose data are rounded to 8 bits by
// their own range or by scales of the model.
#include <gtest/gtest.h>

#include <algorithm>

#include "base/rng.h"
#include "tests/onnx/run_both.h"

namespace tilewright {
namespace {

using onnx::TensorProto;

// Integers of a byte, or floats of [-1, 1).
Tensor Drawn(DType dtype, const Shape& shape, Rng& rng) {
  Tensor tensor({dtype, shape});
  for (int64_t i = 0; i < tensor.size(); ++i) {
    tensor.Set(i, IsFloat(dtype) ? rng.Uniform(-1, 1) : static_cast<double>(rng.Below(256)) - 128);
  }
  return tensor;
}

void AddConstant(ModelBuilder& m, const std::string& name, const Tensor& tensor) {
  TensorProto& proto = *m.graph().add_initializer();
  proto.set_name(name);
  proto.set_data_type(tensor.dtype() == DType::kF32  ? TensorProto::FLOAT
                      : tensor.dtype() == DType::kI8 ? TensorProto::INT8
                                                     : TensorProto::UINT8);
  for (int64_t dim : tensor.shape()) proto.add_dims(dim);
  proto.set_raw_data(tensor.data(), static_cast<size_t>(tensor.bytes()));
}

void AddNumber(ModelBuilder& m, const std::string& name, DType dtype, double value) {
  Tensor tensor({dtype, {}});
  tensor.Set(0, value);
  AddConstant(m, name, tensor);
}

// Multiples of 1/64 from -128/64 to 127/64, both of which are there: 8 bits hold them exactly.
Tensor Of8Bits(const Shape& shape, Rng& rng) {
  Tensor tensor({DType::kF32, shape});
  for (int64_t i = 0; i < tensor.size(); ++i) {
    tensor.Set(i, (static_cast<double>(rng.Below(256)) - 128) / 64);
  }
  tensor.Set(0, -2), tensor.Set(1, 127.0 / 64);
  return tensor;
}

// Integers that are the weights exactly, and for one step the data and the state too: both
// operators compute the same. Further states are rounded.
void ExpectAnLstmOfIntegers(int64_t steps, double tolerance) {
  SCOPED_TRACE(steps);
  Rng rng(7);
  ModelBuilder m(14);
  m.Input("x", {steps, 2, 5});
  AddConstant(m, "h0", Of8Bits({1, 2, 4}, rng));
  for (const auto& [name, inputs] : {std::pair("W", 5), {"R", 4}}) {
    const Tensor integers = Drawn(DType::kI8, {1, inputs, 16}, rng);
    Tensor real({DType::kF32, {1, 16, inputs}}), scales({DType::kF32, {1, 16}});
    for (int64_t gate = 0; gate < 16; ++gate) {
      scales.Set(gate, gate % 2 == 0 ? 1.0 / 64 : 1.0 / 128);
      for (int64_t k = 0; k < inputs; ++k) {
        real.Set(gate * inputs + k, (integers.AsDouble(k * 16 + gate) - 2) * scales.AsDouble(gate));
      }
    }
    AddConstant(m, name, real);
    AddConstant(m, std::string(name) + "_q", integers);
    AddConstant(m, std::string(name) + "_s", scales);
    AddNumber(m, std::string(name) + "_z", DType::kI8, 2);
  }
  AddConstant(m, "B", Drawn(DType::kF32, {1, 32}, rng));
  SetInt(m.Node("LSTM", {"x", "W", "R", "B", "", "h0"}, {"y", "h", "c"}), "hidden_size", 4);
  onnx::NodeProto& node = m.Node(
      "DynamicQuantizeLSTM", {"x", "W_q", "R_q", "B", "", "h0", "", "", "W_s", "W_z", "R_s", "R_z"},
      {"y_q", "h_q", "c_q"});
  node.set_domain("com.microsoft");
  SetInt(node, "hidden_size", 4);
  for (const char* output : {"y", "c", "y_q", "c_q"}) m.Output(output);
  const auto outputs = RunBoth(m, {{"x", Of8Bits({steps, 2, 5}, rng)}}, std::max(1e-5, tolerance));
  ASSERT_EQ(outputs.size(), 4u);
  ExpectSame(outputs[2], outputs[0], tolerance);
  ExpectSame(outputs[3], outputs[1], tolerance);
}

TEST(RoundedData, AnLstmsProductsMayBeOfIntegers) {
  ExpectAnLstmOfIntegers(1, 1e-6);
  ExpectAnLstmOfIntegers(3, 2e-2);
}

TEST(RoundedData, DataOfAProductThat8BitsHoldAreNotRounded) {
  Rng rng(9);
  ModelBuilder m(14);
  m.Input("x", {3, 6});
  const Tensor integers = Drawn(DType::kI8, {6, 4}, rng);
  Tensor real({DType::kF32, {6, 4}});
  for (int64_t i = 0; i < real.size(); ++i) real.Set(i, (integers.AsDouble(i) - 3) / 128);
  AddConstant(m, "w", real);
  AddConstant(m, "w_q", integers);
  AddNumber(m, "w_s", DType::kF32, 1.0 / 128);
  AddNumber(m, "w_z", DType::kI8, 3);
  AddConstant(m, "bias", Drawn(DType::kF32, {4}, rng));
  m.Node("MatMul", {"x", "w"}, {"product"});
  m.Node("Add", {"product", "bias"}, {"y"});
  m.Node("DynamicQuantizeMatMul", {"x", "w_q", "w_s", "w_z", "bias"}, {"y_q"})
      .set_domain("com.microsoft");
  m.Output("y");
  m.Output("y_q");
  const auto outputs = RunBoth(m, {{"x", Of8Bits({3, 6}, rng)}}, 1e-5);
  ASSERT_EQ(outputs.size(), 2u);
  ExpectSame(outputs[1], outputs[0], 1e-6);
}

TEST(RoundedData, AnAverageIsRoundedOnceToItsScale) {
  ModelBuilder m(14);
  m.Input("x", {1, 1, 2, 4}, TensorProto::UINT8);
  AddNumber(m, "xs", DType::kF32, 0.5);
  AddNumber(m, "xz", DType::kU8, 10);
  AddNumber(m, "ys", DType::kF32, 0.25);
  AddNumber(m, "yz", DType::kU8, 4);
  onnx::NodeProto& node = m.Node("QLinearAveragePool", {"x", "xs", "xz", "ys", "yz"}, {"y"});
  node.set_domain("com.microsoft");
  SetInts(node, "kernel_shape", {2, 2});
  SetInts(node, "strides", {2, 2});
  m.Output("y");
  const Tensor x({DType::kU8, {1, 1, 2, 4}}, std::vector<uint8_t>{10, 12, 0, 0, 14, 15, 0, 1});
  // Averages above the zero point: 2.75 * 0.5 / 0.25 = 5.5, to even 6; and below: saturated.
  EXPECT_EQ(Values(RunBoth(m, {{"x", x}}, 0).at(0)), (std::vector<double>{10, 0}));
}

TEST(FusedGemm, ActivatesWhatGemmGives) {
  ModelBuilder m(14);
  m.Input("x", {1, 2});
  m.Floats("w", {2, 2}, 0.5);
  m.Floats("c", {2}, -4);
  onnx::NodeProto& node = m.Node("FusedGemm", {"x", "w", "c"}, {"y"});
  node.set_domain("com.microsoft");
  SetFloat(node, "beta", 0.5);
  SetString(node, "activation", "LeakyRelu");
  SetFloat(node, "activation_alpha", 0.1F);
  m.Output("y");
  const Tensor x({DType::kF32, {1, 2}}, std::vector<float>{1, 1});
  ExpectSame(RunBoth(m, {{"x", x}}).at(0),
             Tensor({DType::kF32, {1, 2}}, std::vector<float>{-0.1F, -0.1F}), 1e-6);
}

// Zeros have a scale too: no step gives NaN.
TEST(RoundedData, NothingButZerosIsQuantisedByOne) {
  ModelBuilder m(14);
  m.Input("x", {2, 2});
  m.Node("DynamicQuantizeLinear", {"x"}, {"y", "scale", "zero"});
  for (const char* output : {"y", "scale", "zero"}) m.Output(output);
  const auto outputs = RunBoth(m, {{"x", Tensor({DType::kF32, {2, 2}})}}, 0);
  EXPECT_EQ(Values(outputs.at(0)), std::vector<double>(4, 0));
  EXPECT_EQ(outputs.at(1).AsDouble(0), 1);
  EXPECT_EQ(outputs.at(2).AsDouble(0), 0);
}

}  // namespace
}  // namespace tilewright
