// Tile instructions: layouts of their fragments, the interpreter's warps, and what is found wrong.
// What each computes is compared by tests/targets/tile_instructions_test.cc.
#include "compiler/loop/tile.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "base/rng.h"
#include "compiler/loop/interpret.h"
#include "compiler/loop/simplify.h"
#include "compiler/loop/text.h"
#include "compiler/loop/unroll.h"
#include "compiler/loop/verify.h"

namespace tilewright {
namespace {

using testing::HasSubstr;

std::vector<const TileOp*> Multiplications() {
  std::vector<const TileOp*> ops;
  for (const TileOp& op : TileOps()) {
    if (op.depth > 0) ops.push_back(&op);
  }
  return ops;
}

TEST(TileFragments, HoldEachElementOfTheirMatrixOnce) {
  for (const TileOp& op : TileOps()) {
    for (const TileOperand& operand : op.operands) {
      if (operand.scope != Scope::kRegister) continue;
      std::set<std::pair<int64_t, int64_t>> places;
      const int64_t threads = CountOf(op.threads);
      for (int64_t i = 0; i < threads * operand.elements; ++i) {
        const MatrixPlace at = operand.place(operand, i % threads, i / threads);
        EXPECT_TRUE(at.row >= 0 && at.row < operand.rows) << op.name << " " << operand.what;
        EXPECT_TRUE(at.column >= 0 && at.column < operand.columns) << op.name;
        places.insert({at.row, at.column});
      }
      EXPECT_EQ(places.size(), static_cast<size_t>(threads * operand.elements)) << op.name;
      EXPECT_EQ(places.size(), static_cast<size_t>(operand.rows * operand.columns)) << op.name;
    }
  }
}

constexpr size_t kSums = 0, kLeft = 1, kRight = 2;  // operands of a multiplication

MatrixPlace PlaceIn(const TileOp& op, size_t operand, int64_t thread, int64_t element) {
  return op.operands[operand].place(op.operands[operand], thread, element);
}

// Thread 5 (group 1, 1 within) by the formulas of the PTX ISA.
TEST(TileFragments, AreThoseOfPtx) {
  const auto place = [](const char* name, size_t operand, int64_t element) {
    const MatrixPlace at = PlaceIn(*FindTileOp(name), operand, 5, element);
    return std::pair(at.row, at.column);
  };
  using P = std::pair<int64_t, int64_t>;
  EXPECT_EQ(place("mma_m16n8k16_f16", kLeft, 1), P(1, 3));
  EXPECT_EQ(place("mma_m16n8k16_f16", kLeft, 2), P(9, 2));
  EXPECT_EQ(place("mma_m16n8k16_f16", kLeft, 4), P(1, 10));
  EXPECT_EQ(place("mma_m16n8k16_bf16", kLeft, 7), P(9, 11));
  EXPECT_EQ(place("mma_m16n8k16_f16", kRight, 3), P(11, 1));
  EXPECT_EQ(place("mma_m16n8k16_f16", kSums, 2), P(9, 2));
  EXPECT_EQ(place("mma_m16n8k8_f16", kLeft, 3), P(9, 3));
  EXPECT_EQ(place("mma_m16n8k8_f16", kRight, 1), P(3, 1));
  EXPECT_EQ(place("mma_m16n8k8_tf32", kLeft, 1), P(9, 1));
  EXPECT_EQ(place("mma_m16n8k8_tf32", kLeft, 2), P(1, 5));
  EXPECT_EQ(place("mma_m16n8k8_tf32", kRight, 1), P(5, 1));
  EXPECT_EQ(place("mma_m16n8k32_i8", kLeft, 5), P(9, 5));
  EXPECT_EQ(place("mma_m16n8k32_i8", kLeft, 12), P(9, 20));
  EXPECT_EQ(place("mma_m16n8k32_i8", kRight, 6), P(22, 1));
  EXPECT_EQ(place("wgmma_m64n32_f16", kSums, 7), P(9, 11));
  EXPECT_EQ(place("ldmatrix_x2_f16", 0, 3), P(9, 3));
  EXPECT_EQ(place("ldmatrix_x2_trans_f16", 0, 3), P(11, 1));
}

TEST(TileFragments, TheDeepestMultiplicationOfAnArchitectureIsFound) {
  EXPECT_EQ(FindMultiply(DType::kF16, 75)->name, "mma_m16n8k8_f16");
  EXPECT_EQ(FindMultiply(DType::kF16, 90)->name, "mma_m16n8k16_f16");
  EXPECT_EQ(FindMultiply(DType::kBF16, 75), nullptr);
  EXPECT_EQ(FindMultiply(DType::kI8, 80)->name, "mma_m16n8k32_i8");
  EXPECT_EQ(FindMultiply(DType::kF16, 70), nullptr);
}

// One product of a warp, seeded bugs included.
struct ProductForm {
  bool matrix_loads = true;  // else each thread loads its elements
  bool barrier = true;       // before they are loaded
  bool wrong_lanes = false;  // groups of lane % 8 instead of lane / 4
  int64_t padding = 0;       // elements after a shared row
};

class ProductMaker {
 public:
  ProductMaker(const TileOp& op, const ProductForm& form) : op_(op), form_(form) {
    const int64_t k = op.depth, pitch = k + form.padding;
    a_ = MakeBuffer("a", op.type, {kTileRows, k});
    b_ = MakeBuffer("b", op.type, {kTileColumns, k});  // columns of the right matrix
    out_ = MakeBuffer("out", AccumulatorOf(op.type), {kTileRows, kTileColumns});
    left_shared_ = MakeBuffer("left_shared", op.type, {kTileRows, pitch}, Scope::kShared);
    right_shared_ = MakeBuffer("right_shared", op.type, {kTileColumns, pitch}, Scope::kShared);
    left_ = MakeBuffer("left", op.type, {kTileRows * k / 32}, Scope::kRegister);
    right_ = MakeBuffer("right", op.type, {kTileColumns * k / 32}, Scope::kRegister);
    sums_ = MakeBuffer("sums", out_->dtype, {4}, Scope::kRegister);
  }

