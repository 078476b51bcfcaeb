// Every operator, call and cast, on every type that has it: compiled code against the interpreter.
#include "absl/strings/str_cat.h"
#include "tests/targets/compiled_kernel.h"

namespace tilewright {
namespace {

constexpr DType kDTypes[] = {DType::kF32, DType::kF64, DType::kF16, DType::kBF16, DType::kI64,
                             DType::kI32, DType::kI16, DType::kI8,  DType::kU64,  DType::kU32,
                             DType::kU16, DType::kU8,  DType::kBool};
constexpr DType kIntegers[] = {DType::kI64, DType::kI32, DType::kI16, DType::kI8,
                               DType::kU64, DType::kU32, DType::kU16, DType::kU8};
constexpr int64_t kRows = 6;

// How the elements are visited: one by one, or in lanes (a register's, an odd number, many).
struct Lanes {
  int64_t count;
  LoopKind kind;
};
constexpr Lanes kLanes[] = {{9, LoopKind::kSerial},
                            {16, LoopKind::kVectorized},
                            {7, LoopKind::kVectorized},
                            {100, LoopKind::kVectorized}};

// Collects element functions as programs of one library, so that all are linked at once.
class Library {
 public:
  explicit Library(Lanes lanes) : lanes_(lanes) {}

  // out[r, l] = function(operands[r, l]...)
  void Add(const std::vector<DType>& operands, DType result,
           const std::function<Expr(const std::vector<Expr>&)>& function) {
    const std::vector<int64_t> shape = {kRows, lanes_.count};
    const Expr r = Var("r"), l = Var("l");
    Program program{.name = absl::StrCat("k", programs_.size())};
    std::vector<Expr> values;
    for (DType dtype : operands) {
      program.params.push_back(MakeBuffer(absl::StrCat("in", values.size()), dtype, shape));
      values.push_back(Load(program.params.back(), {r, l}));
    }
    const Buffer out = MakeBuffer("out", result, shape);
    program.params.push_back(out);
    program.body = For(r, kRows, LoopKind::kSerial,
                       For(l, lanes_.count, lanes_.kind, Store(out, {r, l}, function(values))));
    programs_.push_back(std::move(program));
  }

  void ExpectAllAsInterpreted(Optimize optimize, double tolerance) const {
    const auto so = CompileForHost(programs_, {.optimize = optimize});
    ASSERT_TRUE(so.ok()) << so.status();
    Rng rng(lanes_.count);
    for (const Program& program : programs_) {
      SCOPED_TRACE(absl::StrCat(program.name, " with ", lanes_.count, " lanes"));
      ExpectAsInterpreted(*so, program, RandomArguments(program, rng), tolerance);
    }
  }

