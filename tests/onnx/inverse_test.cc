// Inverses of matrices, multiplied by what they are the inverses of.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/onnx/by_definition.h"
#include "tests/onnx/one_node.h"

namespace tilewright {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

ModelBuilder InverseModel(const Shape& shape) {
  return OneNode({"com.microsoft.Inverse", 17, {"x"}}, {{"x", Tensor({DType::kF32, shape})}});
}

TEST(Inverse, TimesItsMatrixIsTheUnitMatrix) {
  Rng rng(7);
  for (const int64_t n : {1, 2, 5, 8}) {
    SCOPED_TRACE(testing::Message() << "seed 7, " << n << " rows");
    const Tensor x = Random(rng, {3, n, n});
    const Tensor y = RunBoth(InverseModel({3, n, n}), {{"x", x}}, 1e-4).at(0);
    for (int64_t i = 0; i < x.size(); ++i) {
      const int64_t matrix = i / (n * n), row = i / n % n, column = i % n;
      double sum = 0;
      for (int64_t k = 0; k < n; ++k) {
        sum +=
            x.AsDouble(matrix * n * n + row * n + k) * y.AsDouble(matrix * n * n + k * n + column);
      }
      EXPECT_NEAR(sum, row == column, 1e-3) << "element " << i;
    }
  }
}

TEST(Inverse, ExchangesRowsWhereAPivotIsZero) {
  const Tensor x = Floats({2, 2}, {0, 2, 4, 0});
  EXPECT_THAT(Values(RunBoth(InverseModel({2, 2}), {{"x", x}}).at(0)),
              ElementsAre(0, 0.25, 0.5, 0));
}

TEST(Inverse, OfAMatrixThatIsNotSquareIsRefused) {
  EXPECT_THAT(Refusal(InverseModel({2, 3})), HasSubstr("no batch of square matrices"));
}

}  // namespace
}  // namespace tilewright
