// The plain definitions, interpreted, against convolutions and products written by hand.
#include "compiler/operators/define.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/rng.h"
#include "compiler/core/layout.h"
#include "compiler/loop/interpret.h"
#include "compiler/loop/text.h"
#include "compiler/operators/workload_rules.h"

namespace tilewright {
namespace {

Tensor Random(const Shape& shape, Rng* rng) {
  Tensor tensor(TensorType{.dtype = DType::kF32, .shape = shape});
  for (int64_t i = 0; i < tensor.size(); ++i) {
    tensor.as<float>()[i] = static_cast<float>(rng->Uniform(-1, 1));
  }
  return tensor;
}

// Element of a plain row-major tensor.
float At(const Tensor& t, const Shape& index) {
  int64_t offset = 0;
  for (size_t d = 0; d < index.size(); ++d) offset = offset * t.shape()[d] + index[d];
  return t.as<float>()[offset];
}

// Direct convolution of plain tensors, independent of everything under test.
Tensor Convolve(const Workload& w, const Tensor& data, const Tensor& weight) {
  const Shape out_shape = OutputShape(w);
  Tensor out(TensorType{.dtype = DType::kF32, .shape = out_shape});
  const Shape& k = weight.shape();
  const int64_t per_group = out_shape[1] / w.Attr("groups")[0];
  float* next = out.as<float>();
  for (int64_t n = 0; n < out_shape[0]; ++n)
    for (int64_t o = 0; o < out_shape[1]; ++o)
      for (int64_t y = 0; y < out_shape[2]; ++y)
        for (int64_t x = 0; x < out_shape[3]; ++x) {
          float sum = 0;
          for (int64_t c = 0; c < k[1]; ++c)
            for (int64_t i = 0; i < k[2]; ++i)
              for (int64_t j = 0; j < k[3]; ++j) {
                const int64_t h =
                    y * w.Attr("strides")[0] + i * w.Attr("dilation")[0] - w.Attr("padding")[0];
                const int64_t v =
                    x * w.Attr("strides")[1] + j * w.Attr("dilation")[1] - w.Attr("padding")[1];
                if (h < 0 || v < 0 || h >= data.shape()[2] || v >= data.shape()[3]) continue;
                sum += At(data, {n, o / per_group * k[1] + c, h, v}) * At(weight, {o, c, i, j});
              }
          *next++ = sum;
        }
  return out;
}

Layout LayoutOf(const std::string& name) { return Layout::Parse(name).value(); }

// Runs the definition on packed copies of plain tensors; the output stays packed.
Tensor RunDefinition(const Workload& w, std::vector<Tensor> args) {
  const Program program = LowerPlain(Define(w));
  args.emplace_back(ArgumentTypes(w).back());
  const absl::Status status = Interpret(program, args);
  EXPECT_TRUE(status.ok()) << status << "\n" << Print(program);
  return args.back();
}

void ExpectClose(const Tensor& actual, const Tensor& expected) {
  ASSERT_EQ(actual.type(), expected.type());
  for (int64_t i = 0; i < actual.size(); ++i) {
    ASSERT_NEAR(actual.as<float>()[i], expected.as<float>()[i], 1e-5) << "element " << i;
  }
}

Workload Parsed(const std::string& key) {
  absl::StatusOr<Workload> workload = ParseWorkload(key);
  EXPECT_TRUE(workload.ok()) << workload.status();
  return std::move(workload).value();
}

class DefineConv : public testing::TestWithParam<std::string> {};

TEST_P(DefineConv, ComputesTheConvolutionInItsLayouts) {
  const Workload w = Parsed(GetParam());
  Rng rng(7);
  const Tensor data = Random(w.inputs[0].shape, &rng);
  const Tensor weight = Random(w.inputs[1].shape, &rng);
  const Tensor out = RunDefinition(w, {PackTensor(data, LayoutOf(w.data_layout)),
                                       PackTensor(weight, LayoutOf(w.weight_layout))});
  ExpectClose(out, PackTensor(Convolve(w, data, weight), LayoutOf(w.out_layout)));
}

INSTANTIATE_TEST_SUITE_P(
    Layouts, DefineConv,
    testing::Values(
        // plain, blocked, blocked with padding lanes, and mixed blocks
        "conv2d(float32[1,3,9,8],float32[5,3,3,3];dilation=1,1;groups=1;padding=1,1,1,1;"
        "strides=2,2;NCHW,OIHW,NCHW)",
        "conv2d(float32[2,8,6,6],float32[8,8,3,3];dilation=1,1;groups=1;padding=1,1,1,1;"
        "strides=1,1;NCHW4c,OIHW4i4o,NCHW4c)",
        "conv2d(float32[1,3,7,7],float32[6,3,3,2];dilation=2,1;groups=1;padding=2,0,1,1;"
        "strides=1,2;NCHW,OIHW4o,NCHW4c)",
        "conv2d(float32[1,5,5,5],float32[6,5,1,1];dilation=1,1;groups=1;padding=0,0,0,0;"
        "strides=1,1;NCHW2c,OIHW4i8o,NCHW4c)",
        "conv2d(float32[1,4,5,5],float32[6,4,1,1];dilation=1,1;groups=1;padding=0,0,0,0;"
        "strides=1,1;NCHW4c,OIHW,NCHW4c)",
        // groups that are no multiple of the block
        "conv2d(float32[1,6,5,5],float32[9,2,3,3];dilation=1,1;groups=3;padding=1,1,1,1;"
        "strides=1,1;NCHW4c,OIHW4o,NCHW4c)",
        "conv2d(float32[1,8,5,5],float32[8,4,3,3];dilation=1,1;groups=2;padding=1,1,1,1;"
        "strides=1,1;NCHW4c,OIHW4i4o,NCHW4c)"));

INSTANTIATE_TEST_SUITE_P(
    Depthwise, DefineConv,
    testing::Values("depthwise_conv2d(float32[1,6,7,7],float32[6,1,3,3];dilation=1,1;groups=6;"
                    "padding=1,1,1,1;strides=2,2;NCHW,OIHW,NCHW)",
                    "depthwise_conv2d(float32[1,6,7,7],float32[6,1,3,3];dilation=1,1;groups=6;"
                    "padding=1,1,1,1;strides=1,1;NCHW4c,OIHW4o,NCHW4c)",
                    "depthwise_conv2d(float32[1,6,7,7],float32[6,1,3,3];dilation=1,1;groups=6;"
                    "padding=1,1,1,1;strides=1,1;NCHW,OIHW,NCHW4c)"));

TEST(DefineDense, MultipliesByTheTransposedWeight) {
  const Workload w = Parsed("dense(float32[3,5],float32[10,5];,NK4n,)");
  Rng rng(3);
  const Tensor data = Random({3, 5}, &rng);
  const Tensor weight = Random({10, 5}, &rng);
  const Tensor out = RunDefinition(w, {data, PackTensor(weight, LayoutOf("NK4n"))});
  for (int64_t m = 0; m < 3; ++m) {
    for (int64_t n = 0; n < 10; ++n) {
      float sum = 0;
      for (int64_t k = 0; k < 5; ++k) sum += At(data, {m, k}) * At(weight, {n, k});
      EXPECT_NEAR(At(out, {m, n}), sum, 1e-5);
    }
  }
}

TEST(DefineBatchMatmul, MultipliesEachOfTheBatch) {
  const Workload w = Parsed("batch_matmul(float32[2,3,4],float32[2,4,5];,,)");
  Rng rng(3);
  const Tensor a = Random({2, 3, 4}, &rng);
  const Tensor b = Random({2, 4, 5}, &rng);
  const Tensor out = RunDefinition(w, {a, b});
  float sum = 0;
  for (int64_t k = 0; k < 4; ++k) sum += At(a, {1, 2, k}) * At(b, {1, k, 3});
  EXPECT_NEAR(At(out, {1, 2, 3}), sum, 1e-5);
}

TEST(DefineEpilogue, AppliesItsStepsInOrder) {
  const Workload w = Parsed("dense(float32[2,3],float32[4,3];,NK,)+bias+add+clip(-0.5,0.5)+tanh");
  Rng rng(5);
  const Tensor data = Random({2, 3}, &rng), weight = Random({4, 3}, &rng);
  const Tensor bias = Random({4}, &rng), residual = Random({2, 4}, &rng);
  const Tensor out = RunDefinition(w, {data, weight, bias, residual});
  for (int64_t m = 0; m < 2; ++m) {
    for (int64_t n = 0; n < 4; ++n) {
      float sum = At(bias, {n}) + At(residual, {m, n});
      for (int64_t k = 0; k < 3; ++k) sum += At(data, {m, k}) * At(weight, {n, k});
      EXPECT_NEAR(At(out, {m, n}), std::tanh(std::fmin(std::fmax(sum, -0.5f), 0.5f)), 1e-5);
    }
  }
}

// The value of the definition's one element of 1 * x with the steps, whose inputs hold 0.5.
double ValueAfter(const std::string& steps, double x) {
  const Workload w = Parsed("dense(float32[1,1],float32[1,1];,NK,)" + steps);
  std::vector<Tensor> inputs;
  for (const TensorType& type : ArgumentTypes(w)) {
    inputs.emplace_back(type);
    inputs.back().as<float>()[0] = 0.5f;
  }
  inputs.pop_back();
  inputs[0].as<float>()[0] = static_cast<float>(x);
  inputs[1].as<float>()[0] = 1;
  return At(RunDefinition(w, inputs), {0, 0});
}

TEST(DefineEpilogue, EveryStepComputesItsFormula) {
  for (const double x : {-4.0, -1.5, -0.0, 0.25, 1.0, 5.0}) {
    const auto check = [&](const std::string& steps, double expected) {
      EXPECT_NEAR(ValueAfter(steps, x), expected, 1e-6) << steps << " of " << x;
    };
    check("+bias", x + 0.5);
    check("+add", x + 0.5);
    check("+relu", std::fmax(x, 0));
    check("+clip(-inf,1)", std::fmin(x, 1));
    check("+clip(-1,inf)", std::fmax(x, -1));
    check("+sigmoid", 1 / (1 + std::exp(-x)));
    check("+tanh", std::tanh(x));
    check("+linear(2,3)", 2 * x + 3);
    check("+scale", x / 2);
    check("+mul", x / 2);
    check("+leaky_relu(0.25)", x < 0 ? x / 4 : x);
    check("+prelu", x < 0 ? x / 2 : x);
    check("+silu", x / (1 + std::exp(-x)));
    check("+hard_swish", x * std::fmin(std::fmax(x + 3, 0), 6) / 6);
    check("+gelu", x * std::erfc(-x / std::sqrt(2.0)) / 2);
    check("+gelu_tanh", x / 2 * (1 + std::tanh(0.7978845608 * (x + 0.044715 * x * x * x))));
  }
}

// Halves round to even before the zero point is added, and what is out of range saturates.
TEST(DefineEpilogue, ARequantisationIsOneRoundingConversion) {
  const Workload w = Parsed(
      "dense(int16[1,1],int16[1,1];out=uint8;,NK,)+scale+round+clip(-101,154)+linear(1,101)");
  const Compute compute = Define(w);
  const std::string text = Print(compute.result);
  EXPECT_EQ(text.find("round"), text.rfind("round")) << text;
  EXPECT_NE(text.find("round(min(max("), std::string::npos) << text;
  for (const int sum : {-32000, -203, -202, -201, -3, -1, 0, 1, 3, 5, 305, 307, 309, 32000}) {
    std::vector<Tensor> args = {Tensor({DType::kI16, {1, 1}}), Tensor({DType::kI16, {1, 1}}),
                                Tensor({DType::kF32, {1}}), Tensor({DType::kU8, {1, 1}})};
    args[0].Set(0, sum);
    args[1].Set(0, 1);
    args[2].Set(0, 0.5);
    ASSERT_TRUE(Interpret(LowerPlain(compute), args).ok());
    const double quantum = std::nearbyint(sum / 2.0);
    EXPECT_EQ(args[3].AsDouble(0), std::fmin(std::fmax(quantum, -101), 154) + 101) << sum;
  }
}

TEST(DefineEpilogue, AFactorKeepsTheSignOfZero) {
  const double product = ValueAfter("+linear(1e-30,0)", -1e-30);  // less than any float
  EXPECT_EQ(product, 0);
  EXPECT_TRUE(std::signbit(product));
}

TEST(DefineEpilogue, NamesItsInputsByPosition) {
  const Compute compute =
      Define(Parsed("dense(float32[2,3],float32[4,3];,NK,)+bias+relu+mul+sigmoid"));
  ASSERT_EQ(compute.inputs.size(), 4u);
  EXPECT_EQ(compute.inputs[2]->name, "bias0");
  EXPECT_EQ(compute.inputs[3]->name, "residual2");
}

}  // namespace
}  // namespace tilewright