  Program Make() const {
    std::vector<Stmt> body = {Copy(a_, left_shared_), Copy(b_, right_shared_)};
    if (form_.barrier) body.push_back(Barrier());
    for (int64_t i = 0; i < 4; ++i) body.push_back(Store(sums_, {Int(i)}, Const(0, sums_->dtype)));
    body.push_back(form_.matrix_loads ? MatrixLoads() : ElementLoads());
    body.push_back(TileStmt(op_, {First(sums_), First(left_), First(right_)}));
    for (int64_t i = 0; i < 4; ++i) {
      const auto [row, column] = Place(kSums, i);
      body.push_back(Store(out_, {row, column}, Load(sums_, {Int(i)})));
    }
    Stmt all = Seq(std::move(body));
    for (const Buffer& buffer : {left_, right_, sums_}) all = Alloc(buffer, all);
    all = For(lane_, kWarpThreads, ThreadAxis::kThreadX, all);
    for (const Buffer& buffer : {left_shared_, right_shared_}) all = Alloc(buffer, all);
    return {.name = "product", .params = {a_, b_, out_}, .body = all};
  }

 private:
  static Expr First(const Buffer& buffer) { return Load(buffer, {Int(0)}); }

  Stmt Copy(const Buffer& from, const Buffer& to) const {
    const Expr v = Var("v"), at = v * kWarpThreads + lane_;
    const int64_t k = from->shape[1];
    const std::vector<Expr> place = {FloorDiv(at, k), FloorMod(at, k)};
    return For(v, from->shape[0] * k / kWarpThreads, LoopKind::kSerial,
               Store(to, place, Load(from, place)));
  }

  std::pair<Expr, Expr> Place(size_t operand, int64_t element) const {
    const Expr group = form_.wrong_lanes ? FloorMod(lane_, 8) : FloorDiv(lane_, 4);
    const MatrixPlace zero = PlaceIn(op_, operand, 0, element);
    const MatrixPlace one = PlaceIn(op_, operand, 1, element);
    const Expr within = FloorMod(lane_, 4);
    if (operand == kRight) {
      return {within * (one.row - zero.row) + zero.row, group + zero.column};
    }
    return {group + zero.row, within * (one.column - zero.column) + zero.column};
  }

  Stmt ElementLoads() const {
    std::vector<Stmt> loads;
    for (int64_t i = 0; i < left_->shape[0]; ++i) {
      const auto [row, column] = Place(kLeft, i);
      loads.push_back(Store(left_, {Int(i)}, Load(left_shared_, {row, column})));
    }
    for (int64_t i = 0; i < right_->shape[0]; ++i) {
      const auto [row, column] = Place(kRight, i);
      loads.push_back(Store(right_, {Int(i)}, Load(right_shared_, {column, row})));
    }
    return Seq(std::move(loads));
  }

