#include "compiler/loop/verify.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "compiler/loop/text.h"

namespace tilewright {
namespace {

using testing::HasSubstr;

class VerifyTest : public testing::Test {
 protected:
  std::string ErrorOf(Stmt body) {
    const absl::Status status =
        Verify(Program{.name = "p", .params = {in_, out_}, .body = std::move(body)});
    EXPECT_TRUE(status.ok() || status.code() == absl::StatusCode::kFailedPrecondition);
    return std::string(status.message());
  }

  const Buffer in_ = MakeBuffer("in", DType::kF32, {8});
  const Buffer out_ = MakeBuffer("out", DType::kF32, {8});
  const Expr i_ = Var("i"), j_ = Var("j");
  const Stmt store_ = Store(out_, {i_}, Float(1));
};

TEST_F(VerifyTest, AcceptsAWellFormedProgram) {
  EXPECT_EQ(ErrorOf(For(i_, 8, LoopKind::kParallel, Store(out_, {i_}, Load(in_, {i_})))), "");
}

TEST_F(VerifyTest, FindsAVariableOutsideItsLoop) {
  EXPECT_EQ(ErrorOf(Seq(
                {For(i_, 8, LoopKind::kSerial, store_), Store(out_, {Int(0)}, Float(2)), store_})),
            "p: out[i] = 1.0: variable i is used outside its loop");
}

TEST_F(VerifyTest, FindsAVariableOfTwoNestedLoops) {
  const Stmt s = For(i_, 2, LoopKind::kSerial, For(i_, 2, LoopKind::kSerial, store_));
  EXPECT_THAT(ErrorOf(s), HasSubstr("variable of an enclosing loop"));
}

TEST_F(VerifyTest, FindsAnUndeclaredBuffer) {
  const Buffer other = MakeBuffer("other", DType::kF32, {8});
  EXPECT_THAT(ErrorOf(Store(out_, {Int(0)}, Load(other, {Int(0)}))),
              HasSubstr("buffer other is not declared"));
  EXPECT_THAT(ErrorOf(Seq({Alloc(MakeBuffer("s", DType::kF32, {1}, Scope::kStack),
                                 Store(out_, {Int(0)}, Float(0))),
                           Store(other, {Int(0)}, Float(0))})),
              HasSubstr("buffer other is not declared"));
}

TEST_F(VerifyTest, FindsTwoBuffersOfOneName) {
  const Buffer twin = MakeBuffer("in", DType::kF32, {8}, Scope::kStack);
  EXPECT_THAT(ErrorOf(Alloc(twin, Store(out_, {Int(0)}, Float(0)))),
              HasSubstr("two buffers are named in"));
}

TEST_F(VerifyTest, FindsTypesThatDisagree) {
  EXPECT_THAT(ErrorOf(Store(out_, {Int(0)}, Int(1))),
              HasSubstr("the stored value must be of type float32"));
  EXPECT_THAT(ErrorOf(Store(out_, {Int(0, DType::kI32)}, Float(1))),
              HasSubstr("an index must be of type int64"));
  EXPECT_THAT(ErrorOf(Store(out_, {Int(0)}, Call("exp", {Int(1)}, DType::kF32))),
              HasSubstr("exp does not take int64"));
  EXPECT_THAT(ErrorOf(Store(out_, {Int(0)}, Call("sine", {Float(1)}, DType::kF32))),
              HasSubstr("unknown function sine"));
}

TEST_F(VerifyTest, FindsAnIndexOutOfBounds) {
  EXPECT_EQ(ErrorOf(For(i_, 9, LoopKind::kSerial, store_)),
            "p: out[i] = 1.0: index i of out is in 0..8, outside 0..7");
  EXPECT_EQ(ErrorOf(For(i_, 9, LoopKind::kSerial, If(Lt(i_, Int(8)), store_))), "");
  EXPECT_THAT(ErrorOf(For(i_, 20, LoopKind::kSerial, If(Le(Int(9), i_), store_))),
              HasSubstr("index i of out is in 9..19"));
}

TEST_F(VerifyTest, AllowsAGuardedLoad) {
  const Expr guarded = Select(Lt(i_ + j_, Int(8)), Load(in_, {i_ + j_}), Float(0));
  const Stmt s =
      For(i_, 8, LoopKind::kSerial, For(j_, 3, LoopKind::kSerial, Store(out_, {i_}, guarded)));
  EXPECT_EQ(ErrorOf(s), "");
}

TEST_F(VerifyTest, FindsAParallelLoopInside) {
  EXPECT_THAT(ErrorOf(For(j_, 2, LoopKind::kSerial, For(i_, 8, LoopKind::kParallel, store_))),
              HasSubstr("a parallel loop must be the outermost statement"));
}

TEST_F(VerifyTest, FindsAVectorLoopThatIsNotInnermostOrNotConstant) {
  EXPECT_THAT(ErrorOf(For(j_, 4, LoopKind::kVectorized, For(i_, 8, LoopKind::kSerial, store_))),
              HasSubstr("a vectorised loop is not innermost"));
  EXPECT_THAT(
      ErrorOf(For(j_, 4, LoopKind::kSerial, For(i_, {Int(0), j_}, LoopKind::kVectorized, store_))),
      HasSubstr("the extent must be constant"));
}

TEST_F(VerifyTest, FindsAStoreToAnInput) {
  EXPECT_THAT(ErrorOf(Store(in_, {Int(0)}, Float(0))), HasSubstr("store to an input"));
}

TEST_F(VerifyTest, AllowsAPrefetchPastTheEndButNotOfRegistersOrLanes) {
  EXPECT_EQ(ErrorOf(Seq({Prefetch(in_, Int(1000)), Store(out_, {Int(0)}, Float(0))})), "");
  EXPECT_THAT(ErrorOf(For(i_, 8, LoopKind::kVectorized, Prefetch(in_, i_))),
              HasSubstr("a prefetch inside a vectorised loop"));
  const Buffer acc = MakeBuffer("acc", DType::kF32, {1}, Scope::kRegister);
  EXPECT_THAT(ErrorOf(Alloc(acc, Prefetch(acc, Int(0)))),
              HasSubstr("registers have no cache line"));
  EXPECT_THAT(ErrorOf(Prefetch(in_, Float(0))), HasSubstr("an element must be of type int64"));
}

TEST_F(VerifyTest, BoundsTheStack) {
  const Buffer big = MakeBuffer("big", DType::kF32, {140000}, Scope::kStack);
  EXPECT_THAT(ErrorOf(Alloc(big, Store(big, {Int(0)}, Float(0)))), HasSubstr("512 KiB"));
}

// What VerifyStrictly says to a program over x: float32[8] and out: float32[8].
std::string StrictError(const std::string& body) {
  const auto program =
      ParseProgram("program p(x: float32[8], k: int64[8], out: float32[8]):\n" + body);
  EXPECT_TRUE(program.ok()) << program.status();
  if (!program.ok()) return "";
  EXPECT_TRUE(Verify(*program).ok()) << Verify(*program);
  return std::string(VerifyStrictly(*program).message());
}

TEST(VerifyStrictly, AnIndexFromDataMustBeLimited) {
  EXPECT_EQ(StrictError("  out[0] = x[min(max(k[0], 0), 7)]\n"), "");
  EXPECT_EQ(StrictError("  if 0 <= k[0] && k[0] < 8:\n    out[0] = x[k[0]]\n"), "");
  EXPECT_THAT(StrictError("  out[0] = x[k[0]]\n"), HasSubstr("is not provably inside 0..7"));
  EXPECT_THAT(StrictError("  if k[0] < 8:\n    out[0] = x[k[0]]\n"),
              HasSubstr("is not provably inside 0..7"));
}

TEST(VerifyStrictly, ASumThatMightOverflowProvesNothing) {
  EXPECT_THAT(StrictError("  if 0 <= k[0]:\n    out[0] = x[min(k[0] + 1, 7)]\n"),
              HasSubstr("k[0] + 1 may overflow"));
  EXPECT_THAT(StrictError("  if 0 <= k[0] - 5:\n    out[0] = x[min(k[0], 7)]\n"),
              HasSubstr("k[0] - 5 may overflow"));
}

TEST(VerifyStrictly, ValuesMayOverflow) {
  EXPECT_EQ(StrictError("  out[0] = cast(k[0] + k[1] * k[2], float32)\n"), "");
}

TEST(VerifyStrictly, WhatIsKnownOfAnElementEndsWhenItMayHaveBeenWritten) {
  constexpr char kText[] =
      "  alloc at: stack int64[1]\n"
      "  at[0] = 0\n"
      "  if 0 <= at[0] && at[0] < 8:\n"
      "    at[0] = 100\n"
      "    out[at[0]] = x[0]\n";
  EXPECT_THAT(StrictError(kText), HasSubstr("is not provably inside 0..7"));
}

TEST(VerifyStrictly, LoopsAreBoundedAndDivisorsPositive) {
  EXPECT_EQ(StrictError("  for i in 0..min(max(k[0], 0), 8):\n    out[i] = x[i]\n"), "");
  EXPECT_THAT(StrictError("  for i in 0..k[0]:\n    out[0] = x[0]\n"),
              HasSubstr("not provably bounded"));
  EXPECT_THAT(StrictError("  for i in 0..100000000:\n    for j in 0..100000000:\n"
                          "      out[0] = x[0]\n"),
              HasSubstr("more than 2^44 steps"));
  EXPECT_THAT(StrictError("  out[0] = x[min(max(7 / k[0], 0), 7)]\n"),
              HasSubstr("the divisor k[0] is not provably positive"));
  EXPECT_EQ(StrictError("  out[0] = x[min(max(7 / max(k[0], 1), 0), 7)]\n"), "");
}

}  // namespace
}  // namespace tilewright
