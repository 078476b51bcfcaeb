// Building, walking and lowering loop programs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "compiler/loop/compute.h"
#include "compiler/loop/interpret.h"
#include "compiler/loop/text.h"
#include "compiler/loop/unroll.h"
#include "compiler/loop/visit.h"

namespace tilewright {
namespace {

using testing::ElementsAre;

TEST(Expr, BuildersFoldIndexArithmetic) {
  const Expr x = Var("x");
  EXPECT_EQ(Print(Int(7) * 3 + 2), "23");
  EXPECT_EQ(Print(FloorDiv(Int(-7), 2)), "-4");
  EXPECT_EQ(Print(FloorMod(Int(-7), 2)), "1");
  EXPECT_EQ(x + 0, x);
  EXPECT_EQ(x * 1, x);
  EXPECT_EQ(FloorDiv(x, 1), x);
  EXPECT_EQ(Print(x * 0), "0");
  EXPECT_EQ(Print(FloorMod(x, 1)), "0");
  EXPECT_EQ(Print(x - x), "0");
  EXPECT_EQ(Print(Le(x, x)), "true");
  EXPECT_EQ(And(nullptr, Lt(x, Int(3)))->op, BinaryOp::kLt);
  EXPECT_EQ(And(nullptr, nullptr), nullptr);
  EXPECT_EQ(Or(nullptr, Lt(x, Int(3))), nullptr);
  EXPECT_EQ(Select(Bool(true), x, Int(1)), x);
}

TEST(Expr, BuildersLeaveFloatsAlone) {
  const Expr x = Var("x", DType::kF32);
  EXPECT_EQ(Print(x + Float(0)), "x + 0.0");
  EXPECT_EQ(Print(x * Float(0)), "x * 0.0");
}

TEST(Expr, EqualComparesStructure) {
  const Expr x = Var("x");
  EXPECT_TRUE(Equal(x * 2 + 1, x * 2 + 1));
  EXPECT_FALSE(Equal(x * 2 + 1, x * 3 + 1));
  EXPECT_FALSE(Equal(x, Var("x")));
  EXPECT_FALSE(Equal(Float(0.0), Float(-0.0)));
  EXPECT_TRUE(Equal(nullptr, nullptr));
}

TEST(Expr, PrintsOnlyTheParenthesesThatMatter) {
  const Expr x = Var("x"), y = Var("y");
  EXPECT_EQ(Print((x + y) * 2 - (x - y)), "(x + y) * 2 - (x - y)");
  EXPECT_EQ(Print(x + y * 2), "x + y * 2");
  EXPECT_EQ(Print(FloorDiv(x, 4) * 4), "x / 4 * 4");
  EXPECT_EQ(Print(And(Or(Lt(x, y), Le(y, x)), Eq(x, y))), "(x < y || y <= x) && x == y");
}

TEST(Stmt, SeqFlattens) {
  const Buffer out = MakeBuffer("out", DType::kI64, {4});
  const Stmt a = Store(out, {Int(0)}, Int(1)), b = Store(out, {Int(1)}, Int(2));
  EXPECT_EQ(Seq({nullptr, a}), a);
  EXPECT_EQ(Seq({a, Seq({b, nullptr, a})})->body.size(), 3u);
}

TEST(Visit, SubstituteReplacesAndFolds) {
  const Expr x = Var("x"), y = Var("y");
  const Expr e = x * 4 + y;
  EXPECT_EQ(Print(Substitute(e, {{x.get(), Int(3)}})), "y + 12");
  EXPECT_EQ(Substitute(e, {{Var("z").get(), Int(3)}}), e);  // unchanged nodes are shared
  const Buffer out = MakeBuffer("out", DType::kI64, {64});
  const Stmt s = For(y, 4, LoopKind::kSerial, Store(out, {e}, x));
  EXPECT_EQ(Print(Substitute(s, {{x.get(), Int(2)}})), "for y in 0..4:\n  out[y + 8] = 2\n");
}

TEST(Visit, SeesEveryNodeOnce) {
  const Expr x = Var("x"), sum = x + 1, product = sum * sum;
  std::vector<std::string> seen;
  ForEachExpr(product, [&](const Expr& e) { seen.push_back(Print(e)); });
  EXPECT_THAT(seen, ElementsAre("(x + 1) * (x + 1)", "x + 1", "x", "1"));
  EXPECT_TRUE(UsesVar(product, x));
  EXPECT_FALSE(UsesVar(product, Var("x")));
}

TEST(Unroll, CopiesNestedLoopsWithConstantIndices) {
  const Expr i = Var("i"), j = Var("j");
  const Buffer out = MakeBuffer("out", DType::kI64, {8});
  const Stmt s = For(i, 2, LoopKind::kUnrolled,
                     For(j, {i * 2, Int(2)}, LoopKind::kUnrolled, Store(out, {j}, i)));
  EXPECT_EQ(Print(UnrollLoops({.name = "p", .params = {out}, .body = s})),
            "program p(out: int64[8]):\n"
            "  out[0] = 0\n  out[1] = 0\n  out[2] = 1\n  out[3] = 1\n");
}

TEST(Program, KnowsItsParallelExtent) {
  const Expr i = Var("i");
  const Buffer out = MakeBuffer("out", DType::kI64, {8});
  const Stmt store = Store(out, {i}, i);
  EXPECT_EQ((Program{.name = "p", .params = {out}, .body = For(i, 8, LoopKind::kParallel, store)}
                 .ParallelExtent()),
            8);
  EXPECT_EQ((Program{.name = "p", .params = {out}, .body = For(i, 8, LoopKind::kSerial, store)}
                 .ParallelExtent()),
            1);
}

// Runs a definition over in = {1, ..., 6} of shape {2, 3}.
std::vector<float> Result(const Compute& compute) {
  std::vector<Tensor> args;
  args.emplace_back(TensorType{DType::kF32, {2, 3}}, std::vector<float>{1, 2, 3, 4, 5, 6});
  args.emplace_back(TensorType{DType::kF32, compute.output->shape});
  const absl::Status status = Interpret(LowerPlain(compute), args);
  EXPECT_TRUE(status.ok()) << status;
  const float* out = args[1].as<float>();
  return std::vector<float>(out, out + args[1].size());
}

class LowerPlainTest : public testing::Test {
 protected:
  // out[i] = reduction over j of in[i, j]
  Compute RowReduction(Reducer reducer) {
    Compute c{.name = "rows", .inputs = {in_}, .reducer = reducer};
    c.output = MakeBuffer("out", DType::kF32, {2});
    c.axes = MakeAxes({2}, "i");
    c.reduce = MakeAxes({3}, "j");
    c.body = Load(in_, {c.axes[0].var, c.reduce[0].var});
    return c;
  }