  // Matrices along rows, then along the depth.
  Stmt MatrixLoads() const {
    const int64_t size = static_cast<int64_t>(SizeOf(op_.type)), chunk = 16 / size;
    const int64_t deep = op_.depth / chunk;
    const Expr row = form_.wrong_lanes ? FloorDiv(lane_, 2) : FloorMod(lane_, 16);
    const Expr left_chunk = deep > 1 ? FloorDiv(lane_, 16) * chunk : Int(0);
    const Expr right_chunk = FloorMod(FloorDiv(lane_, 8), deep) * chunk;
    return Seq({TileStmt(MatrixLoadOf(op_.type, 2 * deep, false),
                         {First(left_), Load(left_shared_, {row, left_chunk})}),
                TileStmt(MatrixLoadOf(op_.type, deep, false),
                         {First(right_), Load(right_shared_, {FloorMod(lane_, 8), right_chunk})})});
  }

  const TileOp& op_;
  const ProductForm form_;
  const Expr lane_ = Var("lane");
  Buffer a_, b_, out_, left_shared_, right_shared_, left_, right_, sums_;
};

std::vector<Tensor> SmallIntegers(const Program& program, uint64_t seed) {
  Rng rng(seed);
  std::vector<Tensor> args;
  for (const Buffer& param : program.params) {
    args.emplace_back(TensorType{.dtype = param->dtype, .shape = param->shape});
    for (int64_t i = 0; i < args.back().size(); ++i) {
      args.back().Set(i, static_cast<double>(rng.Below(17)) - 8);
    }
  }
  return args;
}

// How many elements of out are not the product's.
int WrongElements(const std::vector<Tensor>& args) {
  int wrong = 0;
  const int64_t k = args[0].shape()[1];
  for (int64_t m = 0; m < kTileRows; ++m) {
    for (int64_t n = 0; n < kTileColumns; ++n) {
      double sum = 0;
      for (int64_t i = 0; i < k; ++i) {
        sum += args[0].AsDouble(m * k + i) * args[1].AsDouble(n * k + i);
      }
      wrong += args[2].AsDouble(m * kTileColumns + n) != sum ? 1 : 0;
    }
  }
  return wrong;
}

TEST(Tiles, MultiplyWhatAWarpLoads) {
  for (const TileOp* op : Multiplications()) {
    for (const bool matrix_loads : {true, false}) {
      const Program program = ProductMaker(*op, {.matrix_loads = matrix_loads}).Make();
      ASSERT_TRUE(Verify(program).ok()) << Verify(program);
      std::vector<Tensor> args = SmallIntegers(program, 3);
      ASSERT_TRUE(Interpret(program, args).ok()) << op->name;
      EXPECT_EQ(WrongElements(args), 0) << op->name << " by ldmatrix " << matrix_loads;
      Program simplified = program;
      simplified.body = Simplify(program.body);
      EXPECT_EQ(Print(UnrollLoops(program)), Print(simplified));
    }
  }
}

TEST(Tiles, OfAWrongLaneMapGiveAnotherProduct) {
  for (const TileOp* op : Multiplications()) {
    for (const bool matrix_loads : {true, false}) {
      const Program program =
          ProductMaker(*op, {.matrix_loads = matrix_loads, .wrong_lanes = true}).Make();
      ASSERT_TRUE(Verify(program).ok()) << Verify(program);
      std::vector<Tensor> args = SmallIntegers(program, 3);
      const absl::Status status = Interpret(program, args);
      EXPECT_TRUE(!status.ok() || WrongElements(args) > 0) << op->name;
    }
  }
}

TEST(Tiles, BeforeABarrierAreFound) {
  for (const TileOp* op : Multiplications()) {
    for (const bool matrix_loads : {true, false}) {
      const Program program =
          ProductMaker(*op, {.matrix_loads = matrix_loads, .barrier = false}).Make();
      std::vector<Tensor> args = SmallIntegers(program, 3);
      EXPECT_THAT(Interpret(program, args).message(), HasSubstr("shared between two barriers"));
    }
  }
}

TEST(Tiles, LoadRowsOfWholeSixteenBytes) {
  for (const TileOp* op : Multiplications()) {
    const Program program = ProductMaker(*op, {.padding = 1}).Make();
    std::vector<Tensor> args = SmallIntegers(program, 3);
    EXPECT_THAT(Interpret(program, args).message(), HasSubstr("not aligned to 16 bytes"));
    const int64_t aligned = 16 / static_cast<int64_t>(SizeOf(op->type));
    const Program padded = ProductMaker(*op, {.padding = aligned}).Make();
    ASSERT_TRUE(Interpret(padded, args).ok());
    EXPECT_EQ(WrongElements(args), 0);
  }
}

// 1 + 2^-11 lies between two numbers of 10 bits of fraction: it goes away from zero.
TEST(Tiles, RoundFloat32ToTf32) {
  const Program program = ProductMaker(*FindTileOp("mma_m16n8k8_tf32"), {}).Make();
  std::vector<Tensor> args = SmallIntegers(program, 3);
  for (int64_t i = 0; i < args[0].size(); ++i) args[0].Set(i, i == 0 ? -(1 + 0x1p-11) : 0);
  for (int64_t i = 0; i < args[1].size(); ++i) args[1].Set(i, i == 0 ? 1 + 0x1p-12 : 0);
  ASSERT_TRUE(Interpret(program, args).ok());
  EXPECT_EQ(args[2].AsDouble(0), -(1 + 0x1p-10));
}

// A warp takes its threads along x whatever the order of the loops.
constexpr char kTwoWarps[] =
    "program p(out: float32[2,32,4]):\n"
    "  thread_y w in 0..2:\n"
    "    thread_x t in 0..32:\n"
    "      alloc sums: register float32[4]\n"
    "      alloc left: register float16[8]\n"
    "      alloc right: register float16[4]\n"
    "      for i in 0..8:\n"
    "        left[i] = cast(w + 1, float16)\n"
    "      for i in 0..4:\n"
    "        sums[i] = 0.0\n"
    "        right[i] = float16(1.0)\n"
    "      mma_m16n8k16_f16 sums[0], left[0], right[0]\n"
    "      for i in 0..4:\n"
    "        out[w, t, i] = sums[i]\n";

TEST(Tiles, PrintAndParseRoundTrip) {
  EXPECT_EQ(Print(ParseProgram(kTwoWarps).value()), kTwoWarps);
  EXPECT_THAT(ParseProgram("program p(out: float32[4]):\n  mma_m16n8k16_f16 1.0, out[0]\n")
                  .status()
                  .message(),
              HasSubstr("expected an element"));
}

TEST(Tiles, AreOfOneWarpEach) {
  std::string other = kTwoWarps;  // threads nested the other way round
  other.replace(other.find("thread_y w in 0..2"), 18, "thread_x t in 0..32");
  other.replace(other.rfind("thread_x t in 0..32"), 19, "thread_y w in 0..2");
  for (const std::string& text : {std::string(kTwoWarps), other}) {
    const Program program = ParseProgram(text).value();
    ASSERT_TRUE(Verify(program).ok()) << Verify(program);
    std::vector<Tensor> args = {Tensor({.dtype = DType::kF32, .shape = {2, 32, 4}})};
    ASSERT_TRUE(Interpret(program, args).ok());
    for (int64_t i = 0; i < 256; ++i) EXPECT_EQ(args[0].AsDouble(i), i < 128 ? 16 : 32);
  }
}

std::string Refusal(const std::string& find, const std::string& replace) {
  std::string text = kTwoWarps;
  text.replace(text.find(find), find.size(), replace);
  const absl::StatusOr<Program> program = ParseProgram(text);
  EXPECT_TRUE(program.ok()) << program.status();
  return program.ok() ? std::string(Verify(*program).message()) : "";
}

TEST(VerifyTiles, RefusesWarpsThatAreNotWhole) {
  EXPECT_THAT(Refusal("0..32", "0..16"), HasSubstr("whole warps of 32 threads along x, found 16"));
  EXPECT_THAT(Refusal("mma_", "if t < 16:\n        mma_"), HasSubstr("not all threads"));
  EXPECT_THAT(Refusal("mma_", "for j in 0..+t:\n        mma_"), HasSubstr("not all threads"));
}

TEST(VerifyTiles, RefusesOtherOperands) {
  EXPECT_THAT(Refusal("left: register", "left: stack"), HasSubstr("must be in registers"));
  EXPECT_THAT(Refusal("left[0], right[0]", "left[0]"), HasSubstr("takes 3 operands"));
  EXPECT_THAT(Refusal("sums[0], left[0]", "left[0], left[0]"), HasSubstr("type float32"));
  EXPECT_THAT(Refusal("left[0], right[0]", "left[1], right[0]"), HasSubstr("outside 0..7"));
  EXPECT_THAT(
      Refusal("mma_m16n8k16_f16 sums[0], left[0], right[0]", "ldmatrix_x4_f16 left[0], right[0]"),
      HasSubstr("must be in shared memory"));
}

}  // namespace
}  // namespace tilewright
