// Layout changes, transposes and merged axes compute what the plain definition computes.
#include "compiler/schedule/transpose_tiles.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "base/rng.h"
#include "compiler/core/tensor.h"
#include "compiler/loop/interpret.h"
#include "compiler/loop/text.h"
#include "compiler/loop/verify.h"
#include "compiler/loop/visit.h"
#include "compiler/schedule/fixed.h"
#include "compiler/schedule/merge_axes.h"

namespace tilewright {
namespace {

Compute Transposed(const Shape& in, const std::vector<int>& order) {
  Compute c{.name = "transpose"};
  c.inputs = {MakeBuffer("in", DType::kF32, in)};
  Shape out;
  for (const int d : order) out.push_back(in[d]);
  c.output = MakeBuffer("out", DType::kF32, out);
  c.axes = MakeAxes(out, "i");
  std::vector<Expr> at(in.size());
  for (size_t i = 0; i < order.size(); ++i) at[order[i]] = c.axes[i].var;
  c.body = Load(c.inputs[0], at);
  return c;
}

// [N,C,P] to [N,ceil(C/x),P,x], zeros beyond C.
Compute Pack(const Shape& in, int64_t x) {
  Compute c{.name = "pack"};
  c.inputs = {MakeBuffer("in", DType::kF32, in)};
  c.output = MakeBuffer("out", DType::kF32, {in[0], (in[1] + x - 1) / x, in[2], x});
  c.axes = MakeAxes(c.output->shape, "i");
  const Expr channel = c.axes[1].var * x + c.axes[3].var;
  c.body = Select(Lt(channel, Int(in[1])),
                  Load(c.inputs[0], {c.axes[0].var, channel, c.axes[2].var}), Float(0));
  return c;
}

// The way back.
Compute Unpack(const Shape& out, int64_t x) {
  Compute c{.name = "unpack"};
  c.inputs = {MakeBuffer("in", DType::kF32, {out[0], (out[1] + x - 1) / x, out[2], x})};
  c.output = MakeBuffer("out", DType::kF32, out);
  c.axes = MakeAxes(out, "i");
  const Expr channel = c.axes[1].var;
  c.body =
      Load(c.inputs[0], {c.axes[0].var, FloorDiv(channel, x), c.axes[2].var, FloorMod(channel, x)});
  return c;
}

// A second input that is read along the output, and one that is read across.
Compute WithOperands(Compute c) {
  const Buffer same = MakeBuffer("same", DType::kF32, c.output->shape);
  const Buffer across = MakeBuffer("across", DType::kF32, c.inputs[0]->shape);
  c.inputs.insert(c.inputs.end(), {same, across});
  const Expr again = c.body->kind == ExprKind::kLoad ? Load(across, c.body->operands) : Float(2);
  c.body = Max(c.body + again, Load(same, Vars(c.axes)));
  return c;
}

void ExpectSame(const Compute& compute, const Program& program) {
  ASSERT_TRUE(Verify(program).ok()) << Verify(program) << Print(program);
  const Program plain = LowerPlain(compute);
  std::vector<Tensor> expected, actual;
  Rng rng(3);
  for (size_t p = 0; p < plain.params.size(); ++p) {
    expected.emplace_back(TensorType{plain.params[p]->dtype, plain.params[p]->shape});
    actual.emplace_back(TensorType{program.params[p]->dtype, program.params[p]->shape});
    ASSERT_EQ(expected[p].size(), actual[p].size());
    for (int64_t i = 0; i < expected[p].size(); ++i) {
      expected[p].as<float>()[i] = actual[p].as<float>()[i] =
          static_cast<float>(rng.Uniform(-1, 1));
    }
  }
  ASSERT_TRUE(Interpret(plain, expected).ok());
  const absl::Status status = Interpret(program, actual);
  ASSERT_TRUE(status.ok()) << status << Print(program);
  for (int64_t i = 0; i < expected.back().size(); ++i) {
    ASSERT_EQ(actual.back().as<float>()[i], expected.back().as<float>()[i])
        << "element " << i << " of\n"
        << Print(plain) << Print(program);
  }
}

void ExpectTiled(const Compute& compute, const std::vector<int64_t>& sides = {4, 8, 16}) {
  for (const int64_t lanes : sides) {
    const std::optional<Program> program = TransposeTiles(compute, lanes);
    ASSERT_TRUE(program) << Print(LowerPlain(compute));
    ExpectSame(compute, *program);
  }
}

void ExpectSameOnTargets(const Compute& compute) {
  for (const char* target : {"cpu -mcpu=x86-64", "cpu -mcpu=haswell", "cpu -mcpu=znver5"}) {
    ExpectSame(compute, ScheduleFixed(compute, ParseTarget(target).value()));
  }
}

TEST(TransposeTiles, TakesTransposesWithTails) {
  ExpectTiled(Transposed({19, 37}, {1, 0}));
  ExpectTiled(Transposed({4, 5}, {1, 0}));
  ExpectTiled(Transposed({3, 21, 6, 33}, {3, 0, 2, 1}));
}

TEST(TransposeTiles, TakesLayoutChangesOfAnyNumberOfChannels) {
  for (const int64_t channels : {5, 8, 13, 16, 40}) {
    for (const int64_t pixels : {5, 7, 49}) {
      ExpectTiled(Pack({2, channels, pixels}, 8));
      ExpectTiled(Unpack({2, channels, pixels}, 8), {4, 8});
    }
  }
}

// Rows from elsewhere: divisions of the channel are the same for a whole row.
TEST(TransposeTiles, TakesPacksOfShuffledChannels) {
  Compute c = Pack({2, 24, 21}, 8);
  const Expr channel = c.axes[1].var * 8 + c.axes[3].var;
  const Expr from = FloorMod(channel, 3) * 8 + FloorDiv(channel, 3);
  c.body = Load(c.inputs[0], {c.axes[0].var, from, c.axes[2].var});
  ExpectTiled(c, {4, 8});
}

TEST(TransposeTiles, StagesOnlyWhatReadsAcross) {
  ExpectTiled(WithOperands(Transposed({19, 37}, {1, 0})));
  ExpectTiled(WithOperands(Pack({2, 24, 10}, 8)));
  ExpectTiled(WithOperands(Unpack({2, 24, 10}, 8)), {4, 8});
}

TEST(TransposeTiles, LeavesWhatReadsAlongTheOutput) {
  EXPECT_FALSE(TransposeTiles(Transposed({9, 16, 32}, {1, 0, 2}), 8));
}

// A read that a condition guards stays behind it.
TEST(TransposeTiles, LeavesMixedDirectionsBehindAGuard) {
  Compute c = Transposed({16, 16}, {1, 0});
  const Buffer same = MakeBuffer("same", DType::kF32, {16, 16});
  c.inputs.push_back(same);
  const Expr row = c.axes[0].var, column = c.axes[1].var;
  c.body = Select(Lt(row, column), Load(same, {row, column}), c.body);
  EXPECT_FALSE(TransposeTiles(c, 8));
  ExpectSameOnTargets(c);
}

TEST(TransposeTiles, RandomTransposesAgreeOnEveryTarget) {
  Rng rng(11);
  for (int trial = 0; trial < 60; ++trial) {
    Shape shape(2 + rng.Below(3));
    for (int64_t& extent : shape) extent = 1 + static_cast<int64_t>(rng.Below(20));
    std::vector<int> order(shape.size());
    std::iota(order.begin(), order.end(), 0);
    for (size_t i = order.size(); i-- > 1;) std::swap(order[i], order[rng.Below(i + 1)]);
    const Compute plain = Transposed(shape, order);
    SCOPED_TRACE(trial);
    ExpectSameOnTargets(rng.Below(2) == 0 ? plain : WithOperands(plain));
  }
}

TEST(MergeAxes, JoinsWhatEveryTensorWalksTogether) {
  Compute c = Transposed({1, 6, 7, 7}, {0, 1, 2, 3});
  const Buffer bias = MakeBuffer("bias", DType::kF32, {6});
  c.inputs.push_back(bias);
  EXPECT_EQ(MergeAxes(c).output->shape, (Shape{294}));
  c.body = c.body + Load(bias, {c.axes[1].var});
  EXPECT_EQ(MergeAxes(c).output->shape, (Shape{6, 49}));
  ExpectSame(c, LowerPlain(MergeAxes(c)));
}

TEST(MergeAxes, KeepsAxesThatAreNeededAlone) {
  const Compute window = Transposed({4, 5}, {0, 1});
  Compute shifted = window;
  const Buffer wide = MakeBuffer("wide", DType::kF32, {4, 6});
  shifted.inputs = {wide};
  shifted.body = Load(wide, {shifted.axes[0].var, shifted.axes[1].var});
  EXPECT_EQ(MergeAxes(shifted).axes.size(), 2u);  // rows of 5 in rows of 6
  Compute counted = window;
  counted.body = counted.body + Cast(counted.axes[1].var, DType::kF32);
  EXPECT_EQ(MergeAxes(counted).axes.size(), 2u);
  EXPECT_EQ(MergeAxes(Transposed({1, 1}, {0, 1})).axes.size(), 1u);
}

TEST(MergeAxes, JoinsReductions) {
  Compute c{.name = "mean"};
  c.inputs = {MakeBuffer("in", DType::kF32, {3, 4, 5})};
  c.output = MakeBuffer("out", DType::kF32, {3});
  c.axes = MakeAxes({3}, "i");
  c.reduce = MakeAxes({4, 5}, "r");
  c.reducer = Reducer::kMax;
  c.body = Load(c.inputs[0], {c.axes[0].var, c.reduce[0].var, c.reduce[1].var});
  const Compute merged = MergeAxes(c);
  ASSERT_EQ(merged.reduce.size(), 1u);
  EXPECT_EQ(merged.reduce[0].extent, 20);
  ExpectSame(c, LowerPlain(merged));
  ExpectSameOnTargets(c);
}

TEST(ScheduleFixed, SharesASingleAxisAmongThreads) {
  const Compute c = Transposed({1, 64, 32, 32}, {0, 1, 2, 3});
  const Program program = ScheduleFixed(c, ParseTarget("cpu -mcpu=haswell").value());
  EXPECT_EQ(program.ParallelExtent(), 16);
  ExpectSame(c, program);
}

}  // namespace
}  // namespace tilewright
