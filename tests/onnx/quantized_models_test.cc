// Models on eight-bit integers: what ONNX defines by integers comes out bit for bit, and layers
// between quantizers run on integers, a quantum or two from the definition in floats.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/rng.h"
#include "compiler/driver/constant_evaluator.h"
#include "compiler/graph/pipeline.h"
#include "compiler/onnx/import.h"
#include "compiler/targets/target_backend.h"
#include "tests/onnx/evaluate.h"
#include "tests/onnx/run_both.h"

namespace tilewright {
namespace {

using onnx::TensorProto;

TensorProto::DataType ProtoType(DType dtype) {
  switch (dtype) {
    case DType::kU8: return TensorProto::UINT8;
    case DType::kI8: return TensorProto::INT8;
    case DType::kI32: return TensorProto::INT32;
    case DType::kF16: return TensorProto::FLOAT16;
    default: return TensorProto::FLOAT;
  }
}

Tensor Random(DType dtype, const Shape& shape, Rng& rng) {
  Tensor tensor({dtype, shape});
  for (int64_t i = 0; i < tensor.size(); ++i) {
    const double byte = static_cast<double>(rng.Below(256)) - (IsUnsigned(dtype) ? 0 : 128);
    tensor.Set(i, IsFloat(dtype) ? rng.Uniform(-1, 1) : byte);
  }
  return tensor;
}

void Add(ModelBuilder& m, const std::string& name, const Tensor& tensor) {
  TensorProto& proto = *m.graph().add_initializer();
  proto.set_name(name);
  proto.set_data_type(ProtoType(tensor.dtype()));
  for (int64_t dim : tensor.shape()) proto.add_dims(dim);
  proto.set_raw_data(tensor.data(), tensor.bytes());
}

void AddScalar(ModelBuilder& m, const std::string& name, DType dtype, double value) {
  Tensor tensor({dtype, {}});
  tensor.Set(0, value);
  Add(m, name, tensor);
}

// Positive scales whose products with some hundred bytes stay within a few hundred quanta.
Tensor Scales(int64_t count, Rng& rng) {
  Tensor tensor({DType::kF32, {count}});
  for (int64_t i = 0; i < count; ++i) tensor.Set(i, rng.Uniform(0.001, 0.003));
  return tensor;
}

// x -> Quantize -> Dequantize under the name "<x>_dq".
struct Quanta {
  DType dtype;
  double scale;
  int zero_point;
};
std::string Requantized(ModelBuilder& m, const std::string& x, const Quanta& to) {
  AddScalar(m, x + "_s", DType::kF32, to.scale);
  AddScalar(m, x + "_z", to.dtype, to.zero_point);
  m.Node("QuantizeLinear", {x, x + "_s", x + "_z"}, {x + "_q"});
  m.Node("DequantizeLinear", {x + "_q", x + "_s", x + "_z"}, {x + "_dq"});
  return x + "_dq";
}

// A weight in int8 with a scale a channel along `axis`, dequantised.
struct WeightShape {
  Shape shape;
  int64_t axis = 0;
};
std::string Weight(ModelBuilder& m, const std::string& name, const WeightShape& of, Rng& rng) {
  const auto& [shape, axis] = of;
  Add(m, name + "_q", Random(DType::kI8, shape, rng));
  Add(m, name + "_s", Scales(shape[axis], rng));
  SetInt(m.Node("DequantizeLinear", {name + "_q", name + "_s"}, {name}), "axis", axis);
  return name;
}

void Conv(ModelBuilder& m, const std::vector<std::string>& inputs, const std::string& output,
          int64_t groups = 1) {
  onnx::NodeProto& node = m.Node("Conv", inputs, {output});
  SetInts(node, "pads", {1, 1, 1, 1});
  SetInt(node, "group", groups);
}

// conv -> relu -> depthwise conv -> conv, added to the relu, pooled, and a matrix product, with
// quantizers around each.
ModelBuilder QuantizedNetwork(DType dtype, int zero_point, Rng& rng) {
  ModelBuilder m;
  m.Input("x", {1, 3, 9, 7});
  const auto q = [&](const std::string& x, double scale) {
    return Requantized(m, x, {dtype, scale, zero_point});
  };
  Add(m, "bias", Random(DType::kF32, {20}, rng));
  const std::string x = q("x", 0.02);
  Conv(m, {x, Weight(m, "w1", {{20, 3, 3, 3}}, rng), "bias"}, "c1");
  m.Node("Relu", {"c1"}, {"r1"});
  const std::string r1 = q("r1", 0.03);
  Conv(m, {r1, Weight(m, "w2", {{20, 1, 3, 3}}, rng)}, "c2", 20);
  const std::string c2 = q("c2", 0.03);
  Conv(m, {c2, Weight(m, "w3", {{20, 20, 3, 3}}, rng), "bias"}, "c3");
  const std::string c3 = q("c3", 0.05);
  m.Node("Add", {c3, r1}, {"sum"});
  const std::string sum = q("sum", 0.06);
  m.Node("GlobalAveragePool", {sum}, {"pool"});
  const std::string pool = q("pool", 0.04);
  m.Node("Flatten", {pool}, {"flat"});
  m.Node("MatMul", {"flat", Weight(m, "w4", {{20, 10}, 1}, rng)}, {"logits"});
  q("logits", 0.02);
  m.Output("logits_q");
  return m;
}

Graph AfterPasses(Graph graph, const std::string& mcpu = "") {
  const PassContext context{.target = ResolveTarget({.mcpu = mcpu}).value(),
                            .evaluate = MakeConstantEvaluator()};
  const absl::Status status = RunPasses(graph, context, {});
  EXPECT_TRUE(status.ok()) << status;
  return graph;
}

TEST(QuantizedModels, ASumThatInt32MayNotHoldStaysInFloats) {
  for (const int64_t products : {33'025, 33'026}) {
    Rng rng(1);
    ModelBuilder m;
    m.Input("x", {1, products});
    const std::string x = Requantized(m, "x", {DType::kU8, 0.02, 0});
    m.Node("MatMul", {x, Weight(m, "w", {{products, 8}, 1}, rng)}, {"y"});
    m.Output("y");
    const Graph graph = AfterPasses(ImportOnnx(m.Bytes(), {}).value());
    const auto product = std::find_if(graph.nodes.begin(), graph.nodes.end(), [](const Node& node) {
      return node.workload && node.workload->op == "dense";
    });
    ASSERT_NE(product, graph.nodes.end());
    const bool integers = IsInteger(product->workload->inputs[0].dtype);
    EXPECT_EQ(integers, products == 33'025) << product->workload->Key();
  }
}

// Two at the end of four layers: a sum that lies between two levels may go either way in each.
TEST(QuantizedModels, RunOnIntegersAtMostTwoQuantaFromTheFloats) {
  for (const auto& [dtype, zero_point] :
       {std::pair{DType::kU8, 0}, {DType::kU8, 120}, {DType::kI8, 0}, {DType::kI8, -7}}) {
    for (const uint64_t seed : {1, 2, 3}) {
      SCOPED_TRACE(testing::Message() << "zero point " << zero_point << " seed " << seed);
      Rng rng(seed);
      const Graph graph = ImportOnnx(QuantizedNetwork(dtype, zero_point, rng).Bytes(), {}).value();
      const std::map<std::string, Tensor> inputs = {{"x", Random(DType::kF32, {1, 3, 9, 7}, rng)}};
      const Tensor expected = EvaluateGraph(graph, inputs).value().at(0);
      const Tensor got = RunCompiled(graph, inputs).at(0);
      ASSERT_EQ(got.type(), expected.type());
      for (int64_t i = 0; i < got.size(); ++i) {
        EXPECT_LE(std::abs(got.AsInt(i) - expected.AsInt(i)), 2) << "element " << i;
      }
    }
  }
}

TEST(QuantizedModels, WriteNoFloatsBetweenTheirLayers) {
  Rng rng(1);
  const Graph imported = ImportOnnx(QuantizedNetwork(DType::kU8, 5, rng).Bytes(), {}).value();
  for (const auto& [mcpu, data] : {std::pair{"haswell", DType::kI16}, {"znver4", DType::kU8}}) {
    const Graph graph = AfterPasses(imported, mcpu);
    int anchors = 0;
    for (const Node& node : graph.nodes) {
      EXPECT_FALSE(IsFloat(graph.values[node.output].type.dtype)) << Print(graph);
      if (!node.workload) continue;
      ++anchors;
      EXPECT_EQ(node.workload->inputs[0].dtype, data) << node.workload->Key();
    }
    EXPECT_EQ(anchors, 4) << Print(graph);
  }
}

// The quantizer's factor is a part of the scale that each layer has anyway.
TEST(QuantizedModels, CountTheirSumsInQuanta) {
  Rng rng(1);
  const Graph imported = ImportOnnx(QuantizedNetwork(DType::kU8, 5, rng).Bytes(), {}).value();
  for (const char* mcpu : {"haswell", "znver4"}) {
    const Graph graph = AfterPasses(imported, mcpu);
    int scaled = 0;
    for (const Node& node : graph.nodes) {
      if (!node.workload) continue;
      const std::vector<EpilogueOp>& steps = node.workload->epilogue;
      for (size_t i = 0; i + 1 < steps.size() && steps[i + 1].kind != EpilogueKind::kAdd; ++i) {
        if (steps[i].kind == EpilogueKind::kScale) ++scaled;
        const bool factor = steps[i].kind == EpilogueKind::kLinear && steps[i].b == 0;
        EXPECT_FALSE(factor && steps[i + 1].kind == EpilogueKind::kRound) << node.workload->Key();
        if (steps[i].kind == EpilogueKind::kRound) break;
      }
    }
    EXPECT_EQ(scaled, 4) << Print(graph);
  }
}

// quantize -> conv with a bias in int32 of so many times the scale of the sums -> quantize.
ModelBuilder BiasedLayer(float scale, Rng& rng) {
  ModelBuilder m;
  m.Input("x", {1, 8, 5, 5});
  const std::string x = Requantized(m, "x", {DType::kU8, 0.02, 0});
  Add(m, "w_q", Random(DType::kI8, {20, 8, 3, 3}, rng));
  Tensor bias({DType::kI32, {20}}), scales = Scales(20, rng), of_bias({DType::kF32, {20}});
  for (int64_t i = 0; i < 20; ++i) {
    bias.Set(i, static_cast<double>(rng.Below(2'000'000)) - 1e6);
    of_bias.as<float>()[i] = scales.as<float>()[i] * 0.02F * scale;
  }
  Add(m, "w_s", scales);
  Add(m, "b_q", bias);
  Add(m, "b_s", of_bias);
  SetInt(m.Node("DequantizeLinear", {"w_q", "w_s"}, {"w"}), "axis", 0);
  SetInt(m.Node("DequantizeLinear", {"b_q", "b_s"}, {"b"}), "axis", 0);
  Conv(m, {x, "w", "b"}, "y");
  Requantized(m, "y", {DType::kU8, 0.4, 128});
  m.Output("y_q");
  return m;
}

TEST(QuantizedModels, AddABiasOfTheirScaleToTheirSums) {
  for (const auto& [scale, integers] : {std::pair{1.F, true}, {0.7F, false}}) {
    Rng rng(1);
    const Graph imported = ImportOnnx(BiasedLayer(scale, rng).Bytes(), {}).value();
    const std::map<std::string, Tensor> inputs = {{"x", Random(DType::kF32, {1, 8, 5, 5}, rng)}};
    const Tensor expected = EvaluateGraph(imported, inputs).value().at(0);
    for (const char* mcpu : {"haswell", "znver4"}) {
      const Graph graph = AfterPasses(imported, mcpu);
      const auto layer = std::find_if(graph.nodes.begin(), graph.nodes.end(),
                                      [](const Node& node) { return node.workload.has_value(); });
      ASSERT_NE(layer, graph.nodes.end());
      const std::vector<EpilogueOp>& steps = layer->workload->epilogue;
      ASSERT_GE(steps.size(), 2);
      EXPECT_EQ(steps[0].kind, integers ? EpilogueKind::kBias : EpilogueKind::kScale);
      EXPECT_EQ(steps[1].kind, integers ? EpilogueKind::kScale : EpilogueKind::kBias);
      const Tensor got = EvaluateGraph(graph, inputs).value().at(0);
      ASSERT_EQ(got.type(), expected.type());
      for (int64_t i = 0; i < got.size(); ++i) {
        EXPECT_LE(std::abs(got.AsInt(i) - expected.AsInt(i)), 1) << "element " << i;
      }
    }
  }
}

TEST(QuantizedModels, ActivationsWithAScaleAChannelStayFloats) {
  Rng rng(4);
  ModelBuilder m;
  m.Input("x", {1, 8, 5, 5}, TensorProto::UINT8);
  Add(m, "s", Scales(8, rng));
  SetInt(m.Node("DequantizeLinear", {"x", "s"}, {"dq"}), "axis", 1);
  Conv(m, {"dq", Weight(m, "w", {{8, 8, 3, 3}}, rng)}, "y");
  m.Output("y");
  RunBoth(m, {{"x", Random(DType::kU8, {1, 8, 5, 5}, rng)}}, 1e-4);
}

// Inputs 1 to 7 of QLinearConv and QLinearMatMul for a weight with a scale a channel.
std::vector<std::string> QLinearInputs(ModelBuilder& m, DType data, const Tensor& weight,
                                       const Tensor& scales) {
  const int64_t channels = scales.size();
  AddScalar(m, "xs", DType::kF32, 0.02);
  AddScalar(m, "xz", data, data == DType::kU8 ? 113 : -9);
  Add(m, "w", weight);
  Add(m, "ws", scales);
  Add(m, "wz", Tensor({weight.dtype(), {channels}}));
  AddScalar(m, "ys", DType::kF32, 0.05);
  AddScalar(m, "yz", data, 3);
  return {"x", "xs", "xz", "w", "ws", "wz", "ys", "yz"};
}

TEST(QuantizedModels, IntegerConvolutionsAreExact) {
  for (const DType data : {DType::kU8, DType::kI8}) {
    for (const uint64_t seed : {1, 2, 3}) {
      SCOPED_TRACE(testing::Message() << "seed " << seed);
      Rng rng(seed);
      ModelBuilder m;
      const Shape shape = {1, seed == 1 ? 3 : 18, 8, 6};
      m.Input("x", shape, ProtoType(data));
      auto inputs =
          QLinearInputs(m, data, Random(DType::kI8, {24, shape[1], 3, 3}, rng), Scales(24, rng));
      Add(m, "b", Random(DType::kI32, {24}, rng));
      inputs.push_back("b");
      SetInts(m.Node("QLinearConv", inputs, {"y"}), "pads", {1, 1, 1, 1});
      SetInts(m.Node("ConvInteger", {"x", "w", "xz"}, {"sums"}), "pads", {0, 1, 1, 0});
      m.Output("y");
      m.Output("sums");
      RunBoth(m, {{"x", Random(data, shape, rng)}});
    }
  }
}

// Whichever form the passes choose for a CPU; interpreted, so that any machine will do.
TEST(QuantizedModels, ConvolutionsAreExactInTheFormsOfAllCpus) {
  for (const DType data : {DType::kU8, DType::kI8}) {
    for (const int64_t channels : {3, 18}) {
      Rng rng(channels);
      ModelBuilder m;
      m.Input("x", {1, channels, 6, 5}, ProtoType(data));
      auto inputs =
          QLinearInputs(m, data, Random(DType::kI8, {24, channels, 3, 3}, rng), Scales(24, rng));
      Add(m, "b", Random(DType::kI32, {24}, rng));
      inputs.push_back("b");
      SetInts(m.Node("QLinearConv", inputs, {"y"}), "pads", {1, 0, 2, 1});
      m.Output("y");
      const Graph imported = ImportOnnx(m.Bytes(), {}).value();
      const std::map<std::string, Tensor> values = {{"x", Random(data, {1, channels, 6, 5}, rng)}};
      const Tensor expected = EvaluateGraph(imported, values).value().at(0);
      for (const char* mcpu : {"haswell", "znver4"}) {
        SCOPED_TRACE(testing::Message() << mcpu << " with " << channels << " channels");
        const Graph graph = AfterPasses(imported, mcpu);
        ExpectSame(EvaluateGraph(graph, values).value().at(0), expected, 0);
      }
    }
  }
}

TEST(QuantizedModels, IntegerMatrixProductsAreExact) {
  for (const int64_t k : {40, 33}) {
    Rng rng(k);
    ModelBuilder m;
    m.Input("x", {5, k}, TensorProto::UINT8);
    const auto inputs =
        QLinearInputs(m, DType::kU8, Random(DType::kI8, {k, 20}, rng), Scales(20, rng));
    m.Node("QLinearMatMul", inputs, {"y"});
    m.Node("MatMulInteger", {"x", "w", "xz"}, {"sums"});
    m.Output("y");
    m.Output("sums");
    RunBoth(m, {{"x", Random(DType::kU8, {5, k}, rng)}});
  }
}

TEST(QuantizedModels, AScaleThatIsZeroOrNoNumberIsRefusedWithItsNode) {
  for (const double scale : {0.0, std::nan(""), HUGE_VAL}) {
    for (const bool product : {false, true}) {
      Rng rng(1);
      ModelBuilder m;
      m.Input("x", {5, 8}, product ? TensorProto::UINT8 : TensorProto::FLOAT);
      AddScalar(m, "s", DType::kF32, scale);
      AddScalar(m, "z", DType::kU8, 0);
      if (product) {
        auto inputs = QLinearInputs(m, DType::kU8, Random(DType::kI8, {8, 4}, rng), Scales(4, rng));
        inputs[6] = "s";
        m.Node("QLinearMatMul", inputs, {"y"});
      } else {
        m.Node("QuantizeLinear", {"x", "s", "z"}, {"y"});
      }
      m.Output("y");
      const absl::Status status = ImportOnnx(m.Bytes(), {}).status();
      EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
      EXPECT_THAT(status.message(), testing::HasSubstr("element 0 of a scale is"));
    }
  }
}

TEST(QuantizedModels, ScalesOfAMatrixProductMayBeHalfFloats) {
  const auto product = [](DType scales) {
    Rng rng(5);
    ModelBuilder m(21);
    m.Input("x", {4, 6}, TensorProto::UINT8);
    Add(m, "w", Random(DType::kI8, {6, 3}, rng));
    for (const auto& [name, value] : {std::pair("xs", 0.5), {"ws", 0.25}, {"ys", 16.0}}) {
      AddScalar(m, name, scales, value);
    }
    AddScalar(m, "xz", DType::kU8, 3);
    AddScalar(m, "wz", DType::kI8, -1);
    AddScalar(m, "yz", DType::kU8, 128);
    m.Node("QLinearMatMul", {"x", "xs", "xz", "w", "ws", "wz", "ys", "yz"}, {"y"});
    m.Output("y");
    return RunBoth(m, {{"x", Random(DType::kU8, {4, 6}, rng)}}).at(0);
  };
  ExpectSame(product(DType::kF16), product(DType::kF32), 0);
}

}  // namespace
}  // namespace tilewright
