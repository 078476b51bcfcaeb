#include "compiler/targets/support/vector_math.h"

#include <limits>
#include <span>

#include "llvm/IR/Intrinsics.h"

namespace tilewright {
namespace {

// Arithmetic on vectors of one shape, so that the formulas below read like their sources.
class VectorMath {
 public:
  VectorMath(llvm::IRBuilder<>& builder, llvm::Type* type)
      : b_(builder), float_(type), int_(type->getWithNewType(builder.getInt32Ty())) {}

  llvm::Value* Exp(llvm::Value* x);
  llvm::Value* Log(llvm::Value* x);
  llvm::Value* Tanh(llvm::Value* x);
  llvm::Value* Erf(llvm::Value* x);

 private:
  llvm::Value* C(double value) { return llvm::ConstantFP::get(float_, value); }
  llvm::Value* I(int64_t value) { return llvm::ConstantInt::get(int_, value, true); }
  llvm::Value* Bits(llvm::Value* x) { return b_.CreateBitCast(x, int_); }
  llvm::Value* FromBits(llvm::Value* x) { return b_.CreateBitCast(x, float_); }
  llvm::Value* Fma(llvm::Value* x, llvm::Value* y, llvm::Value* z) {
    return b_.CreateFAdd(b_.CreateFMul(x, y), z);
  }
  llvm::Value* Abs(llvm::Value* x) { return b_.CreateUnaryIntrinsic(llvm::Intrinsic::fabs, x); }
  // NaN passes through both.
  llvm::Value* AtMost(llvm::Value* x, double limit) {
    return b_.CreateSelect(b_.CreateFCmpOGT(x, C(limit)), C(limit), x);
  }
  llvm::Value* AtLeast(llvm::Value* x, double limit) {
    return b_.CreateSelect(b_.CreateFCmpOLT(x, C(limit)), C(limit), x);
  }
  // coefficients[0] * x^n + ... + coefficients[n].
  llvm::Value* Polynomial(llvm::Value* x, std::span<const double> coefficients) {
    llvm::Value* sum = C(coefficients[0]);
    for (double c : coefficients.subspan(1)) sum = Fma(sum, x, C(c));
    return sum;
  }
  // 2^n for n in [-126, 127].
  llvm::Value* PowerOfTwo(llvm::Value* n) {
    return FromBits(b_.CreateShl(b_.CreateAdd(n, I(127)), I(23)));
  }

