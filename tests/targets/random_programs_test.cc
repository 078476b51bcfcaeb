// Random programs with lanes, guards, gathers, masks, scratch and tails: compiled code against
// the interpreter. A failure prints its seed and the program.
#include "absl/strings/str_cat.h"
#include "compiler/loop/text.h"
#include "tests/targets/compiled_kernel.h"

namespace tilewright {
namespace {

constexpr int64_t kElements = 600;
constexpr int64_t kOuter = 4;

class Generator {
 public:
  explicit Generator(uint64_t seed)
      : rng_(seed), lanes_(kLaneCounts[Below(std::size(kLaneCounts))]) {}

  Program Make() {
    const Expr r = Var("r"), o = Var("o");
    out_ = MakeBuffer("out", DType::kF32, {kOuter, 3, lanes_});
    const Buffer scratch = MakeBuffer("scratch", DType::kF32, {lanes_}, Scope::kStack);
    const Buffer tile = MakeBuffer("tile", DType::kF32, {3, lanes_}, Scope::kRegister);
    uniform_ = {r};
    const Stmt first = Lanes([&](const Expr& l) { return Store(scratch, {l}, Value(3)); });
    scratch_ = scratch;
    const Stmt fill = For(o, 3, LoopKind::kUnrolled,
                          Lanes([&](const Expr& l) { return Store(tile, {o, l}, Value(2)); }));
    uniform_.push_back(o);
    const Stmt write = For(o, 3, LoopKind::kUnrolled, Lanes([&](const Expr& l) {
                             return Guarded(Load(tile, {o, l}) + Value(2), {r, o, l});
                           }));
    const Stmt body = Alloc(scratch, Alloc(tile, Seq({first, fill, write})));
    return {.name = "random",
            .params = {data_, index_, out_},
            .body = For(r, kOuter, LoopKind::kParallel, body)};
  }

 private:
  static constexpr int64_t kLaneCounts[] = {2, 3, 8, 15, 16, 17, 33, 64, 70, 100};

  uint64_t Below(uint64_t n) { return rng_.Below(n); }

  // A vector loop over a fresh variable.
  Stmt Lanes(const std::function<Stmt(const Expr&)>& body) {
    lane_ = Var("l");
    return For(lane_, lanes_, LoopKind::kVectorized, body(lane_));
  }

  // A store to every element, some by the branches of a condition.
  Stmt Guarded(Expr value, std::vector<Expr> at) {
    if (Below(2) == 0) return Store(out_, at, value);
    return If(Condition(), Store(out_, at, value), Store(out_, at, Value(1)));
  }

  Expr Uniform() { return uniform_[Below(uniform_.size())]; }

  // In [0, kElements - 100) with strides over the lanes that the emitter treats apart.
  Expr Index() {
    const Expr base = Uniform() * static_cast<int64_t>(Below(20)) + static_cast<int64_t>(Below(9));
    switch (Below(7)) {
      case 0: return base;
      case 1: return base + lane_ * 2;
      case 2: return base + lane_ * 4;
      case 3: return base + (Int(lanes_ - 1) - lane_);
      case 4: return base + FloorDiv(lane_, 3);
      case 5: return base + FloorMod(lane_ + Uniform(), 5);
      default: return base + lane_;
    }
  }

  Expr Condition() {
    switch (Below(5)) {
      case 0: return Lt(Load(data_, {Index()}), Float(0));
      case 1: return Lt(lane_, Uniform() * 5 + 2);
      case 2: return And(Le(Int(1), Uniform()), Le(lane_ * 2, Int(lanes_)));
      case 3: return Eq(Load(index_, {Index()}), Int(2));
      default: return Le(Uniform(), Int(1));
    }
  }

  // A load that only its condition keeps inside the buffer.
  Expr GuardedLoad() {
    const Expr at = Index() - static_cast<int64_t>(Below(12));
    return Select(Le(Int(0), at), Load(data_, {at}), Float(0.5));
  }

  Expr Leaf() {
    switch (Below(6)) {
      case 0: return Float(static_cast<double>(Below(5)) / 4);
      case 1: return Load(data_, {Max(Load(index_, {Index()}), Int(0))});
      case 2: return GuardedLoad();
      case 3: return Cast(Index(), DType::kF32) * Float(0.01);
      case 4:
        if (scratch_ != nullptr) return Load(scratch_, {lane_});
        [[fallthrough]];
      default: return Load(data_, {Index()});
    }
  }

  Expr Value(int depth) {
    if (depth == 0) return Leaf();
    const auto next = [&] { return Value(depth - 1); };
    switch (Below(8)) {
      case 0: return next() + next() * next();
      case 1: return next() - next();
      case 2: return Min(next(), next());
      case 3: return Max(next(), Float(0));
      case 4: return Select(Condition(), next(), next());
      case 5: return Call("tanh", {next()}, DType::kF32);
      case 6: return Call("abs", {next()}, DType::kF32);
      default: return Leaf();
    }
  }

  Rng rng_;
  int64_t lanes_;
  Buffer data_ = MakeBuffer("data", DType::kF32, {kElements});
  Buffer index_ = MakeBuffer("index", DType::kI64, {kElements});
  Buffer out_, scratch_;
  Expr lane_;
  std::vector<Expr> uniform_;
};

void ExpectSeedAgrees(uint64_t seed, Optimize optimize, double tolerance) {
  const Program program = Generator(seed).Make();
  SCOPED_TRACE(absl::StrCat("seed ", seed, "\n", Print(program)));
  const auto so = CompileForHost({program}, {.optimize = optimize});
  ASSERT_TRUE(so.ok()) << so.status();
  Rng rng(seed);
  ExpectAsInterpreted(*so, program, RandomArguments(program, rng), tolerance);
}

TEST(RandomPrograms, CompiledPlainAreBitForBitTheInterpreters) {
  for (uint64_t seed = 0; seed < 10; ++seed) ExpectSeedAgrees(seed, Optimize::kPlain, 0);
}

TEST(RandomPrograms, CompiledFullyAreClose) {
  for (uint64_t seed = 20; seed < 30; ++seed) ExpectSeedAgrees(seed, Optimize::kFull, 1e-5);
}

}  // namespace
}  // namespace tilewright
