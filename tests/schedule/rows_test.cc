// The schedule of definitions with stages computes what their plain definition computes.
#include <gtest/gtest.h>

#include <cmath>

#include "base/rng.h"
#include "compiler/loop/interpret.h"
#include "compiler/loop/text.h"
#include "compiler/loop/verify.h"
#include "compiler/loop/visit.h"
#include "compiler/schedule/fixed.h"
#include "compiler/schedule/fixed_gpu.h"

namespace tilewright {
namespace {

Buffer RowScratch(const char* name, Shape shape) {
  return MakeBuffer(name, DType::kF32, std::move(shape), Scope::kStack);
}

// in [batch, rows, columns]: softmax over the columns, in three stages.
Compute SoftmaxRows(int64_t batch, int64_t rows, int64_t columns) {
  Compute c{.name = "softmax", .rows = 2};
  const Shape shape = {batch, rows, columns};
  const Buffer in = MakeBuffer("in", DType::kF32, shape);
  c.inputs = {in};
  c.output = MakeBuffer("out", DType::kF32, shape);
  c.axes = MakeAxes(shape, "i");
  const Expr b = c.axes[0].var, r = c.axes[1].var, k = Var("k"), e = Var("e"), n = Var("n");
  Compute maximum{.name = "stage0", .output = RowScratch("stage0", {1})};
  maximum.axes = {{Var("one"), 1}};
  maximum.reduce = {{k, columns}};
  maximum.reducer = Reducer::kMax;
  maximum.body = Load(in, {b, r, k});
  Compute exps{.name = "stage1", .output = RowScratch("stage1", {columns})};
  exps.axes = {{e, columns}};
  const Expr power = Load(in, {b, r, e}) - Load(maximum.output, {Int(0)});
  exps.body = Call("exp", {power}, DType::kF32);
  Compute sum{.name = "stage2", .output = RowScratch("stage2", {1})};
  sum.axes = {{Var("one"), 1}};
  sum.reduce = {{n, columns}};
  sum.reducer = Reducer::kSum;
  sum.body = Load(exps.output, {n});
  sum.acc = Var("acc", DType::kF32);
  sum.result = Binary(BinaryOp::kDiv, Float(1), sum.acc);
  c.body = Load(exps.output, {c.axes[2].var}) * Load(sum.output, {Int(0)});
  c.stages = {maximum, exps, sum};
  return c;
}

// in [batch, height, width, lanes] less its mean over height and width.
Compute CentreBlocks(int64_t batch, int64_t height, int64_t width, int64_t lanes) {
  Compute c{.name = "centre", .rows = 1};
  const Shape shape = {batch, height, width, lanes};
  const Buffer in = MakeBuffer("in", DType::kF32, shape);
  c.inputs = {in};
  c.output = MakeBuffer("out", DType::kF32, shape);
  c.axes = MakeAxes(shape, "i");
  Compute mean{.name = "stage0", .output = RowScratch("stage0", {1, 1, lanes})};
  mean.axes = MakeAxes({1, 1, lanes}, "m");
  mean.reduce = MakeAxes({height, width}, "r");
  mean.reducer = Reducer::kSum;
  mean.body = Load(in, {c.axes[0].var, mean.reduce[0].var, mean.reduce[1].var, mean.axes[2].var});
  mean.acc = Var("acc", DType::kF32);
  mean.result = mean.acc * Float(1.0 / static_cast<double>(height * width));
  c.body = Load(in, Vars(c.axes)) - Load(mean.output, {Int(0), Int(0), c.axes[3].var});
  c.stages = {mean};
  return c;
}

Tensor RunRows(const Program& program) {
  std::vector<Tensor> args;
  for (const Buffer& buffer : program.params) {
    args.emplace_back(TensorType{buffer->dtype, buffer->shape});
  }
  Rng rng(7);
  for (int64_t i = 0; i < args[0].size(); ++i) {
    args[0].as<float>()[i] = static_cast<float>(rng.Uniform(-2, 2));
  }
  const absl::Status status = Interpret(program, args);
  EXPECT_TRUE(status.ok()) << status << "\n" << Print(program);
  return args.back();
}

void ExpectRowsAsPlain(const Compute& compute, const Program& scheduled) {
  ASSERT_TRUE(Verify(scheduled).ok()) << Verify(scheduled) << "\n" << Print(scheduled);
  const Tensor actual = RunRows(scheduled), expected = RunRows(LowerPlain(compute));
  for (int64_t i = 0; i < expected.size(); ++i) {
    ASSERT_NEAR(actual.as<float>()[i], expected.as<float>()[i], 1e-5) << Print(scheduled);
  }
}

void ExpectRowsAsPlain(const Compute& compute) {
  for (const char* target : {"cpu -mcpu=znver5", "cpu -mcpu=x86-64"}) {
    ExpectRowsAsPlain(compute, ScheduleFixed(compute, ParseTarget(target).value()));
  }
}

TEST(ScheduleRows, ComputesRowsOfEveryLength) {
  for (const int64_t columns : {1, 3, 16, 19, 49, 64, 81}) {
    SCOPED_TRACE(columns);
    ExpectRowsAsPlain(SoftmaxRows(2, 11, columns));
  }
}

TEST(ScheduleRows, ComputesAnyNumberOfRows) {
  for (const int64_t rows : {1, 2, 8, 9, 24}) {
    SCOPED_TRACE(rows);
    ExpectRowsAsPlain(SoftmaxRows(1, rows, 70));
  }
}

TEST(ScheduleRows, KeepsColumnsThatAreNotReduced) {
  ExpectRowsAsPlain(CentreBlocks(3, 5, 6, 16));
  ExpectRowsAsPlain(CentreBlocks(2, 4, 3, 5));
}

// Scratch of 32 KiB a row leaves room for two rows.
TEST(ScheduleRows, KeepsScratchWithinTheCache) {
  const Compute compute = SoftmaxRows(1, 8, 4000);
  const Program program = ScheduleFixed(compute, ParseTarget("cpu -mcpu=znver5").value());
  ForEachStmt(program.body, [](const Stmt& s) {
    if (s->kind != StmtKind::kAlloc || s->buffer->scope != Scope::kStack) return;
    EXPECT_LE(NumElements(s->buffer->shape) * 4, 64 << 10) << s->buffer->name;
  });
  EXPECT_EQ(program.ParallelExtent(), 4);
}

TEST(ScheduleRows, SharesBlocksOutAmongThreads) {
  const Target target = ParseTarget("cpu -mcpu=znver5").value();
  EXPECT_EQ(ScheduleFixed(SoftmaxRows(1, 128, 768), target).ParallelExtent(), 16);
  EXPECT_EQ(ScheduleFixed(SoftmaxRows(1, 4, 64), target).ParallelExtent(), 1);
}

TEST(ScheduleRows, RunsOnAGpuInOrder) {
  const Compute compute = SoftmaxRows(1, 3, 9);
  ExpectRowsAsPlain(compute, ScheduleFixedGpu(compute));
}

}  // namespace
}  // namespace tilewright