  llvm::IRBuilder<>& b_;
  llvm::Type* float_;
  llvm::Type* int_;
};

// Cephes expf (S. Moshier, netlib.org/cephes/single.tgz expf.c): x = n ln2 + r, polynomial in r.
// n is rounded by adding 1.5 * 2^23; 2^n is applied in two halves so that subnormal and infinite
// results come out right.
llvm::Value* VectorMath::Exp(llvm::Value* x) {
  constexpr double kP[] = {1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3,
                           4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1};
  constexpr double kRound = 12582912;
  x = AtMost(AtLeast(x, -104), 89);
  llvm::Value* shifted = Fma(x, C(1.44269504088896341), C(kRound));
  llvm::Value* n = b_.CreateFSub(shifted, C(kRound));
  llvm::Value* r = Fma(n, C(-0.693359375), x);
  r = Fma(n, C(2.12194440e-4), r);
  llvm::Value* y = Fma(Polynomial(r, kP), b_.CreateFMul(r, r), r);
  y = b_.CreateFAdd(y, C(1));
  llvm::Value* exponent = b_.CreateSub(Bits(shifted), Bits(C(kRound)));
  llvm::Value* half = b_.CreateAShr(exponent, I(1));
  y = b_.CreateFMul(y, PowerOfTwo(half));
  return b_.CreateFMul(y, PowerOfTwo(b_.CreateSub(exponent, half)));
}

// Cephes logf (logf.c) on x = 2^e * m with m in [sqrt(1/2), sqrt(2)); the split of x is that of
// FreeBSD's e_logf.c, subnormal numbers scaled by 2^23 first.
llvm::Value* VectorMath::Log(llvm::Value* x) {
  constexpr double kP[] = {7.0376836292e-2,  -1.1514610310e-1, 1.1676998740e-1,
                           -1.2420140846e-1, 1.4249322787e-1,  -1.6668057665e-1,
                           2.0000714765e-1,  -2.4999993993e-1, 3.3333331174e-1};
  constexpr int64_t kSqrtHalf = 0x3f3504f3, kOne = 0x3f800000, kMantissa = 0x007fffff;
  llvm::Value* tiny = b_.CreateFCmpOLT(x, C(std::numeric_limits<float>::min()));
  llvm::Value* scaled = b_.CreateSelect(tiny, b_.CreateFMul(x, C(8388608)), x);
  llvm::Value* bits = b_.CreateAdd(Bits(scaled), I(kOne - kSqrtHalf));
  llvm::Value* exponent = b_.CreateSub(b_.CreateAShr(bits, I(23)), I(127));
  llvm::Value* e = b_.CreateSIToFP(exponent, float_);
  e = b_.CreateFSub(e, b_.CreateSelect(tiny, C(23), C(0)));
  llvm::Value* m = FromBits(b_.CreateAdd(b_.CreateAnd(bits, I(kMantissa)), I(kSqrtHalf)));
  llvm::Value* f = b_.CreateFSub(m, C(1));
  llvm::Value* z = b_.CreateFMul(f, f);
  llvm::Value* y = b_.CreateFMul(b_.CreateFMul(Polynomial(f, kP), f), z);
  y = Fma(e, C(-2.12194440e-4), y);
  y = Fma(z, C(-0.5), y);
  y = Fma(e, C(0.693359375), b_.CreateFAdd(f, y));
  const double inf = std::numeric_limits<double>::infinity();
  // Infinity and NaN are their own logarithms.
  y = b_.CreateSelect(b_.CreateFCmpOLT(x, C(inf)), y, x);
  y = b_.CreateSelect(b_.CreateFCmpOEQ(x, C(0)), C(-inf), y);
  llvm::Value* negative = b_.CreateFCmpOLT(x, C(0));
  return b_.CreateSelect(negative, C(std::numeric_limits<double>::quiet_NaN()), y);
}

// Cephes tanhf (tanhf.c): an odd polynomial below 0.625, 1 - 2 / (e^2x + 1) above.
llvm::Value* VectorMath::Tanh(llvm::Value* x) {
  constexpr double kP[] = {-5.70498872745e-3, 2.06390887954e-2, -5.37397155531e-2, 1.33314422036e-1,
                           -3.33332819422e-1};
  llvm::Value* magnitude = Abs(x);
  llvm::Value* z = b_.CreateFMul(x, x);
  llvm::Value* near = Fma(b_.CreateFMul(Polynomial(z, kP), z), x, x);
  llvm::Value* power = Exp(b_.CreateFAdd(magnitude, magnitude));
  llvm::Value* far = b_.CreateFDiv(C(2), b_.CreateFAdd(power, C(1)));
  far = b_.CreateFSub(C(1), far);
  far = b_.CreateBinaryIntrinsic(llvm::Intrinsic::copysign, far, x);
  return b_.CreateSelect(b_.CreateFCmpOLT(magnitude, C(0.625)), near, far);
}

// x P(x^2) / Q(x^2) on [-4, 4], the rational minimax form of Eigen's erf
// (unsupported/SpecialFunctions, generic_fast_erf_float) and XLA's ErfImpl32.
llvm::Value* VectorMath::Erf(llvm::Value* x) {
  constexpr double kP[] = {-2.72614225801306e-10, 2.77068142495902e-08,  -2.10102402082508e-06,
                           -5.69250639462346e-05, -7.34990630326855e-04, -2.95459980854025e-03,
                           -1.60960333262415e-02};
  constexpr double kQ[] = {-1.45660718464996e-05, -2.13374055278905e-04, -1.68282697438203e-03,
                           -7.37332916720468e-03, -1.42647390514189e-02};
  x = AtMost(AtLeast(x, -4), 4);
  llvm::Value* z = b_.CreateFMul(x, x);
  llvm::Value* numerator = b_.CreateFMul(x, Polynomial(z, kP));
  return b_.CreateFDiv(numerator, Polynomial(z, kQ));
}

}  // namespace

llvm::Value* EmitVectorMath(EmitContext& ctx, std::string_view name, llvm::Value* x) {
  VectorMath math(ctx.builder, x->getType());
  if (name == "exp") return math.Exp(x);
  if (name == "log") return math.Log(x);
  if (name == "tanh") return math.Tanh(x);
  if (name == "erf") return math.Erf(x);
  return nullptr;
}

}  // namespace tilewright
