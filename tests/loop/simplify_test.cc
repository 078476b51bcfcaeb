#include "compiler/loop/simplify.h"

#include <gtest/gtest.h>

#include "compiler/loop/text.h"
#include "compiler/loop/visit.h"
#include "tests/loop/random_expr.h"

namespace tilewright {
namespace {

class SimplifyTest : public testing::Test {
 protected:
  // A variable in [lo, hi].
  Expr In(const char* name, int64_t lo, int64_t hi) {
    Expr var = Var(name);
    vars_.push_back(var);
    ranges_[var.get()] = {lo, hi};
    return var;
  }
  std::string Simple(const Expr& e) { return Print(Simplify(e, ranges_)); }

  std::vector<Expr> vars_;
  Ranges ranges_;
};

TEST_F(SimplifyTest, CollectsTermsIntoOneCanonicalSum) {
  const Expr x = In("x", 0, 9), y = In("y", 0, 9);
  EXPECT_EQ(Simple(y + x * 16 + 3 + y * 2 - 5), "x * 16 + y * 3 - 2");
  EXPECT_EQ(Simple(x - y - x), "y * -1");
  EXPECT_EQ(Simple(Int(7) - x * 2), "7 - x * 2");
  EXPECT_TRUE(Equal(Simplify(x + y * 2, ranges_), Simplify(y + x + y, ranges_)));
}

TEST_F(SimplifyTest, DividesWhatTheDivisorDivides) {
  const Expr x = In("x", 0, 63), y = In("y", 0, 3), z = In("z", 0, 6);
  EXPECT_EQ(Simple(FloorDiv(x * 16 + y, 16)), "x");
  EXPECT_EQ(Simple(FloorMod(x * 16 + y + z, 16)), "y + z");
  EXPECT_EQ(Simple(FloorDiv(x * 16 + z * 4 + y, 8)), "x * 2 + z / 2");
  EXPECT_EQ(Simple(FloorMod(x * 16 + z * 4 + y, 8)), "z % 2 * 4 + y");
  EXPECT_EQ(Simple(FloorDiv(FloorDiv(x, 4) + 2, 7)), "(x + 8) / 28");
  EXPECT_EQ(Simple(FloorMod(FloorMod(x, 32), 8)), "x % 8");
  EXPECT_EQ(Simple(FloorDiv(x - 64, 64)), "-1");
}

TEST_F(SimplifyTest, JoinsQuotientAndRemainder) {
  const Expr x = In("x", 0, 999);
  EXPECT_EQ(Simple(FloorDiv(x, 56) * 56 + FloorMod(x, 56)), "x");
  EXPECT_EQ(Simple(FloorMod(FloorDiv(x, 4), 8) * 4 + FloorMod(x, 4)), "x % 32");
}

TEST_F(SimplifyTest, DecidesThePaddingOfAConvolution) {
  const Expr oh = In("oh", 2, 109), kh = In("kh", 0, 6);
  const Expr ih = oh * 2 + kh - 3;
  EXPECT_EQ(Simple(And(Le(Int(0), ih), Lt(ih, Int(224)))), "true");
  EXPECT_EQ(Simple(And(Le(Int(0), ih), Lt(ih, Int(221)))), "oh * 2 + kh < 224");
  EXPECT_EQ(Simple(Lt(ih, Int(1))), "false");
}

TEST_F(SimplifyTest, DividesComparisonsByTheCommonFactor) {
  const Expr x = In("x", 0, 99), y = In("y", 0, 99);
  EXPECT_EQ(Simple(Lt(x * 4 + y * 8, Int(30))), "y * 2 + x < 8");
  EXPECT_EQ(Simple(Eq(x * 4 + y * 2, Int(7))), "false");
  EXPECT_EQ(Simple(Le(Int(3), x * 2)), "2 <= x");
  EXPECT_EQ(Simple(Lt(y * 3, x * 3 - 2)), "y < x");
}

TEST_F(SimplifyTest, UsesTheLeftSideOfALogicalOperator) {
  const Expr x = In("x", 0, 99), y = In("y", 0, 99);
  EXPECT_EQ(Simple(And(Lt(x + y, Int(50)), Lt(y + x, Int(60)))), "x + y < 50");
  EXPECT_EQ(Simple(And(Lt(x, Int(5)), Le(Int(5), x))), "false");
  EXPECT_EQ(Simple(Or(Lt(x, Int(5)), Le(Int(5), x))), "true");
}

TEST_F(SimplifyTest, TakesTheKnownSideOfSelectMinAndMax) {
  const Expr x = In("x", 0, 9), y = In("y", 9, 20);
  EXPECT_EQ(Simple(Min(x, y)), "x");
  EXPECT_EQ(Simple(Max(x + 3, x)), "x + 3");
  EXPECT_EQ(Simple(Select(Lt(x, y + 1), x, y)), "x");
  EXPECT_EQ(Simple(Select(Lt(x, Int(4)), Min(x, Int(4)), Max(x, Int(4)))), "x");
}

TEST_F(SimplifyTest, ReplacesAVariableOfOneValue) {
  const Expr x = In("x", 5, 5), y = In("y", 0, 3);
  EXPECT_EQ(Simple(y * 2 + x * 8), "y * 2 + 40");
}

TEST_F(SimplifyTest, IsLinearInTheSizeOfSharedExpressions) {
  Expr e = Cast(In("x", 0, 9), DType::kF32);
  for (int i = 0; i < 200; ++i) e = e * e + e;  // 2^200 nodes as a tree
  EXPECT_EQ(Simplify(e, ranges_)->kind, ExprKind::kBinary);
  EXPECT_FALSE(UsesVar(e, Var("other")));
}

TEST_F(SimplifyTest, LeavesComparisonsThatCouldWrapAround) {
  const Expr x = Var("x");
  const int64_t most = std::numeric_limits<int64_t>::max();
  EXPECT_EQ(Simple(Lt(x, Int(-most - 1))), "x < -9223372036854775808");
}

// Simplify and BoundsOf against evaluation, over random expressions and assignments.
TEST_F(SimplifyTest, KeepsTheValueOfRandomExpressions) {
  constexpr uint64_t kSeed = 20240521;
  SCOPED_TRACE(testing::Message() << "seed " << kSeed);
  Rng rng(kSeed);
  for (int round = 0; round < 6000; ++round) {
    vars_.clear();
    ranges_.clear();
    for (const char* name : {"a", "b", "c"}) {
      const int64_t lo = static_cast<int64_t>(rng.Below(20)) - 6;
      In(name, lo, lo + static_cast<int64_t>(rng.Below(30)));
    }
    const int depth = 1 + static_cast<int>(rng.Below(4));
    const bool condition = rng.Below(3) == 0;
    const Expr e =
        condition ? RandomCondition(vars_, depth, &rng) : RandomIndex(vars_, depth, &rng);
    const Expr simple = Simplify(e, ranges_);
    const std::optional<Range> bounds = condition ? std::nullopt : BoundsOf(e, ranges_);
    for (int sample = 0; sample < 20; ++sample) {
      Assignment at;
      for (const Expr& var : vars_) {
        const Range& range = ranges_[var.get()];
        at[var.get()] = range.lo + static_cast<int64_t>(rng.Below(range.hi - range.lo + 1));
      }
      const int64_t value = Evaluate(e, at);
      ASSERT_EQ(Evaluate(simple, at), value) << Print(e) << "\n-> " << Print(simple);
      if (!bounds) continue;
      ASSERT_LE(bounds->lo, value) << Print(e);
      ASSERT_GE(bounds->hi, value) << Print(e);
    }
  }
}

TEST_F(SimplifyTest, OfASimplifiedExpressionChangesNothing) {
  Rng rng(11);
  In("a", 0, 15), In("b", -3, 12), In("c", 0, 63);
  for (int round = 0; round < 2000; ++round) {
    const Expr once = Simplify(RandomIndex(vars_, 2, &rng), ranges_);
    EXPECT_TRUE(Equal(Simplify(once, ranges_), once)) << Print(once);
  }
}

TEST(SimplifyStmt, LearnsLoopRanges) {
  const Expr i = Var("i"), j = Var("j");
  const Buffer out = MakeBuffer("out", DType::kI64, {64});
  const Stmt s = For(i, 4, LoopKind::kSerial,
                     For(j, {i * 4, Int(4)}, LoopKind::kSerial,
                         If(Lt(j, Int(16)), Store(out, {FloorDiv(j + 48, 64)}, j))));
  EXPECT_EQ(Print(Simplify(s)),
            "for i in 0..4:\n"
            "  for j in i * 4..+4:\n"
            "    out[0] = j\n");
}

TEST(SimplifyStmt, LearnsFromConditions) {
  const Expr i = Var("i"), j = Var("j");
  const Buffer out = MakeBuffer("out", DType::kI64, {64});
  const Stmt inner = If(Le(i * 2 + j, Int(20)), Store(out, {i}, Int(1)), Store(out, {i}, Int(2)));
  const Stmt s = For(i, 64, LoopKind::kSerial,
                     For(j, 3, LoopKind::kSerial, If(Lt(i * 2 + j, Int(20)), inner, inner)));
  EXPECT_EQ(Print(Simplify(s)),
            "for i in 0..64:\n"
            "  for j in 0..3:\n"
            "    if i * 2 + j < 20:\n"
            "      out[i] = 1\n"
            "    else:\n"
            "      if i * 2 + j < 21:\n"
            "        out[i] = 1\n"
            "      else:\n"
            "        out[i] = 2\n");
}

TEST(SimplifyStmt, ForgetsWhatAConditionSaysOfAnElementThatIsWritten) {
  constexpr char kText[] =
      "program p(x: int64[1], out: int64[1]):\n"
      "  out[0] = x[0]\n"
      "  if out[0] < 3:\n"
      "    out[0] = 7\n"
      "    if out[0] < 3:\n"
      "      out[0] = 1\n"
      "  if x[0] < 3:\n"
      "    out[0] = 8\n"
      "    if x[0] < 3:\n"
      "      out[0] = 9\n";
  Program program = *ParseProgram(kText);
  program.body = Simplify(program.body);
  EXPECT_EQ(Print(program),
            "program p(x: int64[1], out: int64[1]):\n"
            "  out[0] = x[0]\n"
            "  if out[0] < 3:\n"
            "    out[0] = 7\n"
            "    if out[0] < 3:\n"
            "      out[0] = 1\n"
            "  if x[0] < 3:\n"
            "    out[0] = 8\n"
            "    out[0] = 9\n");
}

TEST(SimplifyStmt, RemovesWhatNeverRuns) {
  const Expr i = Var("i"), j = Var("j");
  const Buffer out = MakeBuffer("out", DType::kI64, {64});
  const Stmt store = Store(out, {i + j}, Int(1));
  const Stmt one = For(i, {Int(7), Int(1)}, LoopKind::kSerial, For(j, 2, LoopKind::kSerial, store));
  EXPECT_EQ(Print(Simplify(one)), "for j in 0..2:\n  out[j + 7] = 1\n");
  EXPECT_EQ(Print(Simplify(For(i, 0, LoopKind::kSerial, Store(out, {i}, i)))), "pass\n");
  const Stmt never = For(i, 8, LoopKind::kSerial, If(Lt(i, Int(0)), Store(out, {i}, i)));
  EXPECT_EQ(Print(Simplify(never)), "pass\n");
}

TEST(SimplifyStmt, NegatesAnEmptyBranch) {
  const Expr i = Var("i");
  const Buffer out = MakeBuffer("out", DType::kI64, {64});
  const Stmt s = For(i, 64, LoopKind::kSerial, If(Lt(i, Int(5)), Seq({}), Store(out, {i}, i)));
  EXPECT_EQ(Print(Simplify(s)), "for i in 0..64:\n  if 5 <= i:\n    out[i] = i\n");
}

TEST(AffineIn, SplitsOffAVariable) {
  const Expr x = Var("x"), y = Var("y");
  const std::optional<Affine> affine = AffineIn(x * 6 + y - x * 2 + 3, x);
  ASSERT_TRUE(affine.has_value());
  EXPECT_EQ(affine->coefficient, 4);
  EXPECT_EQ(Print(affine->rest), "y + 3");
  EXPECT_FALSE(AffineIn(FloorDiv(x, 2) + y, x).has_value());
  EXPECT_EQ(AffineIn(FloorDiv(x, 2), y)->coefficient, 0);
}

TEST(BoundsOf, IsUnknownWhereARangeIs) {
  const Expr x = Var("x"), y = Var("y");
  const Ranges ranges = {{x.get(), {0, 5}}};
  EXPECT_FALSE(BoundsOf(x + y, ranges).has_value());
  EXPECT_EQ(BoundsOf(x * 2 + FloorMod(y, 8), ranges)->hi, 17);
}

}  // namespace
}  // namespace tilewright
