// Samples of ONNX Runtime's operators.
#include "tests/onnx/operator_samples.h"

namespace tilewright {
namespace {

constexpr int64_t kOpset = 17;
// Of quantised integers, such that results of the test's small ones are within both byte types.
const SampleOperand kScale = X({}, {0.5}), kZero = U8({}, {1});

std::vector<OperatorSample> Normalisations() {
  const SampleOperand x = X({2, 3, 8}), row = X({8});
  return {
      {"com.microsoft.GroupNorm",
       kOpset,
       {X({1, 2, 2, 4}), X({4}), X({4})},
       {{"groups", 2}, {"activation", 1}}},
      {"com.microsoft.SkipGroupNorm",
       kOpset,
       {X({1, 2, 2, 4}), X({4}), X({4}), X({1, 4}), X({4})},
       {{"groups", 2}, {"activation", 0}},
       2},
      {"com.microsoft.LayerNormalization", kOpset, {x, row, row}},
      {"com.microsoft.SimplifiedLayerNormalization", kOpset, {x, row}},
      {"com.microsoft.SkipLayerNormalization", kOpset, {x, x, row, row, row}},
      {"com.microsoft.SkipSimplifiedLayerNormalization", kOpset, {x, x, row}},
      {"com.microsoft.EmbedLayerNormalization",
       kOpset,
       {I32({1, 3}, {0, 2, 3}), I32({1, 3}, {0, 1, 1}), X({4, 8}), X({4, 8}), X({4, 8}), row, row}},
  };
}

std::vector<OperatorSample> Transformers() {
  const SampleOperand x = X({1, 3, 8}), row = X({8});
  return {
      {"com.microsoft.Attention", kOpset, {x, X({8, 24}), X({24})}, {{"num_heads", 2}}},
      {"com.microsoft.GroupQueryAttention",
       kOpset,
       {X({1, 2, 32}), X({1, 2, 16}), X({1, 2, 16}), kNothing, kNothing, I32({1}, {1}),
        I32({}, {2})},
       {{"num_heads", 2}, {"kv_num_heads", 1}},
       3},
      {"com.microsoft.MultiHeadAttention", kOpset, {x, x, x}, {{"num_heads", 2}}},
      {"com.microsoft.RotaryEmbedding",
       kOpset,
       {X({1, 2, 3, 8}), I64({1, 3}, {0, 2, 3}), X({5, 4}), X({5, 4})}},
      {"com.microsoft.DecoderMaskedMultiHeadAttention",
       kOpset,
       {X({1, 1, 8}), x, x},
       {{"num_heads", 2}}},
      {"com.microsoft.CausalConvWithState", kOpset, {X({1, 2, 5}), X({2, 1, 3})}, {}, 2},
      {"com.microsoft.LinearAttention",
       kOpset,
       {X({1, 3, 4}), X({1, 3, 4}), X({1, 3, 4})},
       {{"q_num_heads", 1}, {"kv_num_heads", 1}, {"update_rule", "linear"}},
       2},
      {"com.microsoft.BiasAdd", kOpset, {x, row, x}},
      {"com.microsoft.BiasDropout", kOpset, {x, row, x}},
      {"com.microsoft.BiasSoftmax",
       kOpset,
       {x, X({1, 3, 8})},
       {{"axis", 2}, {"is_inner_broadcast", 0}}},
      {"com.microsoft.BiasGelu", kOpset, {x, row}},
      {"com.microsoft.BiasSplitGelu", kOpset, {x, row}},
      {"com.microsoft.FastGelu", kOpset, {x, row}},
      {"com.microsoft.Gelu", kOpset, {x}},
      {"com.microsoft.QuickGelu", kOpset, {x}},
  };
}

std::vector<OperatorSample> Products() {
  const SampleOperand left = X({2, 3}), right = X({3, 4});
  return {
      {"com.microsoft.FusedConv",
       kOpset,
       {X({1, 1, 4, 4}), X({2, 1, 3, 3})},
       {{"activation", "Relu"}}},
      {"com.microsoft.NhwcConv", kOpset, {X({1, 4, 4, 1}), X({2, 1, 3, 3})}},
      {"com.microsoft.NhwcFusedConv",
       kOpset,
       {X({1, 4, 4, 1}), X({2, 1, 3, 3})},
       {{"activation", "Relu"}}},
      {"com.microsoft.GemmFastGelu", kOpset, {left, right, X({4})}},
      {"com.microsoft.Inverse", kOpset, {X({2, 2}, {2, 1, 1, 1})}},
      {"com.microsoft.FusedGemm", kOpset, {left, right, X({4})}, {{"activation", "Relu"}}},
      {"com.microsoft.FusedMatMul", kOpset, {left, right}, {{"alpha", 0.5F}}},
      {"com.microsoft.TransposeMatMul", kOpset, {left, right}, {{"alpha", 0.5F}}},
      {"com.microsoft.MatMulNBits",
       kOpset,
       {X({2, 32}), U8({4, 2, 8}), X({8})},
       {{"K", 32}, {"N", 4}, {"bits", 4}, {"block_size", 16}}},
      {"com.microsoft.GatherBlockQuantized",
       kOpset,
       {U8({4, 16}), I64({3}, {0, 3, 1}), X({4, 2})},
       {{"block_size", 16}, {"bits", 4}}},
  };
}

// x and y, each with its scale and zero point, and those of the output.
OperatorSample OfTwo(const char* op_type, Shape x, Shape y) {
  return {op_type,
          kOpset,
          {U8(std::move(x)), kScale, kZero, U8(std::move(y)), kScale, kZero, kScale, kZero}};
}

OperatorSample OfOne(const char* op_type,
                     std::vector<std::pair<std::string, SampleAttribute>> attributes = {}) {
  return {op_type, kOpset, {U8({1, 2, 3, 3}), kScale, kZero, kScale, kZero}, std::move(attributes)};
}

// Those that ONNX has too.
std::vector<OperatorSample> Doubles() {
  return {
      {"com.microsoft.ExpandDims", kOpset, {X({2, 3}), I32({}, {1})}},
      {"com.microsoft.GatherND", kOpset, {X({2, 3}), I64({2, 1}, {1, 0})}},
      {"com.microsoft.GridSample",
       kOpset,
       {X({1, 1, 4, 4}), X({1, 2, 3, 2})},
       {{"mode", "nearest"}}},
      {"com.microsoft.Pad", kOpset, {X({2, 3}), I64({4}, {0, 1, 0, 1})}},
      {"com.microsoft.Range", kOpset, {X({}, {1}), X({}, {3})}},
      {"com.microsoft.Trilu", kOpset, {X({3, 3})}},
  };
}

std::vector<OperatorSample> Quantised() {
  return {
      OfTwo("com.microsoft.QLinearAdd", {2, 3}, {3}),
      OfTwo("com.microsoft.QLinearMul", {2, 3}, {3}),
      OfOne("com.microsoft.QLinearAveragePool", {{"kernel_shape", Ints{2, 2}}}),
      OfOne("com.microsoft.QLinearGlobalAveragePool"),
      OfOne("com.microsoft.QLinearLeakyRelu", {{"alpha", 0.5F}}),
      OfOne("com.microsoft.QLinearSigmoid"),
      OfOne("com.microsoft.QLinearSoftmax"),
      {"com.microsoft.QLinearConcat",
       kOpset,
       {kScale, kZero, U8({2, 2}), kScale, kZero, U8({2, 3}), kScale, kZero},
       {{"axis", 1}}},
      {"com.microsoft.QLinearConv",
       kOpset,
       {U8({1, 4, 4, 1}), kScale, kZero, U8({2, 1, 3, 3}), kScale, kZero, X({}, {4}), kZero},
       {{"channels_last", 1}}},
      OfOne("com.microsoft.QLinearReduceMean", {{"axes", Ints{1}}}),
      {"com.microsoft.QLinearWhere",
       kOpset,
       {{DType::kBool, {3}, {0, 1, 1}},
        U8({2, 3}),
        kScale,
        kZero,
        U8({3}),
        kScale,
        kZero,
        kScale,
        kZero}},
      {"com.microsoft.NhwcMaxPool", kOpset, {U8({1, 4, 4, 2})}, {{"kernel_shape", Ints{2, 2}}}},
  };
}

std::vector<OperatorSample> SumsOfProducts() {
  const SampleOperand left = U8({2, 4}), right = U8({4, 3});
  return {
      {"com.microsoft.QAttention",
       kOpset,
       {U8({1, 3, 8}), U8({8, 24}), X({24}), kScale, kScale, kNothing, kZero, kZero},
       {{"num_heads", 2}}},
      {"com.microsoft.MatMulInteger16",
       kOpset,
       {{DType::kI16, {2, 2}, {1, 2, 3, 0}}, {DType::kI16, {2, 2}, {3, 1, 2, 1}}}},
      {"com.microsoft.MulInteger", kOpset, {left, kZero, left, kZero}},
      {"com.microsoft.ReduceSumInteger", kOpset, {left}, {{"axes", Ints{1}}, {"keepdims", 1}}},
      {"com.microsoft.MatMulIntegerToFloat", kOpset, {left, right, kScale, kScale, kZero, kZero}},
      {"com.microsoft.QGemm", kOpset, {left, kScale, kZero, right, kScale, kZero}},
      {"com.microsoft.DequantizeLinear", kOpset, {left, kScale, kZero}},
      {"com.microsoft.QuantizeLinear", kOpset, {X({2, 3}), kScale, kZero}},
  };
}

}  // namespace

std::vector<OperatorSample> RuntimeSamples() {
  std::vector<OperatorSample> all;
  for (auto* part : {Normalisations, Transformers, Products, Doubles, Quantised, SumsOfProducts}) {
    for (OperatorSample& sample : part()) all.push_back(std::move(sample));
  }
  return all;
}

}  // namespace tilewright
