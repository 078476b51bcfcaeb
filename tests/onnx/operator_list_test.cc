// The page of supported operators says what the catalogue says.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>

#include "compiler/onnx/import.h"
#include "compiler/onnx/operator_table.h"
#include "tests/paths.h"

namespace tilewright {
namespace {

using ::testing::HasSubstr;

TEST(OperatorPage, IsCurrent) {
  std::ifstream file(TILEWRIGHT_SOURCE_DIR "/compiler/onnx/OPERATORS.md");
  const std::string page{std::istreambuf_iterator<char>(file), {}};
  EXPECT_EQ(page, OperatorPage())
      << "run: tilewright operators --markdown > compiler/onnx/OPERATORS.md";
}

TEST(OperatorTable, NamesTheOpsetAndTheTypesOfEveryOperator) {
  const std::string table = OperatorTable();
  EXPECT_THAT(table, HasSubstr("\nHardSwish "));
  EXPECT_THAT(table, HasSubstr("14+  floats\n"));
  EXPECT_THAT(table, HasSubstr("\nIf "));
  EXPECT_EQ(std::count(table.begin(), table.end(), '\n'),
            static_cast<int64_t>(SupportedOperators().size()));
}

TEST(ElementTypes, AreNamedByTheLargestGroupsThatTheyHold) {
  EXPECT_EQ(TextOf(kEveryType), "any");
  EXPECT_EQ(TextOf(kNumbers), "numbers");
  EXPECT_EQ(TextOf(kFloats | ElementTypes{DType::kI64, DType::kBool}), "floats int64 bool");
  EXPECT_EQ(TextOf({DType::kU8, DType::kI8}), "int8 uint8");
}

}  // namespace
}  // namespace tilewright