 private:
  Lanes lanes_;
  std::vector<Program> programs_;
};

class Expressions : public testing::TestWithParam<Lanes> {};

bool HasOperator(BinaryOp op, DType dtype) {
  if (op >= BinaryOp::kAnd || op == BinaryOp::kMod)
    return !IsFloat(dtype) && (dtype != DType::kBool || op != BinaryOp::kMod);
  return dtype != DType::kBool || (op >= BinaryOp::kLt && op <= BinaryOp::kNe);
}

TEST_P(Expressions, BinaryOperatorsAgree) {
  Library library(GetParam());
  for (DType dtype : kDTypes) {
    for (int op = 0; op <= static_cast<int>(BinaryOp::kXor); ++op) {
      const auto binary = static_cast<BinaryOp>(op);
      if (!HasOperator(binary, dtype)) continue;
      const bool compares = binary >= BinaryOp::kLt && binary <= BinaryOp::kNe;
      library.Add({dtype, dtype}, compares ? DType::kBool : dtype,
                  [&](const auto& x) { return Binary(binary, x[0], x[1]); });
    }
  }
  library.ExpectAllAsInterpreted(Optimize::kPlain, 0);
}

TEST_P(Expressions, DivisionsByLiteralsAgree) {
  Library library(GetParam());
  for (DType dtype : kIntegers) {
    for (int64_t divisor : {1, 2, 3, 8, 7}) {
      for (BinaryOp op : {BinaryOp::kDiv, BinaryOp::kMod}) {
        library.Add({dtype}, dtype,
                    [&](const auto& x) { return Binary(op, x[0], Int(divisor, dtype)); });
      }
    }
  }
  library.ExpectAllAsInterpreted(Optimize::kFull, 0);
}

TEST_P(Expressions, CastsAgree) {
  Library library(GetParam());
  for (DType from : kDTypes) {
    for (DType to : kDTypes) {
      library.Add({from}, to, [&](const auto& x) { return Cast(x[0], to); });
    }
  }
  library.ExpectAllAsInterpreted(Optimize::kFull, 0);
}

// Halves, what is far out of range, infinities and NaN.
TEST_P(Expressions, CastsOfRoundedFloatsSaturate) {
  Library library(GetParam());
  for (DType to : kIntegers) {
    for (const double factor : {0.5, 300.5, 4e4, 3e38, 1e39}) {
      const auto scaled = [&](const auto& x) {
        return Call("floor", {x[0] * Float(8)}, DType::kF32) * Float(factor);
      };
      library.Add({DType::kF32}, to,
                  [&](const auto& x) { return Cast(Call("round", {scaled(x)}, DType::kF32), to); });
      library.Add({DType::kF32}, to, [&](const auto& x) { return Cast(scaled(x), to); });
    }
    library.Add({DType::kF32}, to, [&](const auto& x) {
      return Cast(Call("round", {Call("log", {x[0]}, DType::kF32)}, DType::kF32), to);
    });
  }
  library.ExpectAllAsInterpreted(Optimize::kFull, 0);
}

// As requantisation ends: of what may be far out of range, infinite or NaN, and of what is known to
// be small.
TEST_P(Expressions, CastsOfRoundedAndClippedFloatsAgree) {
  Library library(GetParam());
  const auto rounded = [](const Expr& x, double lo, double hi, DType to) {
    const Expr clipped = Min(Max(x, Float(lo)), Float(hi));
    return Cast(Call("round", {clipped}, DType::kF32), to);
  };
  for (const DType to : kIntegers) {
    for (const auto& [lo, hi] : {std::pair{0., 255.}, {0., 100.}, {-128., 127.}, {0.5, 9.5}}) {
      for (const double factor : {0.5, 30.25, 3e38, 1e39}) {
        library.Add({DType::kF32}, to,
                    [&](const auto& x) { return rounded(x[0] * Float(factor), lo, hi, to); });
      }
      library.Add({DType::kF32}, to, [&](const auto& x) {
        return rounded(Call("log", {x[0]}, DType::kF32), lo, hi, to);
      });
      for (const double factor : {-30.5, 30.5, 1e9}) {
        library.Add({DType::kU8}, to, [&](const auto& x) {
          return rounded(Cast(x[0], DType::kF32) * Float(factor), lo, hi, to);
        });
      }
    }
  }
  library.ExpectAllAsInterpreted(Optimize::kFull, 0);
}

void AddFloatCalls(Library& library, DType dtype) {
  for (const char* name : {"exp",   "log",  "sqrt",  "tanh", "sin",   "cos",   "tan",   "asin",
                           "acos",  "atan", "sinh",  "cosh", "asinh", "acosh", "atanh", "erf",
                           "floor", "ceil", "round", "abs",  "neg",   "sign"}) {
    library.Add({dtype}, dtype, [&](const auto& x) { return Call(name, {x[0]}, dtype); });
  }
  for (const char* name : {"pow", "fmod"}) {
    library.Add({dtype, dtype}, dtype,
                [&](const auto& x) { return Call(name, {x[0], x[1]}, dtype); });
  }
  for (const char* name : {"isnan", "isinf"}) {
    library.Add({dtype}, DType::kBool, [&](const auto& x) {
      return Call(name, {Call("log", {Call("floor", {x[0]}, dtype)}, dtype)}, DType::kBool);
    });
  }
  library.Add({dtype, dtype, dtype}, dtype,
              [&](const auto& x) { return Call("fma", {x[0], x[1], x[2]}, dtype); });
}

TEST_P(Expressions, CallsAgree) {
  Library library(GetParam());
  AddFloatCalls(library, DType::kF32);
  AddFloatCalls(library, DType::kF64);
  AddFloatCalls(library, DType::kF16);
  AddFloatCalls(library, DType::kBF16);
  for (DType dtype : kIntegers) {
    for (const char* name : {"abs", "neg", "sign"}) {
      library.Add({dtype}, dtype, [&](const auto& x) { return Call(name, {x[0]}, dtype); });
    }
    for (const char* name : {"shl", "shr"}) {
      library.Add({dtype, dtype}, dtype,
                  [&](const auto& x) { return Call(name, {x[0], x[1]}, dtype); });
    }
  }
  library.Add({DType::kBool}, DType::kBool,
              [](const auto& x) { return Call("not", {x[0]}, DType::kBool); });
  library.ExpectAllAsInterpreted(Optimize::kPlain, 0);
}

TEST_P(Expressions, FastCallsAgreeClosely) {
  Library library(GetParam());
  AddFloatCalls(library, DType::kF32);
  library.ExpectAllAsInterpreted(Optimize::kFull, 2e-6);
}

TEST_P(Expressions, SelectsAndLogicAgree) {
  Library library(GetParam());
  for (DType dtype : kDTypes) {
    library.Add({DType::kBool, dtype, dtype}, dtype,
                [&](const auto& x) { return Select(x[0], x[1], x[2]); });
  }
  library.Add({DType::kF32, DType::kF32}, DType::kBool, [](const auto& x) {
    return Or(And(Lt(x[0], x[1]), Lt(Float(0), x[1])), Eq(x[0], Float(1)));
  });
  library.ExpectAllAsInterpreted(Optimize::kFull, 0);
}

INSTANTIATE_TEST_SUITE_P(Lanes, Expressions, testing::ValuesIn(kLanes), [](const auto& info) {
  return absl::StrCat(info.param.kind == LoopKind::kSerial ? "serial" : "vector", info.param.count);
});

}  // namespace
}  // namespace tilewright