  const Buffer in_ = MakeBuffer("in", DType::kF32, {2, 3});
};

TEST_F(LowerPlainTest, ReducesByEveryReducer) {
  EXPECT_THAT(Result(RowReduction(Reducer::kSum)), ElementsAre(6, 15));
  EXPECT_THAT(Result(RowReduction(Reducer::kMax)), ElementsAre(3, 6));
  EXPECT_THAT(Result(RowReduction(Reducer::kMin)), ElementsAre(1, 4));
  EXPECT_THAT(Result(RowReduction(Reducer::kProd)), ElementsAre(6, 120));
}

TEST_F(LowerPlainTest, SkipsWhatThePredicateExcludes) {
  Compute c = RowReduction(Reducer::kSum);
  const Expr j = c.reduce[0].var;
  c.body = Load(in_, {c.axes[0].var, j + 1});
  c.predicate = Lt(j + 1, Int(3));
  EXPECT_THAT(Result(c), ElementsAre(5, 11));
}

TEST_F(LowerPlainTest, AppliesTheResultToTheAccumulator) {
  Compute c = RowReduction(Reducer::kSum);
  c.acc = Var("acc", DType::kF32);
  c.result = c.acc * Float(0.5);
  EXPECT_THAT(Result(c), ElementsAre(3, 7.5));
}

TEST_F(LowerPlainTest, PutsZeroWhereAPointIsExcluded) {
  Compute c{.name = "pad", .inputs = {in_}, .output = MakeBuffer("out", DType::kF32, {5})};
  c.axes = MakeAxes({5}, "i");
  const Expr at = c.axes[0].var - 1;
  c.body = Load(in_, {Int(1), at});
  c.predicate = And(Le(Int(0), at), Lt(at, Int(3)));
  EXPECT_THAT(Result(c), ElementsAre(0, 4, 5, 6, 0));
}

TEST(InitialValue, IsTheIdentityOfTheReduction) {
  EXPECT_EQ(Print(InitialValue(Reducer::kMax, DType::kF32)), "-inf");
  EXPECT_EQ(Print(InitialValue(Reducer::kMin, DType::kI8)), "int8(127)");
  EXPECT_EQ(Print(InitialValue(Reducer::kMax, DType::kU8)), "uint8(0)");
  EXPECT_EQ(Print(InitialValue(Reducer::kProd, DType::kI64)), "1");
  EXPECT_EQ(Print(InitialValue(Reducer::kSum, DType::kF64)), "float64(0.0)");
}

}  // namespace
}  // namespace tilewright
