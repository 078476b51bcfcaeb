// Golden texts of the lowering: where guards go, which iterations stand alone.
#include "compiler/schedule/schedule.h"

#include <gtest/gtest.h>

#include "compiler/loop/interpret.h"
#include "compiler/loop/text.h"
#include "compiler/loop/verify.h"
#include "compiler/schedule/fixed.h"
#include "compiler/schedule/guards.h"

namespace tilewright {
namespace {

// out[i] = sum over k of in[i + k - 1], where that is inside.
Compute PaddedSum(int64_t extent) {
  Compute c{.name = "padded_sum"};
  const Buffer in = MakeBuffer("in", DType::kF32, {extent});
  c.inputs = {in};
  c.output = MakeBuffer("out", DType::kF32, {extent});
  c.axes = {{Var("i"), extent}};
  c.reduce = {{Var("k"), 3}};
  c.reducer = Reducer::kSum;
  const Expr at = c.axes[0].var + c.reduce[0].var - 1;
  c.body = Load(in, {at});
  c.predicate = And(Le(Int(0), at), Lt(at, Int(extent)));
  return c;
}

// out[i] = sum over k of in[i, k], rounded to float16 at the end.
Compute HalfSum(int64_t rows, int64_t columns) {
  Compute c{.name = "half_sum"};
  const Buffer in = MakeBuffer("in", DType::kF16, {rows, columns});
  c.inputs = {in};
  c.output = MakeBuffer("out", DType::kF16, {rows});
  c.axes = {{Var("i"), rows}};
  c.reduce = {{Var("k"), columns}};
  c.reducer = Reducer::kSum;
  c.body = Cast(Load(in, {c.axes[0].var, c.reduce[0].var}), DType::kF32);
  return c;
}

TEST(Schedule, KeepsPartialSumsInTheTypeOfTheSums) {
  Schedule s(HalfSum(6, 12));
  const auto [outer, tile] = s.Split(s.axis(0), 3);
  const auto [chunk, k] = s.Split(s.reduce(0), 4);
  s.Reorder({chunk, outer, k, tile});
  s.AccumulateAt(2);
  const Program program = s.Lower();
  ASSERT_TRUE(Verify(program).ok()) << Verify(program) << Print(program);
  EXPECT_NE(Print(program).find("alloc sums: stack float32[2,3]"), std::string::npos)
      << Print(program);
  std::vector<Tensor> args = {Tensor({DType::kF16, {6, 12}}), Tensor({DType::kF16, {6}})};
  // Of ones after a 2048 a float16 would keep none.
  for (int64_t i = 0; i < 72; ++i) args[0].Set(i, i % 12 == 0 ? 2048 : 1);
  ASSERT_TRUE(Interpret(program, args).ok()) << Interpret(program, args);
  for (int64_t i = 0; i < 6; ++i) EXPECT_EQ(args[1].AsDouble(i), 2060) << i;
}

// out[i] = 2 * (sum over k of in[i, k] + bias[i])
Compute BiasedSum(DType dtype) {
  Compute c{.name = "biased_sum"};
  c.inputs = {MakeBuffer("in", dtype, {6, 4}), MakeBuffer("bias", dtype, {6})};
  c.output = MakeBuffer("out", dtype, {6});
  c.axes = {{Var("i"), 6}};
  c.reduce = {{Var("k"), 4}};
  c.reducer = Reducer::kSum;
  c.body = Load(c.inputs[0], {c.axes[0].var, c.reduce[0].var});
  c.acc = Var("total", dtype);
  c.result = (c.acc + Load(c.inputs[1], {c.axes[0].var})) * Const(2, dtype);
  return c;
}

TEST(Schedule, StartsSumsOfIntegersFromWhatIsAddedToThem) {
  for (const DType dtype : {DType::kI32, DType::kF32}) {
    Schedule s(BiasedSum(dtype));
    const auto [outer, tile] = s.Split(s.axis(0), 4);
    s.Reorder({outer, s.reduce(0), tile});
    s.AccumulateAt(1);
    const Program program = s.Lower();
    ASSERT_TRUE(Verify(program).ok()) << Verify(program) << Print(program);
    const bool starts = Print(program).find("acc[i_i] = bias[") != std::string::npos;
    EXPECT_EQ(starts, dtype == DType::kI32) << Print(program);
    std::vector<Tensor> args = {Tensor({dtype, {6, 4}}), Tensor({dtype, {6}}),
                                Tensor({dtype, {6}})};
    for (int64_t i = 0; i < 24; ++i) args[0].Set(i, static_cast<double>(i));
    for (int64_t i = 0; i < 6; ++i) args[1].Set(i, static_cast<double>(100 * i));
    ASSERT_TRUE(Interpret(program, args).ok()) << Interpret(program, args);
    for (int64_t i = 0; i < 6; ++i) EXPECT_EQ(args[2].AsDouble(i), 2. * (16 * i + 6 + 100 * i));
  }
}

// Where partial sums wait between two passes, and where lanes are summed apart.
TEST(Schedule, AddsWhatSumsStartFromOnce) {
  for (const bool lanes : {false, true}) {
    Schedule s(BiasedSum(DType::kI32));
    const auto [chunk, k] = s.Split(s.reduce(0), 2);
    s.Reorder({chunk, s.axis(0), k});
    s.AccumulateAt(2);
    if (lanes) s.Vectorize(k);
    const Program program = s.Lower();
    ASSERT_TRUE(Verify(program).ok()) << Verify(program) << Print(program);
    std::vector<Tensor> args = {Tensor({DType::kI32, {6, 4}}), Tensor({DType::kI32, {6}}),
                                Tensor({DType::kI32, {6}})};
    for (int64_t i = 0; i < 6; ++i) args[1].Set(i, 7);
    ASSERT_TRUE(Interpret(program, args).ok()) << Interpret(program, args);
    for (int64_t i = 0; i < 6; ++i) EXPECT_EQ(args[2].AsInt(i), 14) << i << "\n" << Print(program);
  }
}

TEST(Schedule, PartitionsBorderTilesAndShortensTheTail) {
  Schedule s(PaddedSum(14));
  const auto [outer, tile] = s.Split(s.axis(0), 4);
  s.Reorder({outer, s.reduce(0), tile});
  s.Unroll(tile);
  s.AccumulateAt(1);
  EXPECT_EQ(Print(s.Lower()),
            R"(program padded_sum(in: float32[14], out: float32[14]):
  alloc acc: register float32[4] in:
    unroll i_i in 0..4:
      acc[i_i] = 0.0
    for k in 0..3:
      unroll i_i in 0..4:
        if 1 <= i_i + k:
          acc[i_i] = acc[i_i] + in[i_i + k - 1]
    unroll i_i in 0..4:
      out[i_i] = acc[i_i]
  for i_o in 1..3:
    alloc acc: register float32[4]
    unroll i_i in 0..4:
      acc[i_i] = 0.0
    for k in 0..3:
      unroll i_i in 0..4:
        acc[i_i] = acc[i_i] + in[i_o * 4 + i_i + k - 1]
    unroll i_i in 0..4:
      out[i_o * 4 + i_i] = acc[i_i]
  alloc acc: register float32[4]
  unroll i_i in 0..4:
    acc[i_i] = 0.0
  for k in 0..3:
    unroll i_i in 0..2:
      if i_i + k < 3:
        acc[i_i] = acc[i_i] + in[i_i + k + 11]
  unroll i_i in 0..2:
    out[i_i + 12] = acc[i_i]
)");
}

// As words of which some bytes are outside: every tap is summed, but not all are loaded.
TEST(Schedule, PartitionsWhereABodyChoosesTheSame) {
  Compute c = PaddedSum(14);
  c.body = Select(c.predicate, c.body, Float(0));
  c.predicate = nullptr;
  Schedule s(c);
  const auto [outer, tile] = s.Split(s.axis(0), 4);
  s.Reorder({outer, s.reduce(0), tile});
  s.Unroll(tile);
  s.AccumulateAt(1);
  EXPECT_NE(Print(s.Lower()).find(R"(
  for i_o in 1..3:
    alloc acc: register float32[4]
    unroll i_i in 0..4:
      acc[i_i] = 0.0
    for k in 0..3:
      unroll i_i in 0..4:
        acc[i_i] = acc[i_i] + in[i_o * 4 + i_i + k - 1]
)"),
            std::string::npos)
      << Print(s.Lower());
}

TEST(Schedule, CollapsesTheOutermostLoopsIntoOneParallelLoop) {
  Compute c{.name = "copy"};
  c.axes = MakeAxes({3, 5, 16}, "i");
  const Buffer in = MakeBuffer("in", DType::kF32, {3, 5, 16});
  c.inputs = {in};
  c.output = MakeBuffer("out", DType::kF32, {3, 5, 16});
  c.body = Load(in, Vars(c.axes));
  Schedule s(c);
  s.Parallel(2);
  s.Vectorize(s.axis(2));
  EXPECT_EQ(s.Lower().ParallelExtent(), 15);
}

// out[i, j] = sum over k of weight[i, k] * in[j, k]: a row of 64 weights is 4 cache lines.
Compute Rows(int64_t rows) {
  Compute c{.name = "rows"};
  const Buffer weight = MakeBuffer("weight", DType::kF32, {rows, 64});
  const Buffer in = MakeBuffer("in", DType::kF32, {2, 64});
  c.inputs = {weight, in};
  c.output = MakeBuffer("out", DType::kF32, {rows, 2});
  c.axes = {{Var("i"), rows}, {Var("j"), 2}};
  c.reduce = {{Var("k"), 64}};
  c.reducer = Reducer::kSum;
  c.body = Binary(BinaryOp::kMul, Load(weight, {c.axes[0].var, c.reduce[0].var}),
                  Load(in, {c.axes[1].var, c.reduce[0].var}));
  return c;
}

std::string PrefetchedRows(int64_t rows, int64_t k_factor, bool unroll = false) {
  Schedule s(Rows(rows));
  const auto [outer, inner] = s.Split(s.reduce(0), k_factor);
  s.Reorder({s.axis(0), s.axis(1), outer, inner});
  s.AccumulateAt(2);
  if (unroll) s.Unroll(outer);
  s.PrefetchNext(0, 1);
  return Print(s.Lower());
}

TEST(Schedule, SpreadsThePrefetchOfTheNextPieceOverTheSteps) {
  EXPECT_EQ(PrefetchedRows(8, 32),
            R"(program rows(weight: float32[8,64], in: float32[2,64], out: float32[8,2]):
  for i in 0..8:
    for j in 0..2:
      alloc acc: register float32[1]
      acc[0] = 0.0
      for k_o in 0..2:
        prefetch weight, i * 64 + j * 32 + k_o * 16 + 64
        for k_i in 0..32:
          acc[0] = acc[0] + weight[i, k_o * 32 + k_i] * in[j, k_o * 32 + k_i]
      out[i, j] = acc[0]
)");
}

TEST(Schedule, AsksForALineAStepWhereThereAreMoreStepsThanLines) {
  EXPECT_EQ(PrefetchedRows(8, 2),
            R"(program rows(weight: float32[8,64], in: float32[2,64], out: float32[8,2]):
  for i in 0..8:
    for j in 0..2:
      alloc acc: register float32[1]
      acc[0] = 0.0
      for k_o in 0..32:
        prefetch weight, i * 64 + j * 32 + k_o + 64
        for k_i in 0..2:
          acc[0] = acc[0] + weight[i, k_o * 2 + k_i] * in[j, k_o * 2 + k_i]
      out[i, j] = acc[0]
)");
}

TEST(Schedule, RepeatsNoRequestInAnUnrolledLoop) {
  const std::string text = PrefetchedRows(8, 2, true);
  EXPECT_NE(text.find("      prefetch weight, i * 64 + j * 32 + 64\n"
                      "      prefetch weight, i * 64 + j * 32 + 80\n"
                      "      unroll k_o in 0..32:\n"),
            std::string::npos)
      << text;
}

// out[o, x] = sum over k of weight[o, x, k] * in[k], two o at a time.
TEST(Schedule, PrefetchesEachRowOfAnUnrolledTile) {
  Compute c{.name = "tile"};
  c.inputs = {MakeBuffer("weight", DType::kF32, {2, 8, 64}), MakeBuffer("in", DType::kF32, {64})};
  c.output = MakeBuffer("out", DType::kF32, {2, 8});
  c.axes = {{Var("o"), 2}, {Var("x"), 8}};
  c.reduce = {{Var("k"), 64}};
  c.reducer = Reducer::kSum;
  const Expr k = c.reduce[0].var;
  c.body = Load(c.inputs[0], {c.axes[0].var, c.axes[1].var, k}) * Load(c.inputs[1], {k});
  Schedule s(std::move(c));
  const auto [outer, inner] = s.Split(s.reduce(0), 16);
  s.Reorder({s.axis(1), outer, inner, s.axis(0)});
  s.Unroll(s.axis(0));
  s.AccumulateAt(1);
  s.PrefetchNext(0, 1);
  EXPECT_NE(Print(s.Lower()).find("    for k_o in 0..4:\n"
                                  "      prefetch weight, x * 64 + k_o * 16 + 64\n"
                                  "      prefetch weight, x * 64 + k_o * 16 + 576\n"),
            std::string::npos)
      << Print(s.Lower());
}

TEST(Schedule, PrefetchesNothingWhereNoPieceFollows) {
  EXPECT_EQ(PrefetchedRows(1, 32).find("prefetch"), std::string::npos);
}

TEST(PartitionLoop, SplitsOffOnlyTheIterationsThatNeedACondition) {
  const Expr i = Var("i"), x = Var("x");
  const Ranges ranges{{x.get(), {0, 13}}};
  const std::vector<Expr> atoms = {Le(Int(1), i * 14 + x), Lt(i * 14 + x, Int(55))};
  const std::vector<Iterations> parts = PartitionLoop(i, 4, atoms, ranges);
  ASSERT_EQ(parts.size(), 3u);
  EXPECT_EQ(parts[0].hi, 0);
  EXPECT_EQ(parts[1].lo, 1);
  EXPECT_EQ(parts[1].hi, 2);
  EXPECT_EQ(parts[2].lo, 3);
}

TEST(PartitionLoop, KeepsOneLoopWhenNoIterationCanBeFreed) {
  const Expr i = Var("i"), x = Var("x");
  const Ranges ranges{{x.get(), {0, 99}}};
  EXPECT_EQ(PartitionLoop(i, 50, {Lt(i + x, Int(60))}, ranges).size(), 1u);
}

TEST(PrefixLength, IsTheNumberOfLeadingIterationsThatHold) {
  const Expr x = Var("x");
  EXPECT_EQ(PrefixLength(Lt(x + 42, Int(56)), x, 16), 14);
  EXPECT_EQ(PrefixLength(Lt(Int(3), x), x, 16), std::nullopt);
}

}  // namespace
}  // namespace tilewright
