// Unique, Det and TfIdfVectorizer against plain loops, with repeats, NaN and sizes at which a
// quadratic definition would not end.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "base/rng.h"
#include "compiler/onnx/import.h"
#include "tests/onnx/evaluate.h"
#include "tests/onnx/run_both.h"

namespace tilewright {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Tensor FewValues(Rng& rng, const Shape& shape, uint64_t values) {
  Tensor tensor({DType::kF32, shape});
  for (int64_t i = 0; i < tensor.size(); ++i) tensor.Set(i, static_cast<double>(rng.Below(values)));
  return tensor;
}

ModelBuilder UniqueModel(const Shape& shape, bool sorted, bool along_rows) {
  ModelBuilder m(11);
  m.Input("x", shape);
  onnx::NodeProto& node = m.Node("Unique", {"x"}, {"y", "first", "which", "counts"});
  SetInt(node, "sorted", sorted ? 1 : 0);
  if (along_rows) SetInt(node, "axis", 0);
  for (const char* name : {"y", "first", "which", "counts"}) m.Output(name);
  return m;
}

// The distinct rows in order, each with its first position and its number.
struct Distinct {
  std::vector<std::vector<double>> rows;
  std::vector<int64_t> first, counts, which;
};

Distinct FindDistinct(const Tensor& x, int64_t width, bool sorted) {
  std::map<std::vector<double>, std::vector<int64_t>> places;
  std::vector<std::vector<double>> all;
  for (int64_t i = 0; i < x.size() / width; ++i) {
    std::vector<double> row;
    for (int64_t k = 0; k < width; ++k) row.push_back(x.AsDouble(i * width + k));
    places[row].push_back(i);
    all.push_back(row);
  }
  Distinct d;
  for (const auto& [row, at] : places) d.rows.push_back(row);
  if (!sorted) {
    std::sort(d.rows.begin(), d.rows.end(),
              [&](const auto& a, const auto& b) { return places[a][0] < places[b][0]; });
  }
  for (const auto& row : d.rows) {
    d.first.push_back(places[row][0]);
    d.counts.push_back(static_cast<int64_t>(places[row].size()));
  }
  for (const auto& row : all) {
    d.which.push_back(std::find(d.rows.begin(), d.rows.end(), row) - d.rows.begin());
  }
  return d;
}

TEST(Unique, RowsAndElementsAreThoseOfAPlainLoop) {
  constexpr uint64_t kSeed = 21;
  Rng rng(kSeed);
  for (int i = 0; i < 40; ++i) {
    SCOPED_TRACE(testing::Message() << "seed " << kSeed << ", case " << i);
    const bool sorted = rng.Below(2) == 0, rows = rng.Below(2) == 0;
    const Tensor x = FewValues(
        rng, {static_cast<int64_t>(rng.Below(20) + 1), static_cast<int64_t>(rng.Below(3) + 1)}, 3);
    const auto graph = ImportOnnx(UniqueModel(x.shape(), sorted, rows).Bytes(), {});
    ASSERT_TRUE(graph.ok()) << graph.status();
    const auto out = EvaluateGraph(*graph, {{"x", x}});
    ASSERT_TRUE(out.ok()) << out.status();
    const int64_t width = rows ? x.shape()[1] : 1;
    const Distinct expected = FindDistinct(x, width, sorted);
    const int64_t count = (*out)[4].AsInt(0);
    ASSERT_EQ(count, static_cast<int64_t>(expected.rows.size()));
    for (int64_t u = 0; u < count; ++u) {
      ASSERT_EQ((*out)[1].AsInt(u), expected.first[u]);
      ASSERT_EQ((*out)[3].AsInt(u), expected.counts[u]);
      for (int64_t k = 0; k < width; ++k) {
        ASSERT_EQ((*out)[0].AsDouble(u * width + k), expected.rows[u][k]);
      }
    }
    for (size_t k = 0; k < expected.which.size(); ++k) {
      ASSERT_EQ((*out)[2].AsInt(static_cast<int64_t>(k)), expected.which[k]);
    }
  }
}

TEST(Unique, NanIsOneValueBehindAllOthers) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const Tensor x({DType::kF32, {5}}, std::vector<float>{nan, 2, nan, 1, 2});
  const auto out = RunBoth(UniqueModel({5}, true, false), {{"x", x}});
  ASSERT_EQ(out.size(), 7u);
  EXPECT_EQ(out[4].AsInt(0), 3);
  EXPECT_EQ(out[0].AsDouble(0), 1);
  EXPECT_EQ(out[0].AsDouble(1), 2);
  EXPECT_TRUE(std::isnan(out[0].AsDouble(2)));
  EXPECT_EQ(out[3].AsInt(2), 2);
}

