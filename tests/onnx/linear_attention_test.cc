// LinearAttention against its recurrence written out, and over two calls.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "tests/onnx/by_definition.h"

namespace tilewright {
namespace {

using ::testing::HasSubstr;

constexpr int64_t kBatch = 2, kHeads = 2, kGroup = 2, kKeySize = 3, kValueSize = 4;

struct Rule {
  std::string name;
  bool decays, corrects;
  int64_t decay_columns = kHeads, beta_columns = kHeads;
};

std::vector<Rule> Rules() {
  return {{"linear", false, false},
          {"gated", true, false, kHeads * kKeySize},
          {"delta", false, true, kHeads, 1},
          {"gated_delta", true, true}};
}

ModelBuilder Model(const Rule& rule, int64_t length, bool with_past) {
  ModelBuilder m(27);
  m.Input("q", {kBatch, length, kHeads * kGroup * kKeySize});
  m.Input("k", {kBatch, length, kHeads * kKeySize});
  m.Input("v", {kBatch, length, kHeads * kValueSize});
  if (with_past) m.Input("past", {kBatch, kHeads, kKeySize, kValueSize});
  if (rule.decays) m.Input("decay", {kBatch, length, rule.decay_columns});
  if (rule.corrects) m.Input("beta", {kBatch, length, rule.beta_columns});
  onnx::NodeProto& node = m.Node("LinearAttention",
                                 {"q", "k", "v", with_past ? "past" : "",
                                  rule.decays ? "decay" : "", rule.corrects ? "beta" : ""},
                                 {"y", "state"});
  SetString(node, "update_rule", rule.name);
  SetInt(node, "q_num_heads", kHeads * kGroup);
  SetInt(node, "kv_num_heads", kHeads);
  m.Output("y");
  m.Output("state");
  return m;
}

Tensors Data(Rng& rng, const Rule& rule, int64_t length, bool with_past) {
  Tensors data = {{"q", Random(rng, {kBatch, length, kHeads * kGroup * kKeySize}, DType::kF32)},
                  {"k", Random(rng, {kBatch, length, kHeads * kKeySize}, DType::kF32)},
                  {"v", Random(rng, {kBatch, length, kHeads * kValueSize}, DType::kF32)}};
  if (with_past) data["past"] = Random(rng, {kBatch, kHeads, kKeySize, kValueSize}, DType::kF32);
  if (rule.decays) data["decay"] = Random(rng, {kBatch, length, rule.decay_columns}, DType::kF32);
  if (rule.corrects) data["beta"] = Random(rng, {kBatch, length, rule.beta_columns}, DType::kF32);
  return data;
}

// One column of one head of one batch entry; its outputs of `member` and its last state.
struct Column {
  const Rule& rule;
  const Tensors& data;
  int64_t length, batch, head, value;

  double At(const char* name, int64_t t, int64_t column) const {
    const Tensor& tensor = data.at(name);
    return tensor.AsDouble((batch * length + t) * tensor.shape()[2] + column);
  }
  void Run(int64_t member, std::vector<double>* outputs, std::vector<double>* state) const {
    state->assign(kKeySize, 0);
    for (int64_t d = 0; d < kKeySize && data.contains("past"); ++d) {
      (*state)[d] =
          data.at("past").AsDouble(((batch * kHeads + head) * kKeySize + d) * kValueSize + value);
    }
    for (int64_t t = 0; t < length; ++t) {
      double added = At("v", t, head * kValueSize + value), retrieved = 0, out = 0;
      for (int64_t d = 0; d < kKeySize; ++d) {
        const bool by_head = rule.decay_columns == kHeads;
        if (rule.decays)
          (*state)[d] *= std::exp(At("decay", t, by_head ? head : head * kKeySize + d));
        retrieved += (*state)[d] * At("k", t, head * kKeySize + d);
      }
      if (rule.corrects)
        added = At("beta", t, rule.beta_columns == 1 ? 0 : head) * (added - retrieved);
      for (int64_t d = 0; d < kKeySize; ++d) {
        (*state)[d] += At("k", t, head * kKeySize + d) * added;
        out += (*state)[d] * At("q", t, (head * kGroup + member) * kKeySize + d);
      }
      outputs->push_back(out / std::sqrt(kKeySize));
    }
  }
};

TEST(LinearAttention, IsItsRecurrenceByEveryRule) {
  const uint64_t seed = 11;
  SCOPED_TRACE(seed);
  Rng rng(seed);
  const int64_t length = 5;
  for (const Rule& rule : Rules()) {
    SCOPED_TRACE(rule.name);
    const Tensors data = Data(rng, rule, length, true);
    const auto found = RunBoth(Model(rule, length, true), data, 1e-4);
    ASSERT_EQ(found.size(), 2u);
    ASSERT_EQ(found[0].shape(), (Shape{kBatch, length, kHeads * kGroup * kValueSize}));
    for (int64_t i = 0; i < kBatch * kHeads * kGroup * kValueSize; ++i) {
      const int64_t value = i % kValueSize, member = i / kValueSize % kGroup;
      const int64_t head = i / kValueSize / kGroup % kHeads;
      const int64_t batch = i / kValueSize / kGroup / kHeads;
      std::vector<double> outputs, state;
      Column{rule, data, length, batch, head, value}.Run(member, &outputs, &state);
      for (int64_t t = 0; t < length; ++t) {
        const int64_t column = (head * kGroup + member) * kValueSize + value;
        EXPECT_NEAR(found[0].AsDouble((batch * length + t) * found[0].shape()[2] + column),
                    outputs[static_cast<size_t>(t)], 1e-4);
      }
      for (int64_t d = 0; d < kKeySize; ++d) {
        EXPECT_NEAR(
            found[1].AsDouble(((batch * kHeads + head) * kKeySize + d) * kValueSize + value),
            state[static_cast<size_t>(d)], 1e-4);
      }
    }
  }
}

TEST(LinearAttention, WithoutAPastBeginsWithZeros) {
  Rng rng(12);
  const Rule rule = Rules()[3];
  Tensors data = Data(rng, rule, 2, false);
  const auto without = RunBoth(Model(rule, 2, false), data, 1e-5);
  data["past"] = Tensor({DType::kF32, {kBatch, kHeads, kKeySize, kValueSize}});
  const auto with = RunBoth(Model(rule, 2, true), data, 1e-5);
  EXPECT_EQ(Values(without.at(0)), Values(with.at(0)));
  EXPECT_EQ(Values(without.at(1)), Values(with.at(1)));
}

TEST(LinearAttention, InputsThatTheRuleDoesNotHaveAreRefused) {
  Rule lacking{"gated", false, false}, unknown{"other", false, false};
  EXPECT_THAT(Refusal(Model(lacking, 2, false)), HasSubstr("its update_rule needs input 4"));
  EXPECT_THAT(Refusal(Model(unknown, 2, false)), HasSubstr("unknown update_rule \"other\""));
  Rule columns{"gated", true, false, 5};
  EXPECT_THAT(Refusal(Model(columns, 2, false)), HasSubstr("a gate"));
}

}  // namespace
}  // namespace tilewright
