// Attention's definition, interpreted, against softmax written by hand; its rules.
#include "compiler/operators/attention.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/rng.h"
#include "compiler/loop/interpret.h"
#include "compiler/operators/define.h"
#include "compiler/operators/workload_rules.h"

namespace tilewright {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

Workload WorkloadOfKey(const std::string& key) {
  absl::StatusOr<Workload> workload = ParseWorkload(key);
  EXPECT_TRUE(workload.ok()) << workload.status();
  return std::move(workload).value();
}

double ElementAt(const Tensor& t, const Shape& index) {
  int64_t offset = 0;
  for (size_t d = 0; d < index.size(); ++d) {
    offset = offset * t.shape()[d] + (t.shape()[d] == 1 ? 0 : index[d]);
  }
  return t.AsDouble(offset);
}

std::vector<Tensor> RandomInputs(const Workload& w) {
  Rng rng(11);
  std::vector<Tensor> inputs;
  for (const TensorType& type : w.inputs) {
    Tensor tensor(type);
    for (int64_t i = 0; i < tensor.size(); ++i) tensor.Set(i, rng.Uniform(-2, 2));
    inputs.push_back(std::move(tensor));
  }
  return inputs;
}

Tensor Interpreted(const Workload& w, std::vector<Tensor> args) {
  args.emplace_back(ArgumentTypes(w).back());
  const absl::Status status = Interpret(LowerPlain(Define(w)), args);
  EXPECT_TRUE(status.ok()) << status;
  return args.back();
}

// One element in double.
double Attended(const Workload& w, const std::vector<Tensor>& in,
                const std::array<int64_t, 4>& at) {
  const auto [b, m, h, e] = at;
  const AttentionDims d = AttentionDimsOf(w);
  const int64_t g = h / (d.heads / d.groups), causal = w.Attr("causal")[0];
  double total = 0, sum = 0;
  for (int64_t n = 0; n < d.keys; ++n) {
    double score = 0;
    for (int64_t i = 0; i < d.size; ++i)
      score += ElementAt(in[0], {b, m, h, i}) * ElementAt(in[1], {b, n, g, i});
    if (w.Attr("scaled")[0] == 1) score /= std::sqrt(static_cast<double>(d.size));
    if (in.size() > 3) score += ElementAt(in[3], {b, h, m, n});
    if (causal >= 0 && n > m + causal) score = -kInfinity;
    total += std::exp(score);
    sum += std::exp(score) * ElementAt(in[2], {b, n, g, e});
  }
  return sum / total;
}

class DefineAttention : public testing::TestWithParam<std::string> {};

TEST_P(DefineAttention, WeighsValuesBySoftmaxOfScores) {
  const Workload w = WorkloadOfKey(GetParam());
  const std::vector<Tensor> inputs = RandomInputs(w);
  const Tensor out = Interpreted(w, inputs);
  const AttentionDims d = AttentionDimsOf(w);
  ASSERT_EQ(out.shape(), (Shape{d.batch, d.queries, d.heads, d.values}));
  for (int64_t b = 0; b < d.batch; ++b)
    for (int64_t m = 0; m < d.queries; ++m)
      for (int64_t h = 0; h < d.heads; ++h)
        for (int64_t e = 0; e < d.values; ++e)
          ASSERT_NEAR(ElementAt(out, {b, m, h, e}), Attended(w, inputs, {b, m, h, e}), 1e-5);
}

INSTANTIATE_TEST_SUITE_P(
    Forms, DefineAttention,
    testing::Values(
        "attention(float32[2,3,2,5],float32[2,7,2,5],float32[2,7,2,4];causal=-1;empty_rows=0;"
        "scaled=1;,,)",
        "attention(float32[1,3,6,4],float32[1,5,2,4],float32[1,5,2,3],float32[1,6,3,5];causal=-1;"
        "empty_rows=0;scaled=0;,,)",
        "attention(float32[2,4,2,4],float32[2,6,1,4],float32[2,6,1,4],float32[2,1,1,6];causal=2;"
        "empty_rows=1;scaled=1;,,)"));

TEST(DefineAttentionRows, WithoutKeysAreNanOrZero) {
  for (const bool zero : {false, true}) {
    const Workload w =
        WorkloadOfKey(std::string("attention(float32[1,2,1,3],float32[1,4,1,3],float32[1,4,1,2],"
                                  "float32[1,1,2,4];causal=-1;empty_rows=") +
                      (zero ? "1" : "0") + ";scaled=1;,,)");
    std::vector<Tensor> inputs = RandomInputs(w);
    for (int64_t n = 0; n < 4; ++n) inputs[3].Set(n, -kInfinity);
    const Tensor out = Interpreted(w, inputs);
    EXPECT_TRUE(zero ? out.AsDouble(0) == 0 : std::isnan(out.AsDouble(0)));
    EXPECT_NEAR(out.AsDouble(2), Attended(w, inputs, {0, 1, 0, 0}), 1e-5);
  }
}

TEST(AttentionWorkload, CountsBothProducts) {
  const Workload w = WorkloadOfKey(
      "attention(float32[2,3,4,5],float32[2,7,2,5],float32[2,7,2,6];causal=-1;empty_rows=0;"
      "scaled=1;,,)");
  EXPECT_EQ(Flops(w), 2.0 * 2 * 3 * 4 * 7 * (5 + 6));
}

TEST(AttentionWorkload, SaysWhatIsWrong) {
  const auto error = [](const std::string& types, const std::string& attributes) {
    const std::string key = "attention(" + types + ";" + attributes + ";,,)";
    return std::string(ParseWorkload(key).status().message());
  };
  const std::string plain = "causal=-1;empty_rows=0;scaled=1";
  const std::string q = "float32[1,3,4,5]", k = "float32[1,7,2,5]", v = "float32[1,7,2,6]";
  using testing::HasSubstr;
  EXPECT_THAT(error(q + "," + k, plain), HasSubstr("3 to 4 inputs, found 2"));
  EXPECT_THAT(error(q + "," + k + "," + v + "," + v + "," + v, plain), HasSubstr("found 5"));
  EXPECT_THAT(error(q + "," + k + ",float32[1,7,2]", plain), HasSubstr("rank 4"));
  EXPECT_THAT(error(q + "," + k + ",float32[1,8,2,6]", plain), HasSubstr("disagree"));
  EXPECT_THAT(error(q + "," + k + ",float16[1,7,2,6]", plain), HasSubstr("of one type"));
  EXPECT_THAT(error("float32[1,3,3,5]," + k + "," + v, plain), HasSubstr("no multiple"));
  EXPECT_THAT(error(q + "," + k + "," + v + ",float32[1,4,3,1]", plain), HasSubstr("broadcast"));
  EXPECT_THAT(error(q + "," + k + "," + v + ",bool[1,4,3,7]", plain), HasSubstr("mask must be"));
  EXPECT_THAT(error(q + "," + k + "," + v, "causal=-2;empty_rows=0;scaled=1"),
              HasSubstr("outside -1"));
  EXPECT_THAT(error(q + "," + k + "," + v, "causal=-1;empty_rows=0;scaled=2"),
              HasSubstr("scaled must be 0 or 1"));
  EXPECT_THAT(error("float32[1,3,4,4096],float32[1,7,2,4096],float32[1,7,2,6]", plain),
              HasSubstr("are the most"));
  const std::string key = "attention(" + q + "," + k + "," + v + ";" + plain + ";,,)";
  EXPECT_THAT(std::string(ParseWorkload(key + "+relu").status().message()),
              HasSubstr("no epilogue"));
}

}  // namespace
}  // namespace tilewright
