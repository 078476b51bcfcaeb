// Accuracy of the vector polynomials over their whole range, against libm in double precision.
#include <limits>

#include "absl/strings/str_cat.h"
#include "tests/targets/compiled_kernel.h"

namespace tilewright {
namespace {

constexpr int64_t kCount = 1 << 16;

// out[i] = name(in[i]) in vectors of 16.
std::vector<float> Apply(const std::string& name, const std::vector<float>& in) {
  const int64_t rows = static_cast<int64_t>(in.size()) / 16;
  const Buffer x = MakeBuffer("x", DType::kF32, {rows, 16});
  const Buffer y = MakeBuffer("y", DType::kF32, {rows, 16});
  const Expr r = Var("r"), l = Var("l");
  const Program program{
      .name = "apply",
      .params = {x, y},
      .body = For(r, rows, LoopKind::kParallel,
                  For(l, 16, LoopKind::kVectorized,
                      Store(y, {r, l}, Call(name, {Load(x, {r, l})}, DType::kF32))))};
  const auto kernel = HostKernel::Load(*CompileForHost({program}), program.name);
  std::vector<Tensor> args = {Tensor({DType::kF32, {rows, 16}}, in),
                              Tensor({DType::kF32, {rows, 16}})};
  kernel->Run(args, 0, rows);
  return {args[1].as<float>(), args[1].as<float>() + in.size()};
}

// The largest error of name over `in`, relative to the exact value.
double LargestError(const std::string& name, double (*exact)(double),
                    const std::vector<float>& in) {
  const std::vector<float> out = Apply(name, in);
  double largest = 0;
  for (size_t i = 0; i < in.size(); ++i) {
    const double want = exact(in[i]);
    const double error = std::abs(out[i] - want) / std::abs(want);
    if (want != 0) largest = std::max(largest, error);
  }
  return largest;
}

std::vector<float> Between(double lo, double hi) {
  std::vector<float> values;
  for (int64_t i = 0; i < kCount; ++i) values.push_back(lo + (hi - lo) * (i + 0.5) / kCount);
  return values;
}

// Both signs when `both`, magnitudes from 2^lo to 2^hi.
std::vector<float> Magnitudes(double lo, double hi, bool both) {
  std::vector<float> values = Between(lo, hi);
  for (size_t i = 0; i < values.size(); ++i) {
    values[i] = std::exp2(values[i]) * (both && i % 2 == 0 ? -1 : 1);
  }
  return values;
}

TEST(VectorMath, ExpIsAccurate) {
  EXPECT_LT(LargestError("exp", std::exp, Between(-87, 88.7)), 2e-7);
}

TEST(VectorMath, LogIsAccurate) {
  EXPECT_LT(LargestError("log", std::log, Magnitudes(-149, 127.9, false)), 3e-7);
  EXPECT_LT(LargestError("log", std::log, Between(0.5, 2)), 3e-7);
}

TEST(VectorMath, TanhIsAccurate) {
  EXPECT_LT(LargestError("tanh", std::tanh, Magnitudes(-30, 5, true)), 3e-7);
}

TEST(VectorMath, ErfIsAccurate) {
  EXPECT_LT(LargestError("erf", std::erf, Magnitudes(-30, 3, true)), 5e-7);
}

TEST(VectorMath, SpecialValuesAreThoseOfLibm) {
  constexpr float inf = std::numeric_limits<float>::infinity();
  constexpr float nan = std::numeric_limits<float>::quiet_NaN();
  std::vector<float> in = {0,   -0.0f, inf,    -inf, nan, 1e30f, -1e30f, 89,
                           -90, -110,  1e-45f, 1,    -1,  88.9f, -103,   2};
  const auto expect = [&](const char* name, float (*exact)(float)) {
    const std::vector<float> out = Apply(name, in);
    for (size_t i = 0; i < in.size(); ++i) {
      const float want = exact(in[i]);
      SCOPED_TRACE(absl::StrCat(name, "(", in[i], ")"));
      if (std::isnan(want)) {
        EXPECT_TRUE(std::isnan(out[i]));
      } else {
        EXPECT_TRUE(out[i] == want || std::abs(out[i] - want) <= 5e-7f * std::abs(want) + 3e-45f)
            << out[i] << ", expected " << want;
      }
    }
  };
  expect("exp", std::exp);
  expect("log", std::log);
  expect("tanh", std::tanh);
  expect("erf", std::erf);
}

}  // namespace
}  // namespace tilewright
