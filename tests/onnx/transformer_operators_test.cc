// Attention, rotary embeddings, fused activations and quantised elementwise operators against
// their formulas.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "tests/onnx/by_definition.h"
#include "tests/onnx/one_node.h"

namespace tilewright {
namespace {

using ::testing::HasSubstr;

constexpr double kMinusInfinity = -std::numeric_limits<double>::infinity();

// Attention of queries that are zero: the average of the values that are seen.
ModelBuilder AveragingModel(const Tensors& inputs, const std::vector<std::string>& names) {
  return OneNode({"Attention", 25, names}, inputs);
}

Tensors FourPositions() {
  const Tensor zeros({DType::kF32, {1, 1, 4, 1}});
  const Tensor values({DType::kF32, {1, 1, 4, 1}}, std::vector<float>{1, 2, 3, 4});
  return {{"q", zeros}, {"k", zeros}, {"v", values}};
}

Tensor Halves(const Shape& shape, double value) {
  Tensor tensor({DType::kF16, shape});
  for (int64_t i = 0; i < tensor.size(); ++i) tensor.Set(i, value);
  return tensor;
}

TEST(Attention, ProductsOfFloat16MayBeBeyondItsRangeBeforeTheyAreScaled) {
  const Tensors inputs = {{"q", Halves({1, 1, 1, 64}, 60)},
                          {"k", Halves({1, 1, 2, 64}, 60)},
                          {"v", Halves({1, 1, 2, 3}, 5)}};
  ModelBuilder m(23);
  for (const auto& [name, tensor] : inputs) {
    m.Input(name, tensor.shape(), onnx::TensorProto::FLOAT16);
  }
  m.Node("Attention", {"q", "k", "v"}, {"y"});
  m.Output("y");
  const auto y = RunBoth(m, inputs);
  ASSERT_EQ(y.size(), 1u);
  EXPECT_THAT(Values(y[0]), testing::Each(5));
}

TEST(Attention, AWindowIsOfThePlacesToEitherSide) {
  const Tensors t = FourPositions();
  ModelBuilder m = AveragingModel(t, {"q", "k", "v"});
  SetInt(NodeOf(m), "left_window_size", 1);
  SetInt(NodeOf(m), "right_window_size", 0);
  ExpectNear(RunBoth(m, t, 1e-6)[0], {1, 1.5, 2.5, 3.5}, 1e-6);
}

TEST(Attention, CausalityCountsFromTheLastOfTheKeysThatThereAre) {
  Tensors t = FourPositions();
  t["n"] = Tensor({DType::kI64, {1}}, std::vector<int64_t>{2});
  ModelBuilder m = AveragingModel(t, {"q", "k", "v", "", "", "", "n"});
  SetInt(NodeOf(m), "is_causal", 1);
  ExpectNear(RunBoth(m, t, 1e-6)[0], {0, 0, 1, 1.5}, 1e-6);
}

TEST(Attention, AQueryThatSeesNoKeyGivesZero) {
  Tensors t = FourPositions();
  t["mask"] = Tensor({DType::kF32, {4, 4}});
  for (int64_t i = 0; i < 4; ++i) t["mask"].Set(4 + i, kMinusInfinity);
  ExpectNear(RunBoth(AveragingModel(t, {"q", "k", "v", "mask"}), t, 1e-6)[0], {2.5, 0, 2.5, 2.5},
             1e-6);
}

TEST(Attention, ShowsItsScoresAfterTheCapOrWithTheMask) {
  Tensors t = FourPositions();
  t["mask"] = Tensor({DType::kF32, {4, 4}});
  for (int64_t i = 0; i < 16; ++i) t["mask"].Set(i, static_cast<double>(i));
  for (int64_t mode : {1, 2}) {
    ModelBuilder m =
        OneNode({"Attention", 25, {"q", "k", "v", "mask"}, {"y", "", "", "scores"}}, t);
    m.graph().mutable_output()->DeleteSubrange(1, 2);
    SetInt(NodeOf(m), "qk_matmul_output_mode", mode);
    SetFloat(NodeOf(m), "softcap", 2);
    const auto outputs = RunBoth(m, t, 1e-6);
    ASSERT_EQ(outputs.size(), 2u);
    EXPECT_EQ(outputs[1].AsDouble(5), mode == 2 ? 5 : 0);
  }
}

struct AttentionCase {
  int64_t batch = 2, heads = 4, key_heads = 2, queries = 3, keys = 5, size = 4, past = 0;
  bool causal = false, mask = false;
  double scale = 0, softcap = 0;
};

// [batch, heads, queries, size], keys and values being those of the past and of now.
struct AttentionInputs {
  const Tensor &q, &k, &v;
  const Tensor* mask = nullptr;
};
std::vector<double> AttentionReference(const AttentionCase& c, const AttentionInputs& in) {
  const auto& [q, k, v, mask] = in;
  std::vector<double> out;
  const double scale = c.scale != 0 ? c.scale : 1 / std::sqrt(static_cast<double>(c.size));
  for (int64_t b = 0; b < c.batch; ++b) {
    for (int64_t h = 0; h < c.heads; ++h) {
      const int64_t shared = b * c.key_heads + h / (c.heads / c.key_heads);
      for (int64_t i = 0; i < c.queries; ++i) {
        std::vector<double> scores;
        double sum = 0;
        for (int64_t j = 0; j < c.keys; ++j) {
          double dot = 0;
          for (int64_t d = 0; d < c.size; ++d) {
            dot += q.AsDouble(((b * c.heads + h) * c.queries + i) * c.size + d) *
                   k.AsDouble((shared * c.keys + j) * c.size + d);
          }
          dot *= scale;
          if (c.softcap > 0) dot = c.softcap * std::tanh(dot / c.softcap);
          if (mask != nullptr) dot += mask->AsDouble(i * c.keys + j);
          if (c.causal && j > i + c.past) dot = kMinusInfinity;
          scores.push_back(std::exp(dot));
          sum += scores.back();
        }
        for (int64_t d = 0; d < c.size; ++d) {
          double value = 0;
          for (int64_t j = 0; j < c.keys; ++j) {
            value += scores[j] / sum * v.AsDouble((shared * c.keys + j) * c.size + d);
          }
          out.push_back(value);
        }
      }
    }
  }
  return out;
}

TEST(Attention, HeadsMayShareKeysAndScoresBeCappedMaskedAndCausal) {
  Rng rng(4);
  for (int i = 0; i < 32; ++i) {
    const AttentionCase c{.causal = i % 2 == 0,
                          .mask = i / 2 % 2 == 0,
                          .scale = i / 4 % 2 == 0 ? 0 : 0.3,
                          .softcap = i / 8 % 2 == 0 ? 0 : 2.0};
    Tensors t = {{"q", Random(rng, {c.batch, c.heads, c.queries, c.size})},
                 {"k", Random(rng, {c.batch, c.key_heads, c.keys, c.size})},
                 {"v", Random(rng, {c.batch, c.key_heads, c.keys, c.size})}};
    if (c.mask) t["m"] = Random(rng, {c.queries, c.keys});
    ModelBuilder m = OneNode({"Attention", 23, {"q", "k", "v", c.mask ? "m" : ""}}, t);
    if (c.causal) SetInt(NodeOf(m), "is_causal", 1);
    if (c.scale != 0) SetFloat(NodeOf(m), "scale", static_cast<float>(c.scale));
    if (c.softcap != 0) SetFloat(NodeOf(m), "softcap", static_cast<float>(c.softcap));
    const auto outputs = Evaluate(m, t);
    ASSERT_EQ(outputs.size(), 1u);
    ExpectNear(outputs[0],
               AttentionReference(c, {t["q"], t["k"], t["v"], c.mask ? &t["m"] : nullptr}), 1e-5);
    if (HasFatalFailure()) return;
  }
}

Tensor Join(const Tensor& past, const Tensor& now) {
  const Shape& a = past.shape();
  Tensor all({DType::kF32, {a[0], a[1], a[2] + now.shape()[2], a[3]}});
  for (int64_t i = 0; i < all.size(); ++i) {
    const int64_t d = i % a[3], row = i / a[3] % all.shape()[2], head = i / a[3] / all.shape()[2];
    const bool old = row < a[2];
    all.Set(i, old ? past.AsDouble((head * a[2] + row) * a[3] + d)
                   : now.AsDouble((head * now.shape()[2] + row - a[2]) * a[3] + d));
  }
  return all;
}

TEST(Attention, ThePastComesFirstAndIsGivenOn) {
  Rng rng(5);
  const AttentionCase c{.key_heads = 4, .keys = 7, .past = 4, .causal = true};
  Tensors t = {{"q", Random(rng, {2, 4, 3, 4})},
               {"k", Random(rng, {2, 4, 3, 4})},
               {"v", Random(rng, {2, 4, 3, 4})},
               {"pk", Random(rng, {2, 4, 4, 4})},
               {"pv", Random(rng, {2, 4, 4, 4})}};
  ModelBuilder m =
      OneNode({"Attention", 23, {"q", "k", "v", "", "pk", "pv"}, {"y", "key", "value"}}, t);
  SetInt(NodeOf(m), "is_causal", 1);
  const auto outputs = RunBoth(m, t, 1e-5);
  ASSERT_EQ(outputs.size(), 3u);
  const Tensor keys = Join(t["pk"], t["k"]), values = Join(t["pv"], t["v"]);
  ExpectNear(outputs[0], AttentionReference(c, {t["q"], keys, values}), 1e-5);
  ExpectNear(outputs[1], Values(keys), 0);
  ExpectNear(outputs[2], Values(values), 0);
}

// [batch, length, heads * size] of [batch, heads, length, size].
Tensor Flat(const Tensor& x) {
  const Shape& s = x.shape();
  Tensor flat({DType::kF32, {s[0], s[2], s[1] * s[3]}});
  for (int64_t i = 0; i < x.size(); ++i) {
    const int64_t d = i % s[3], row = i / s[3] % s[2], head = i / s[3] / s[2] % s[1],
                  batch = i / s[3] / s[2] / s[1];
    flat.Set(((batch * s[2] + row) * s[1] + head) * s[3] + d, x.AsDouble(i));
  }
  return flat;
}

TEST(Attention, OnnxRuntimesOperatorAgrees) {
  Rng rng(6);
  const AttentionCase c{.key_heads = 4};
  const Tensor q = Random(rng, {2, 4, 3, 4}), k = Random(rng, {2, 4, 5, 4}),
               v = Random(rng, {2, 4, 5, 4});
  const Tensors t = {{"q", Flat(q)}, {"k", Flat(k)}, {"v", Flat(v)}};
  ModelBuilder m = OneNode({"com.microsoft.MultiHeadAttention", 17, {"q", "k", "v"}}, t);
  SetInt(NodeOf(m), "num_heads", 4);
  const auto outputs = Evaluate(m, t);
  ASSERT_EQ(outputs.size(), 1u);
  Tensor expected({DType::kF32, {2, 4, 3, 4}});
  const std::vector<double> values = AttentionReference(c, {q, k, v});
  for (int64_t i = 0; i < expected.size(); ++i) expected.Set(i, values[i]);
  ExpectNear(outputs[0], Values(Flat(expected)), 1e-5);
}

TEST(Attention, HeadsThatDoNotFitAreNamed) {
  Rng rng(1);
  const Tensors t = {{"q", Random(rng, {1, 3, 2, 4})},
                     {"k", Random(rng, {1, 2, 2, 4})},
                     {"v", Random(rng, {1, 2, 2, 4})}};
  const auto graph = ImportOnnx(OneNode({"Attention", 23, {"q", "k", "v"}}, t).Bytes(), {});
  EXPECT_THAT(std::string(graph.status().message()), HasSubstr("3 heads are no multiple"));
}

TEST(RotaryEmbedding, PairsAreRotatedByTheirPositionsAngle) {
  Rng rng(7);
  for (bool interleaved : {false, true}) {
    Tensors t = {{"x", Random(rng, {2, 3, 4, 8})},
                 {"c", Random(rng, {10, 3})},
                 {"s", Random(rng, {10, 3})},
                 {"p", Tensor({DType::kI64, {2, 4}})}};
    for (int64_t i = 0; i < 8; ++i) t["p"].Set(i, static_cast<double>(rng.Below(10)));
    ModelBuilder m = OneNode({"RotaryEmbedding", 23, {"x", "c", "s", "p"}}, t);
    SetInt(NodeOf(m), "interleaved", interleaved ? 1 : 0);
    SetInt(NodeOf(m), "rotary_embedding_dim", 6);
    const auto outputs = Evaluate(m, t);
    ASSERT_EQ(outputs.size(), 1u);
    std::vector<double> expected = Values(t["x"]);
    for (int64_t row = 0; row < 24; ++row) {
      const int64_t position = t["p"].AsInt(row / 12 * 4 + row % 4);
      for (int64_t pair = 0; pair < 3; ++pair) {
        const int64_t a = row * 8 + (interleaved ? 2 * pair : pair), b = a + (interleaved ? 1 : 3);
        const double c = t["c"].AsDouble(position * 3 + pair),
                     s = t["s"].AsDouble(position * 3 + pair);
        expected[a] = t["x"].AsDouble(a) * c - t["x"].AsDouble(b) * s;
        expected[b] = t["x"].AsDouble(a) * s + t["x"].AsDouble(b) * c;
      }
    }
    ExpectNear(outputs[0], expected, 1e-6);
  }
}

TEST(FusedOperators, ActivationsAreTheirFormulas) {
  Rng rng(8);
  const Tensors t = {{"x", Random(rng, {3, 5})}, {"b", Random(rng, {5})}};
  const auto expect = [&](const std::string& op, const std::vector<std::string>& names,
                          double (*f)(double)) {
    Tensors used;
    for (const std::string& name : names) used[name] = t.at(name);
    const auto outputs = Evaluate(OneNode({"com.microsoft." + op, 17, names}, used), used);
    ASSERT_EQ(outputs.size(), 1u) << op;
    std::vector<double> expected;
    for (int64_t i = 0; i < 15; ++i) {
      expected.push_back(
          f(t.at("x").AsDouble(i) + (names.size() > 1 ? t.at("b").AsDouble(i % 5) : 0)));
    }
    ExpectNear(outputs[0], expected, 1e-6);
  };
  const auto gelu = [](double x) { return x * 0.5 * (1 + std::erf(x / std::sqrt(2.0))); };
  const auto fast = [](double x) {
    return x * 0.5 * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
  };
  expect("Gelu", {"x"}, gelu);
  expect("BiasGelu", {"x", "b"}, gelu);
  expect("FastGelu", {"x"}, fast);
  expect("FastGelu", {"x", "b"}, fast);
  expect("QuickGelu", {"x"}, [](double x) { return x / (1 + std::exp(-1.702 * x)); });
}

TEST(FusedOperators, ASwishedGateScales) {
  Rng rng(8);
  ModelBuilder m(28);
  m.Input("a", {3, 5});
  m.Input("b", {3, 5});
  SetFloat(m.Node("SwiGLU", {"a", "b"}, {"y"}), "alpha", 0.5);
  m.Output("y");
  const Tensors t = {{"a", Random(rng, {3, 5})}, {"b", Random(rng, {3, 5})}};
  std::vector<double> expected;
  for (int64_t i = 0; i < 15; ++i) {
    const double a = t.at("a").AsDouble(i);
    expected.push_back(a / (1 + std::exp(-0.5 * a)) * t.at("b").AsDouble(i));
  }
  ExpectNear(RunBoth(m, t, 1e-6).at(0), expected, 1e-6);
}

TEST(FusedOperators, ASkipIsAddedBeforeTheNormalisation) {
  Rng rng(9);
  const Tensors t = {{"x", Random(rng, {2, 3, 8})},
                     {"s", Random(rng, {2, 3, 8})},
                     {"g", Random(rng, {8})},
                     {"b", Random(rng, {8})}};
  const auto outputs = Evaluate(OneNode({"com.microsoft.SkipLayerNormalization",
                                         17,
                                         {"x", "s", "g", "b"},
                                         {"y", "mean", "inv", "sum"}},
                                        t),
                                t);
  ASSERT_EQ(outputs.size(), 4u);
  std::vector<double> expected, sums;
  for (int64_t row = 0; row < 6; ++row) {
    double mean = 0, variance = 0;
    std::vector<double> sum(8);
    for (int64_t i = 0; i < 8; ++i) {
      sum[i] = t.at("x").AsDouble(row * 8 + i) + t.at("s").AsDouble(row * 8 + i);
      mean += sum[i] / 8;
    }
    for (double v : sum) variance += (v - mean) * (v - mean) / 8;
    for (int64_t i = 0; i < 8; ++i) {
      expected.push_back((sum[i] - mean) / std::sqrt(variance + 1e-12) * t.at("g").AsDouble(i) +
                         t.at("b").AsDouble(i));
      sums.push_back(sum[i]);
    }
  }
  ExpectNear(outputs[0], expected, 1e-5);
  ExpectNear(outputs[3], sums, 1e-6);
}

TEST(QuantisedOperators, SumsAndProductsRoundOnce) {
  Rng rng(10);
  Tensors t = {{"a", Tensor({DType::kU8, {40}})}, {"b", Tensor({DType::kU8, {40}})}};
  for (auto& [name, tensor] : t) {
    for (int64_t i = 0; i < 40; ++i) tensor.Set(i, static_cast<double>(rng.Below(256)));
  }
  // No sum or product of two steps is halfway between two steps of the output.
  const std::vector<std::pair<std::string, float>> scales = {
      {"as", 0.031f}, {"bs", 0.053f}, {"ys", 0.043f}};
  for (const auto& [name, value] : scales) t[name] = Tensor({DType::kF32, {}}, std::vector{value});
  const std::vector<std::pair<std::string, uint8_t>> zeros = {{"az", 120}, {"bz", 7}, {"yz", 99}};
  for (const auto& [name, value] : zeros) t[name] = Tensor({DType::kU8, {}}, std::vector{value});
  for (const bool product : {false, true}) {
    const std::string op = product ? "com.microsoft.QLinearMul" : "com.microsoft.QLinearAdd";
    const auto outputs =
        RunBoth(OneNode({op, 17, {"a", "as", "az", "b", "bs", "bz", "ys", "yz"}}, t), t);
    ASSERT_EQ(outputs.size(), 1u);
    for (int64_t i = 0; i < 40; ++i) {
      const float a = static_cast<float>(t["a"].AsInt(i) - 120) * 0.031f,
                  b = static_cast<float>(t["b"].AsInt(i) - 7) * 0.053f;
      const float y = std::nearbyint((product ? a * b : a + b) / 0.043f) + 99;
      EXPECT_EQ(outputs[0].AsInt(i), std::clamp<int64_t>(static_cast<int64_t>(y), 0, 255)) << i;
    }
  }
}

}  // namespace
}  // namespace tilewright