TEST(Unique, ManyElementsAreSortedByCompiledCode) {
  Rng rng(22);
  const int64_t n = 200'000;
  const Tensor x = FewValues(rng, {n}, 1 << 16);
  const auto graph = ImportOnnx(UniqueModel({n}, true, false).Bytes(), {});
  ASSERT_TRUE(graph.ok()) << graph.status();
  const auto out = RunCompiled(*graph, {{"x", x}});
  ASSERT_EQ(out.size(), 7u);
  std::vector<double> all = Values(x);
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  ASSERT_EQ(out[4].AsInt(0), static_cast<int64_t>(all.size()));
  for (size_t i = 0; i < all.size(); ++i) {
    ASSERT_EQ(out[0].AsDouble(static_cast<int64_t>(i)), all[i]);
  }
}

TEST(Det, SingularMatricesHaveNoneAndRowsMayBeExchanged) {
  ModelBuilder m(11);
  m.Input("x", {3, 3, 3});
  m.Node("Det", {"x"}, {"y"});
  m.Output("y");
  const Tensor x({DType::kF32, {3, 3, 3}},
                 std::vector<float>{0, 2,  0, 3,  0, 0,  0, 0,  4,   // needs an exchange
                                    1, 2,  3, 2,  4, 6,  7, 8,  10,  // singular
                                    2, -1, 0, -1, 2, -1, 0, -1, 2});
  const auto out = RunBoth(m, {{"x", x}});
  ASSERT_EQ(out.size(), 1u);
  EXPECT_NEAR(out[0].AsDouble(0), -24, 1e-4);
  EXPECT_NEAR(out[0].AsDouble(1), 0, 1e-4);
  EXPECT_NEAR(out[0].AsDouble(2), 4, 1e-4);
}

TEST(Det, OnlySquareMatricesHaveOne) {
  ModelBuilder m(11);
  m.Input("x", {2, 3});
  m.Node("Det", {"x"}, {"y"});
  m.Output("y");
  const auto graph = ImportOnnx(m.Bytes(), {});
  ASSERT_FALSE(graph.ok());
  EXPECT_THAT(std::string(graph.status().message()), HasSubstr("no batch of square matrices"));
}

ModelBuilder BigramModel(const std::string& mode) {
  ModelBuilder m(9);
  m.Input("x", {2, 5}, onnx::TensorProto::INT64);
  onnx::NodeProto& node = m.Node("TfIdfVectorizer", {"x"}, {"y"});
  SetInt(node, "max_gram_length", 2);
  SetInt(node, "min_gram_length", 1);
  SetInt(node, "max_skip_count", 1);
  SetInts(node, "ngram_counts", {0, 2});
  SetInts(node, "ngram_indexes", {2, 0, 1});
  SetInts(node, "pool_int64s", {7, 5, 5, 7});
  SetString(node, "mode", mode);
  onnx::AttributeProto& weights = *node.add_attribute();
  weights.set_name("weights");
  weights.set_type(onnx::AttributeProto::FLOATS);
  for (float w : {2.f, 3.f, 4.f}) weights.add_floats(w);
  m.Output("y");
  return m;
}

// 7 in column 2, 5 in column 0, (5, 7) with up to one word between in column 1.
TEST(TfIdf, CountsNGramsWithSkipsAndWeighsThem) {
  const Tensor x({DType::kI64, {2, 5}}, std::vector<int64_t>{5, 5, 7, 1, 7, 2, 2, 2, 2, 2});
  EXPECT_THAT(Values(RunBoth(BigramModel("TF"), {{"x", x}})[0]), ElementsAre(2, 2, 2, 0, 0, 0));
  EXPECT_THAT(Values(RunBoth(BigramModel("IDF"), {{"x", x}})[0]), ElementsAre(3, 4, 2, 0, 0, 0));
  EXPECT_THAT(Values(RunBoth(BigramModel("TFIDF"), {{"x", x}})[0]), ElementsAre(6, 8, 4, 0, 0, 0));
}

}  // namespace
}  // namespace tilewright
