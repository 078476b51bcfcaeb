// Models whose tensors are no float32: initialisers in each form that ONNX has, and small networks
// by the interpreter and as compiled code.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/rng.h"
#include "compiler/driver/constant_evaluator.h"
#include "compiler/graph/pipeline.h"
#include "compiler/onnx/import.h"
#include "compiler/targets/target_backend.h"
#include "tests/onnx/run_both.h"

namespace tilewright {
namespace {

using onnx::TensorProto;
using ::testing::ElementsAre;

Tensor Random(DType dtype, const Shape& shape, uint64_t seed) {
  Tensor tensor({dtype, shape});
  Rng rng(seed);
  for (int64_t i = 0; i < tensor.size(); ++i) {
    if (IsFloat(dtype)) {
      tensor.Set(i, rng.Uniform(-1, 1));
    } else {
      tensor.Set(i, static_cast<double>(rng.Below(200)) - (IsUnsigned(dtype) ? 0 : 100));
    }
  }
  return tensor;
}

// An initialiser whose bytes are in raw_data.
void Raw(ModelBuilder& m, const std::string& name, const Tensor& tensor,
         TensorProto::DataType type) {
  TensorProto& proto = *m.graph().add_initializer();
  proto.set_name(name);
  proto.set_data_type(type);
  for (int64_t dim : tensor.shape()) proto.add_dims(dim);
  proto.set_raw_data(tensor.data(), tensor.bytes());
}

TensorProto& Typed(ModelBuilder& m, const std::string& name, TensorProto::DataType type,
                   int64_t count) {
  TensorProto& proto = *m.graph().add_initializer();
  proto.set_name(name);
  proto.set_data_type(type);
  proto.add_dims(count);
  return proto;
}

// The initialiser "c" as float64.
std::vector<double> ValuesOf(ModelBuilder& m) {
  onnx::NodeProto& cast = m.Node("Cast", {"c"}, {"y"});
  SetInt(cast, "to", TensorProto::DOUBLE);
  m.Output("y");
  const std::vector<Tensor> outputs = RunBoth(m, {});
  return outputs.empty() ? std::vector<double>() : Values(outputs[0]);
}

TEST(ElementTypes, InitialisersMayHoldBitsInTheirWiderFields) {
  ModelBuilder half, brain, wide;
  TensorProto& h = Typed(half, "c", TensorProto::FLOAT16, 2);
  h.add_int32_data(0x3c00);
  h.add_int32_data(0xc000);
  EXPECT_THAT(ValuesOf(half), ElementsAre(1, -2));
  TensorProto& b = Typed(brain, "c", TensorProto::BFLOAT16, 2);
  b.add_int32_data(0x3f80);
  b.add_int32_data(0xc000);
  EXPECT_THAT(ValuesOf(brain), ElementsAre(1, -2));
  TensorProto& u = Typed(wide, "c", TensorProto::UINT32, 1);
  u.add_uint64_data(4294967295u);
  EXPECT_THAT(ValuesOf(wide), ElementsAre(4294967295.0));
}

TEST(ElementTypes, InitialisersMayBeRaw) {
  ModelBuilder half, shorts;
  Raw(half, "c", Tensor({DType::kF16, {2}}, std::vector<uint16_t>{0x3c00, 0x0001}),
      TensorProto::FLOAT16);
  EXPECT_THAT(ValuesOf(half), ElementsAre(1, 0x1p-24));
  Raw(shorts, "c", Tensor({DType::kU16, {2}}, std::vector<uint16_t>{0, 65535}),
      TensorProto::UINT16);
  EXPECT_THAT(ValuesOf(shorts), ElementsAre(0, 65535));
}

// A convolution with bias, an activation, a pool and a dense layer, all of one type.
ModelBuilder Network(TensorProto::DataType type, DType dtype) {
  ModelBuilder m;
  m.Input("x", {1, 5, 9, 11}, type);
  Raw(m, "w", Random(dtype, {19, 5, 3, 3}, 1), type);
  Raw(m, "b", Random(dtype, {19}, 2), type);
  Raw(m, "d", Random(dtype, {19, 7}, 3), type);
  SetInts(m.Node("Conv", {"x", "w", "b"}, {"c"}), "pads", {1, 1, 1, 1});
  m.Node("Relu", {"c"}, {"r"});
  m.Node("GlobalAveragePool", {"r"}, {"p"});
  m.Node("Flatten", {"p"}, {"f"});
  m.Node("MatMul", {"f", "d"}, {"l"});
  m.Node("Softmax", {"l"}, {"y"});
  m.Output("y");
  return m;
}

TEST(ElementTypes, NetworksOf16BitFloatsRun) {
  const std::map<std::string, Tensor> half = {{"x", Random(DType::kF16, {1, 5, 9, 11}, 4)}};
  const auto outputs = RunBoth(Network(TensorProto::FLOAT16, DType::kF16), half, 4 * 0x1p-11);
  ASSERT_EQ(outputs.size(), 1u);
  EXPECT_EQ(outputs[0].dtype(), DType::kF16);
  const std::map<std::string, Tensor> brain = {{"x", Random(DType::kBF16, {1, 5, 9, 11}, 5)}};
  EXPECT_EQ(RunBoth(Network(TensorProto::BFLOAT16, DType::kBF16), brain, 4 * 0x1p-8).size(), 1u);
}

TEST(ElementTypes, ConstantBoundsOf16BitFloatsAreAppliedInFloat32) {
  for (const auto& [type, dtype] : {std::pair{TensorProto::FLOAT16, DType::kF16},
                                    std::pair{TensorProto::BFLOAT16, DType::kBF16}}) {
    ModelBuilder m;
    m.Input("x", {5}, type);
    Tensor lo({dtype, {}}), hi({dtype, {}}), x({dtype, {5}});
    lo.Set(0, 0);
    hi.Set(0, 6);
    for (int64_t i = 0; i < 5; ++i) x.Set(i, static_cast<double>(4 * i - 6));
    Raw(m, "lo", lo, type);
    Raw(m, "hi", hi, type);
    m.Node("Clip", {"x", "lo", "hi"}, {"y"});
    m.Output("y");
    const auto outputs = RunBoth(m, {{"x", x}});
    ASSERT_EQ(outputs.size(), 1u);
    EXPECT_THAT(Values(outputs[0]), ElementsAre(0, 0, 2, 6, 6));
  }
}

TEST(ElementTypes, LayersOf16BitFloatsTakeTheirEpilogues) {
  Graph graph = ImportOnnx(Network(TensorProto::FLOAT16, DType::kF16).Bytes(), {}).value();
  const PassContext context{.target = ResolveTarget({}).value(),
                            .evaluate = MakeConstantEvaluator()};
  ASSERT_TRUE(RunPasses(graph, context, {}).ok());
  const std::vector<ExtractedWorkload> workloads = ExtractWorkloads(graph);
  ASSERT_EQ(workloads.size(), 2u);
  EXPECT_EQ(workloads[0].workload.inputs[0].dtype, DType::kF16);
  EXPECT_EQ(EpilogueText(workloads[0].workload.epilogue), "+bias+relu");
}

void Scalar(ModelBuilder& m, const std::string& name, float value) { m.Floats(name, {}, value); }

// A layer in 16-bit floats whose output goes on in float32: a bias, GELU, a residual and perhaps
// a cast back to 16 bits.
ModelBuilder WidenedLayer(TensorProto::DataType type, DType dtype, bool residual) {
  ModelBuilder m;
  m.Input("x", {1, 5, 24}, type);
  m.Input("residual", {1, 5, 20});
  Raw(m, "w", Random(dtype, {24, 20}, 9), type);
  Raw(m, "b", Random(dtype, {20}, 12), type);
  Scalar(m, "root2", 1.41421356f);
  Scalar(m, "one", 1);
  Scalar(m, "half", 0.5f);
  m.Node("MatMul", {"x", "w"}, {"product"});
  m.Node("Add", {"product", "b"}, {"biased"});
  SetInt(m.Node("Cast", {"biased"}, {"wide"}), "to", TensorProto::FLOAT);
  m.Node("Div", {"wide", "root2"}, {"scaled"});
  m.Node("Erf", {"scaled"}, {"erf"});
  m.Node("Add", {"erf", "one"}, {"shifted"});
  m.Node("Mul", {"wide", "shifted"}, {"gated"});
  m.Node("Mul", {"gated", "half"}, {"gelu"});
  if (residual) {
    m.Node("Add", {"gelu", "residual"}, {"y"});
  } else {
    SetInt(m.Node("Cast", {"gelu"}, {"y"}), "to", type);
  }
  m.Output("y");
  return m;
}

class WidenedLayers : public testing::TestWithParam<std::tuple<DType, bool>> {};

TEST_P(WidenedLayers, TakeFloat32StepsAndRoundAtMostOnce) {
  const auto [dtype, residual] = GetParam();
  const auto type = dtype == DType::kF16 ? TensorProto::FLOAT16 : TensorProto::BFLOAT16;
  const ModelBuilder model = WidenedLayer(type, dtype, residual);
  Graph graph = ImportOnnx(model.Bytes(), {}).value();
  const PassContext context{.target = ResolveTarget({}).value(),
                            .evaluate = MakeConstantEvaluator()};
  ASSERT_TRUE(RunPasses(graph, context, {}).ok());
  const std::vector<ExtractedWorkload> workloads = ExtractWorkloads(graph);
  ASSERT_EQ(workloads.size(), 1u);
  EXPECT_EQ(EpilogueText(workloads[0].workload.epilogue),
            residual ? "+bias+gelu+add" : "+bias+gelu");
  EXPECT_EQ(OutputTypeOf(workloads[0].workload), residual ? DType::kF32 : dtype);
  const std::map<std::string, Tensor> inputs = {{"x", Random(dtype, {1, 5, 24}, 10)},
                                                {"residual", Random(DType::kF32, {1, 5, 20}, 11)}};
  EXPECT_EQ(RunBoth(model, inputs, 4 * RoundoffOf(dtype)).size(), 1u);
}

INSTANTIATE_TEST_SUITE_P(All, WidenedLayers,
                         testing::Combine(testing::Values(DType::kF16, DType::kBF16),
                                          testing::Bool()));

void ZeroPoint(ModelBuilder& m, const std::string& name, uint8_t value) {
  Raw(m, name, Tensor({DType::kU8, {}}, std::vector<uint8_t>{value}), TensorProto::UINT8);
}

TEST(ElementTypes, AQuantisedConvolutionRunsExactly) {
  ModelBuilder m;
  m.Input("x", {1, 6, 7, 9}, TensorProto::UINT8);
  Raw(m, "w", Random(DType::kU8, {10, 6, 3, 3}, 6), TensorProto::UINT8);
  for (const char* scale : {"xs", "ws", "ys"}) Scalar(m, scale, 0.25f);
  for (const char* zero : {"xz", "wz", "yz"}) ZeroPoint(m, zero, 117);
  onnx::NodeProto& conv =
      m.Node("QLinearConv", {"x", "xs", "xz", "w", "ws", "wz", "ys", "yz"}, {"y"});
  SetInts(conv, "pads", {1, 0, 1, 1});
  m.Output("y");
  const auto outputs = RunBoth(m, {{"x", Random(DType::kU8, {1, 6, 7, 9}, 7)}});
  ASSERT_EQ(outputs.size(), 1u);
  EXPECT_EQ(outputs[0].dtype(), DType::kU8);
}

TEST(ElementTypes, AnIntegerProductOfRowsRunsExactly) {
  ModelBuilder m;
  m.Input("a", {5, 33}, TensorProto::INT8);
  Raw(m, "b", Random(DType::kI8, {33, 21}, 8), TensorProto::INT8);
  m.Node("MatMulInteger", {"a", "b"}, {"y"});
  m.Output("y");
  const Tensor a = Random(DType::kI8, {5, 33}, 9), b = Random(DType::kI8, {33, 21}, 8);
  const auto outputs = RunBoth(m, {{"a", a}});
  ASSERT_EQ(outputs.size(), 1u);
  int64_t sum = 0;
  for (int64_t k = 0; k < 33; ++k) sum += a.AsInt(4 * 33 + k) * b.AsInt(k * 21 + 20);
  EXPECT_EQ(outputs[0].AsInt(4 * 21 + 20), sum);
}

TEST(ElementTypes, ElementwiseOperatorsWrapIntegersInTheirWidth) {
  ModelBuilder m;
  m.Input("a", {37}, TensorProto::UINT16);
  m.Node("Add", {"a", "a"}, {"s"});
  m.Node("Mul", {"s", "a"}, {"y"});
  m.Output("y");
  Tensor a({DType::kU16, {37}});
  for (int64_t i = 0; i < 37; ++i) a.Set(i, static_cast<double>(40000 + i));
  const auto outputs = RunBoth(m, {{"a", a}});
  ASSERT_EQ(outputs.size(), 1u);
  EXPECT_EQ(outputs[0].AsInt(3), (2 * 40003 % 65536) * 40003 % 65536);
}

}  // namespace
}  // namespace tilewright
