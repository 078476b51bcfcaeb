// ONNX Runtime's GroupQueryAttention against a plain loop: a prompt, then steps behind keys of
// different lengths, with rotation, a window and packed inputs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/rng.h"
#include "compiler/onnx/import.h"
#include "tests/onnx/evaluate.h"
#include "tests/onnx/run_both.h"
#include "tests/onnx/tensors.h"

namespace tilewright {
namespace {

using ::testing::HasSubstr;
struct Call {
  int64_t batch = 2, heads = 4, key_heads = 2, length = 1, past = 5, size = 4, window = -1;
  bool rotary = false, packed = false;
  std::vector<int64_t> lengths = {6, 3};  // of each sequence, with what is new
  int64_t total = 6;

  int64_t start(int64_t b) const { return total <= length ? 0 : lengths[b] - length; }
  int64_t room() const { return std::max(past, total); }
};

constexpr int64_t kPositions = 16;

Tensors MakeInputs(Rng& rng, const Call& c) {
  Tensors inputs = {{"query", Random(rng, {c.batch, c.length, c.heads * c.size})},
                    {"key", Random(rng, {c.batch, c.length, c.key_heads * c.size})},
                    {"value", Random(rng, {c.batch, c.length, c.key_heads * c.size})}};
  if (c.past > 0) {
    for (const char* name : {"past_key", "past_value"}) {
      inputs[name] = Random(rng, {c.batch, c.key_heads, c.past, c.size});
    }
  }
  Tensor lengths({DType::kI32, {c.batch}});
  for (int64_t b = 0; b < c.batch; ++b) lengths.Set(b, static_cast<double>(c.lengths[b] - 1));
  inputs["lengths"] = lengths;
  if (c.rotary) {
    for (const char* name : {"cos", "sin"}) inputs[name] = Random(rng, {kPositions, c.size / 2});
  }
  return inputs;
}

// Query, key and value as one input: each position's features one behind the other.
void Pack(const Call& c, Tensors& inputs) {
  Tensor packed({DType::kF32, {c.batch, c.length, (c.heads + 2 * c.key_heads) * c.size}});
  int64_t at = 0;
  for (int64_t row = 0; row < c.batch * c.length; ++row) {
    for (const char* name : {"query", "key", "value"}) {
      const Tensor& part = inputs[name];
      const int64_t width = part.shape()[2];
      for (int64_t i = 0; i < width; ++i) packed.Set(at++, part.AsDouble(row * width + i));
    }
  }
  inputs.erase("key");
  inputs.erase("value");
  inputs["query"] = packed;
}

ModelBuilder Model(const Call& c, const Tensors& inputs) {
  ModelBuilder m;
  for (const auto& [name, tensor] : inputs) {
    m.Input(name, tensor.shape(),
            tensor.dtype() == DType::kI32 ? onnx::TensorProto::INT32 : onnx::TensorProto::FLOAT);
  }
  m.Ints("total", {c.total}).clear_dims();
  std::vector<std::string> names;
  for (const char* name : {"query", "key", "value", "past_key", "past_value", "lengths"}) {
    names.push_back(inputs.contains(name) ? name : "");
  }
  names.push_back("total");
  if (c.rotary) names.insert(names.end(), {"cos", "sin"});
  onnx::NodeProto& node = m.Node("GroupQueryAttention", names, {"y", "keys", "values"});
  node.set_domain("com.microsoft");
  SetInt(node, "num_heads", c.heads);
  SetInt(node, "kv_num_heads", c.key_heads);
  SetInt(node, "do_rotary", c.rotary ? 1 : 0);
  if (c.window > 0) SetInt(node, "local_window_size", c.window);
  for (const char* name : {"y", "keys", "values"}) m.Output(name);
  return m;
}

class Reference {
 public:
  Reference(const Call& c, const Tensors& inputs) : c_(c), in_(inputs) {}

  double Output(int64_t b, int64_t i, int64_t head, int64_t d) const {
    const int64_t place = c_.start(b) + i, group = head / (c_.heads / c_.key_heads);
    double sum = 0, result = 0;
    for (int64_t j = 0; j <= place; ++j) {
      if (c_.window > 0 && j <= place - c_.window) continue;
      double score = 0;
      for (int64_t e = 0; e < c_.size; ++e) {
        score += New("query", {b, i, head, e}) * Stored("key", {b, j, group, e});
      }
      const double weight = std::exp(score / std::sqrt(static_cast<double>(c_.size)));
      sum += weight;
      result += weight * Stored("value", {b, j, group, d});
    }
    return result / sum;
  }

  // An element of token `i` of sequence `b`.
  struct Place {
    int64_t b, i, head, e;
  };

