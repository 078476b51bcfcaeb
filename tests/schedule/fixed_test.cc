// The schedule of untuned operators computes what the plain definition computes.
#include "compiler/schedule/fixed.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/rng.h"
#include "compiler/loop/interpret.h"
#include "compiler/loop/text.h"
#include "compiler/loop/verify.h"
#include "compiler/schedule/fixed_gpu.h"

namespace tilewright {
namespace {

Compute RowReduction(Reducer reducer, const Shape& shape) {
  Compute c{.name = "row_reduction"};
  const Buffer in = MakeBuffer("in", DType::kF32, shape);
  c.inputs = {in};
  const Shape rows(shape.begin(), shape.end() - 1);
  c.output = MakeBuffer("out", DType::kF32, rows);
  c.axes = MakeAxes(rows, "i");
  c.reduce = {{Var("k"), shape.back()}};
  c.reducer = reducer;
  std::vector<Expr> at = Vars(c.axes);
  at.push_back(c.reduce[0].var);
  c.body = Load(in, at);
  return c;
}

Compute MaxPool3x3(int64_t channels, int64_t height, int64_t width, int64_t lanes) {
  Compute c{.name = "max_pool"};
  const Buffer in = MakeBuffer("in", DType::kF32, {channels, height, width, lanes});
  c.inputs = {in};
  c.output = MakeBuffer("out", DType::kF32, {channels, height / 2, width / 2, lanes});
  c.axes = MakeAxes(c.output->shape, "i");
  c.reduce = {{Var("kh"), 3}, {Var("kw"), 3}};
  c.reducer = Reducer::kMax;
  const Expr h = c.axes[1].var * 2 + c.reduce[0].var - 1;
  const Expr w = c.axes[2].var * 2 + c.reduce[1].var - 1;
  c.body = Load(in, {c.axes[0].var, h, w, c.axes[3].var});
  c.predicate = And(And(Le(Int(0), h), Lt(h, Int(height))), And(Le(Int(0), w), Lt(w, Int(width))));
  return c;
}

Compute Transpose(int64_t rows, int64_t columns) {
  Compute c{.name = "transpose"};
  const Buffer in = MakeBuffer("in", DType::kF32, {rows, columns});
  c.inputs = {in};
  c.output = MakeBuffer("out", DType::kF32, {columns, rows});
  c.axes = MakeAxes({columns, rows}, "i");
  c.body = Load(in, {c.axes[1].var, c.axes[0].var});
  return c;
}

Tensor Run(const Program& program) {
  std::vector<Tensor> args;
  for (const Buffer& buffer : program.params)
    args.emplace_back(TensorType{buffer->dtype, buffer->shape});
  Rng rng(7);
  for (int64_t i = 0; i < args[0].size(); ++i) {
    args[0].as<float>()[i] = static_cast<float>(rng.Uniform(-1, 1));
  }
  const absl::Status status = Interpret(program, args);
  EXPECT_TRUE(status.ok()) << status;
  return args.back();
}

void ExpectSameAsPlain(const Compute& compute) {
  const Target target = ParseTarget("cpu -mcpu=znver5").value();
  const Program scheduled = ScheduleFixed(compute, target);
  ASSERT_TRUE(Verify(scheduled).ok()) << Verify(scheduled);
  const Tensor actual = Run(scheduled), expected = Run(LowerPlain(compute));
  for (int64_t i = 0; i < expected.size(); ++i) {
    const float e = expected.as<float>()[i];
    ASSERT_LE(std::fabs(actual.as<float>()[i] - e), 1e-5 * (1 + std::fabs(e))) << compute.name;
  }
}

TEST(ScheduleFixed, ReducesRowsThatFillVectors) {
  ExpectSameAsPlain(RowReduction(Reducer::kSum, {3, 13, 64}));
  ExpectSameAsPlain(RowReduction(Reducer::kMax, {20, 128}));
}

TEST(ScheduleFixed, ReducesRowsWithATail) {
  ExpectSameAsPlain(RowReduction(Reducer::kSum, {9, 49}));
}

TEST(ScheduleFixed, ReducesToAScalar) {
  ExpectSameAsPlain(RowReduction(Reducer::kSum, {32}));
  ExpectSameAsPlain(RowReduction(Reducer::kMin, {7}));
}

TEST(ScheduleFixed, PoolsWithPadding) { ExpectSameAsPlain(MaxPool3x3(2, 11, 23, 16)); }

// Windows of plain rows, whose columns are vectors with masked borders.
TEST(ScheduleFixed, PoolsPlainRows) {
  for (const int64_t width : {6, 28, 37}) {
    Compute c = MaxPool3x3(3, 9, width, 1);
    c.axes.pop_back();
    const Buffer in = MakeBuffer("in", DType::kF32, {3, 9, width});
    c.output = MakeBuffer("out", DType::kF32, {3, 4, width / 2});
    c.body = Load(in, {c.body->operands.begin(), c.body->operands.end() - 1});
    c.inputs = {in};
    ExpectSameAsPlain(c);
  }
}

TEST(ScheduleFixed, MovesDataWithTails) { ExpectSameAsPlain(Transpose(19, 37)); }

// Running sums along rows, which read the output back.
Compute RunningSums(int64_t rows, int64_t columns, LoopKind kind) {
  Compute c{.name = "running_sums"};
  const Buffer in = MakeBuffer("in", DType::kF32, {rows, columns});
  c.inputs = {in};
  c.output = MakeBuffer("out", DType::kF32, {rows, columns});
  c.axes = MakeAxes({rows, columns}, "i");
  const Expr row = Var("row"), i = Var("i");
  const Stmt first = Store(c.output, {row, Int(0)}, Load(in, {row, Int(0)}));
  const Stmt next =
      Store(c.output, {row, i + 1}, Load(c.output, {row, i}) + Load(in, {row, i + 1}));
  c.procedure = For(row, rows, kind, Seq({first, For(i, columns - 1, LoopKind::kSerial, next)}));
  return c;
}

TEST(FixedSchedule, AProcedureStaysAsItIs) {
  const Compute sums = RunningSums(4, 9, LoopKind::kParallel);
  const Program scheduled = ScheduleFixed(sums, ParseTarget("cpu -mcpu=znver5").value());
  EXPECT_EQ(Print(scheduled), Print(LowerPlain(sums)));
  EXPECT_EQ(scheduled.ParallelExtent(), 4);
}

// Of the loop bound to an axis; a loop of one iteration is none.
int64_t ExtentOf(const Stmt& stmt, ThreadAxis axis) {
  if (stmt->kind == StmtKind::kFor && stmt->axis == axis) return *AsInt(stmt->extent);
  int64_t extent = 1;
  for (const Stmt& inside : stmt->body) extent *= ExtentOf(inside, axis);
  return extent;
}

void ExpectSameOnGpu(const Compute& compute, int64_t blocks, int64_t threads) {
  const Program scheduled = ScheduleFixedGpu(compute);
  const absl::Status status = Verify(scheduled);
  ASSERT_TRUE(status.ok()) << status << "\n" << Print(scheduled);
  EXPECT_EQ(ExtentOf(scheduled.body, ThreadAxis::kBlockX), blocks);
  EXPECT_EQ(ExtentOf(scheduled.body, ThreadAxis::kThreadX), threads);
  const Tensor found = Run(scheduled), expected = Run(LowerPlain(compute));
  for (int64_t i = 0; i < expected.size(); ++i) {
    ASSERT_EQ(found.as<float>()[i], expected.as<float>()[i]) << i;
  }
}

TEST(FixedGpuSchedule, TheIndependentRowsOfAProcedureAreThreads) {
  ExpectSameOnGpu(RunningSums(300, 5, LoopKind::kParallel), 3, 128);
  ExpectSameOnGpu(RunningSums(7, 5, LoopKind::kParallel), 1, 7);
}

TEST(FixedGpuSchedule, AProcedureInOrderIsOneThread) {
  ExpectSameOnGpu(RunningSums(3, 5, LoopKind::kSerial), 1, 1);
}

}  // namespace
}  // namespace tilewright
