#include "compiler/driver/constant_evaluator.h"

#include "compiler/core/tensor.h"
#include "gtest/gtest.h"

namespace tilewright {
namespace {

// out[i] = sum over j of in[i, j] * in[i, j]; the name is no C identifier.
Compute SquaredNorms(int64_t rows, int64_t columns) {
  Compute compute{.name = "squared/norms"};
  const Buffer in = MakeBuffer("in", DType::kF32, {rows, columns});
  compute.inputs = {in};
  compute.output = MakeBuffer("out", DType::kF32, {rows});
  compute.axes = MakeAxes({rows}, "i");
  compute.reduce = MakeAxes({columns}, "j");
  compute.reducer = Reducer::kSum;
  const Expr x = Load(in, {compute.axes[0].var, compute.reduce[0].var});
  compute.body = x * x;
  return compute;
}

Tensor Counting(int64_t rows, int64_t columns) {
  std::vector<float> values(rows * columns);
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i % 7);
  return Tensor({DType::kF32, {rows, columns}}, values);
}

TEST(ConstantEvaluator, CompiledAndInterpretedAgree) {
  const ConstantEvaluator evaluate = MakeConstantEvaluator();
  const auto small = evaluate(SquaredNorms(8, 64), {Counting(8, 64)});
  const auto large = evaluate(SquaredNorms(800, 64), {Counting(800, 64)});
  ASSERT_TRUE(small.ok()) << small.status();
  ASSERT_TRUE(large.ok()) << large.status();
  for (int64_t i = 0; i < 8; ++i) EXPECT_EQ(small->AsDouble(i), large->AsDouble(i));
}

TEST(ConstantEvaluator, NamesAnInputOfAnotherType) {
  const auto result = MakeConstantEvaluator()(SquaredNorms(2, 3), {Counting(3, 2)});
  EXPECT_EQ(result.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(result.status().message().find("expected float32[2,3]"), absl::string_view::npos);
}

TEST(ConstantEvaluator, CountsTheInputs) {
  const auto result = MakeConstantEvaluator()(SquaredNorms(2, 3), {});
  EXPECT_EQ(result.status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace tilewright