  // Key or value i of a sequence: an earlier one, or a new one behind those.
  double Stored(const std::string& what, const Place& at) const {
    const int64_t start = c_.start(at.b);
    if (at.i >= start) return New(what, {at.b, at.i - start, at.head, at.e});
    const Tensor& past = in_.at("past_" + what);
    return past.AsDouble(((at.b * c_.key_heads + at.head) * c_.past + at.i) * c_.size + at.e);
  }

 private:
  double Raw(const std::string& what, const Place& at) const {
    const int64_t heads = what == "query" ? c_.heads : c_.key_heads;
    return in_.at(what).AsDouble(((at.b * c_.length + at.i) * heads + at.head) * c_.size + at.e);
  }
  double New(const std::string& what, const Place& place) const {
    const auto [b, i, head, e] = place;
    const double x = Raw(what, place);
    if (!c_.rotary || what == "value") return x;
    const int64_t half = c_.size / 2, pair = e % half, at = (c_.start(b) + i) * half + pair;
    const double c = in_.at("cos").AsDouble(at), s = in_.at("sin").AsDouble(at);
    const double other = Raw(what, {b, i, head, e < half ? e + half : e - half});
    return e < half ? x * c - other * s : x * c + other * s;
  }

  const Call& c_;
  const Tensors& in_;
};

void Check(const Call& c, uint64_t seed) {
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  Rng rng(seed);
  Tensors inputs = MakeInputs(rng, c);
  const Tensors apart = inputs;
  const Reference reference(c, apart);
  if (c.packed) Pack(c, inputs);
  const auto outputs = RunBoth(Model(c, inputs), inputs, 1e-5);
  ASSERT_EQ(outputs.size(), 3u);
  ASSERT_EQ(outputs[1].shape(), (Shape{c.batch, c.key_heads, c.room(), c.size}));
  for (int64_t b = 0; b < c.batch; ++b) {
    for (int64_t i = 0; i < c.length; ++i) {
      if (c.start(b) + i >= c.lengths[b]) continue;  // padding
      for (int64_t k = 0; k < c.heads * c.size; ++k) {
        ASSERT_NEAR(outputs[0].AsDouble((b * c.length + i) * c.heads * c.size + k),
                    reference.Output(b, i, k / c.size, k % c.size), 1e-4);
      }
    }
    for (int64_t j = 0; j < c.lengths[b]; ++j) {
      ASSERT_NEAR(outputs[1].AsDouble((b * c.key_heads * c.room() + j) * c.size),
                  reference.Stored("key", {b, j, 0, 0}), 1e-5);
    }
  }
}

TEST(GroupQueryAttention, AStepFollowsEachSequencesOwnKeys) { Check({}, 41); }

TEST(GroupQueryAttention, KeysMayBePutInRoomThatIsLeft) {
  Check({.past = 12, .lengths = {6, 3}, .total = 6}, 42);
}

TEST(GroupQueryAttention, APromptHasNoEarlierKeys) {
  Check({.length = 4, .past = 0, .lengths = {4, 3}, .total = 4}, 43);
}

TEST(GroupQueryAttention, PositionsTurnQueriesAndKeys) {
  Check({.rotary = true}, 44);
  Check({.length = 4, .past = 0, .rotary = true, .lengths = {4, 3}, .total = 4}, 45);
}

TEST(GroupQueryAttention, AWindowHidesWhatLiesFarBack) { Check({.window = 3}, 46); }

TEST(GroupQueryAttention, OneInputMayHoldQueryKeyAndValue) {
  Check({.rotary = true, .packed = true}, 47);
}

TEST(GroupQueryAttention, WhatItDoesNotDoIsNamed) {
  Rng rng(48);
  const Call c;
  const Tensors inputs = MakeInputs(rng, c);
  ModelBuilder m = Model(c, inputs);
  SetInt(*m.graph().mutable_node(0), "smooth_softmax", 1);
  const auto graph = ImportOnnx(m.Bytes(), {});
  ASSERT_FALSE(graph.ok());
  EXPECT_THAT(std::string(graph.status().message()),
              HasSubstr("attribute smooth_softmax is not supported"));
}

TEST(GroupQueryAttention, FormsOfTheOptimiserSayWhatToDoInstead) {
  ModelBuilder m;
  m.Input("x", {1, 2, 8});
  m.Node("QOrderedAttention", {"x"}, {"y"}).set_domain("com.microsoft");
  m.Output("y");
  EXPECT_THAT(
      std::string(ImportOnnx(m.Bytes(), {}).status().message()),
      testing::AllOf(HasSubstr("QOrderedAttention of domain com.microsoft is not supported"),
                     HasSubstr("quantise to QDQ")));
}

}  // namespace
}  // namespace tilewright
