#include "tests/loop/random_program.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/loop/random_expr.h"

namespace tilewright {
namespace {

class Generator {
 public:
  explicit Generator(Rng* rng) : rng_(rng) {
    readable_ = {MakeBuffer("in", DType::kF32, {6, 10}), MakeBuffer("index", DType::kI64, {7})};
    writable_ = {MakeBuffer("out", DType::kF32, {12})};
  }

  Program Run() {
    Program program{.name = "random", .params = readable_};
    program.params.push_back(writable_[0]);
    program.body = Block(4);
    return program;
  }

 private:
  bool Chance(int in) { return rng_->Below(in) == 0; }

  Stmt Block(int depth) {
    std::vector<Stmt> body;
    const size_t count = 1 + rng_->Below(3);
    for (size_t i = 0; i < count; ++i) body.push_back(Statement(depth));
    return Seq(std::move(body));
  }

  Stmt Statement(int depth) {
    if (depth == 0 || vars_.empty()) return depth == 0 ? RandomStore() : Loop(depth);
    switch (rng_->Below(6)) {
      case 0: return RandomStore();
      case 1:
        return If(RandomCondition(vars_, 2, rng_), Block(depth - 1),
                  Chance(2) ? Block(depth - 1) : nullptr);
      case 2: return Scratch(depth);
      default: return Loop(depth);
    }
  }

  Stmt Loop(int depth) {
    // Names repeat, so that the printer has to tell them apart.
    const Expr var = Var(std::string(1, static_cast<char>('i' + rng_->Below(3))));
    const Expr min = vars_.empty() || Chance(2) ? Int(static_cast<int64_t>(rng_->Below(5)) - 2)
                                                : RandomIndex(vars_, 1, rng_);
    Expr extent = Int(static_cast<int64_t>(rng_->Below(4)));
    if (!vars_.empty() && Chance(4)) extent = FloorMod(RandomIndex(vars_, 1, rng_), 3);
    const bool constant = AsInt(extent) != nullptr;
    const bool unroll = constant && Chance(2);
    const bool vector = constant && !unroll && Chance(3);
    vars_.push_back(var);
    Stmt body = vector ? RandomStore() : Block(depth - 1);
    vars_.pop_back();
    const LoopKind kind =
        vector ? LoopKind::kVectorized : (unroll ? LoopKind::kUnrolled : LoopKind::kSerial);
    return For(var, {min, extent}, kind, std::move(body));
  }

  Stmt Scratch(int depth) {
    const Buffer buffer = MakeBuffer(absl::StrCat("s", next_name_++), DType::kF32, {3},
                                     Chance(2) ? Scope::kStack : Scope::kRegister);
    std::vector<Stmt> body;
    for (int64_t i = 0; i < 3; ++i) body.push_back(Store(buffer, {Int(i)}, Value(1)));
    readable_.push_back(buffer);
    writable_.push_back(buffer);
    body.push_back(Block(depth - 1));
    readable_.pop_back();
    writable_.pop_back();
    return Alloc(buffer, Seq(std::move(body)));
  }

  Stmt RandomStore() {
    const Buffer buffer = writable_[rng_->Below(writable_.size())];
    std::vector<Expr> at = Indices(buffer);
    Expr value = Value(2);
    if (Chance(2)) value = Load(buffer, at) + std::move(value);
    return Store(buffer, std::move(at), std::move(value));
  }

  std::vector<Expr> Indices(const Buffer& buffer) {
    std::vector<Expr> indices;
    for (int64_t extent : buffer->shape) {
      Expr index =
          vars_.empty() ? Int(static_cast<int64_t>(rng_->Below(20))) : RandomIndex(vars_, 2, rng_);
      indices.push_back(FloorMod(std::move(index), extent));
    }
    return indices;
  }

  Expr Value(int depth) {
    if (depth == 0) return Chance(3) ? Float(rng_->Uniform(-2, 2)) : Element();
    switch (rng_->Below(7)) {
      case 0: return Value(depth - 1) + Value(depth - 1);
      case 1: return Value(depth - 1) * Value(depth - 1);
      case 2: return Max(Value(depth - 1), Value(depth - 1));
      case 3: return Call("tanh", {Value(depth - 1)}, DType::kF32);
      case 4: return Cast(Cast(Value(depth - 1), DType::kI64) + 3, DType::kF32);
      case 5:
        return vars_.empty() ? Element()
                             : Select(RandomCondition(vars_, 1, rng_), Value(depth - 1), Element());
      default: return Cast(Cast(Element(), DType::kI8), DType::kF32);
    }
  }

  Expr Element() {
    const Buffer buffer = readable_[rng_->Below(readable_.size())];
    return Cast(Load(buffer, Indices(buffer)), DType::kF32);
  }

  Rng* rng_;
  std::vector<Expr> vars_;
  std::vector<Buffer> readable_, writable_;
  int next_name_ = 0;
};

}  // namespace

Program RandomProgram(Rng* rng) { return Generator(rng).Run(); }

std::vector<Tensor> RandomArguments(const Program& program, Rng* rng) {
  std::vector<Tensor> args;
  for (const Buffer& param : program.params) {
    args.emplace_back(TensorType{.dtype = param->dtype, .shape = param->shape});
    if (param == program.params.back()) break;
    for (int64_t i = 0; i < args.back().size(); ++i) {
      if (param->dtype == DType::kF32) args.back().as<float>()[i] = rng->Uniform(-3, 3);
      if (param->dtype == DType::kI64) args.back().as<int64_t>()[i] = rng->Below(9);
    }
  }
  return args;
}

}  // namespace tilewright
