// The element types that the page of supported operators claims. Each is shown: an ONNX node test
// of that type passes, or what a test or sample gives in it is what the same values give in the
// widest other type that the operator takes. No other type is taken.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/strings.h"
#include "compiler/onnx/catalog.h"
#include "tests/onnx/evaluate.h"
#include "tests/onnx/one_node.h"
#include "tests/onnx/operator_samples.h"
#include "tests/onnx/typed_nodes.h"

namespace tilewright {
namespace {

constexpr size_t kTestsOfAnOperator = 3;
constexpr uint64_t kSeed = 1;

using Shown = std::map<std::string, std::set<DType>>;  // by operator

// From the widest on.
constexpr DType kReferences[] = {DType::kF64, DType::kF32, DType::kI64, DType::kI32, DType::kI16,
                                 DType::kU16, DType::kU8,  DType::kI8,  DType::kF16};

const std::map<std::string, ElementTypes>& Claims() {
  static const auto* const kClaims = [] {
    auto* claims = new std::map<std::string, ElementTypes>;
    for (const SupportedOperator& op : SupportedOperators()) claims->emplace(op.name, op.types);
    return claims;
  }();
  return *kClaims;
}

std::optional<DType> ReferenceFor(const std::string& op_type, DType dtype) {
  for (DType wider : kReferences) {
    if (wider != dtype && Claims().at(op_type).Has(wider)) return wider;
  }
  return std::nullopt;
}

absl::StatusOr<std::vector<Tensor>> Evaluate(const NodeTest& test) {
  absl::StatusOr<Graph> graph = ImportNodeTest(test);
  if (!graph.ok()) return graph.status();
  return EvaluateGraph(*graph, test.inputs);
}

// Integers truncate what the reals give, and wrap.
bool IsTruncated(const Tensor& found, int64_t i, double real) {
  if (found.dtype() == DType::kBool) return found.AsInt(i) == (real != 0);
  if (!std::isfinite(real)) return true;  // what ONNX leaves open
  const int64_t gap = static_cast<int64_t>(std::trunc(real)) - found.AsInt(i);
  return SizeOf(found.dtype()) == 8 ? gap == 0
                                    : gap % (int64_t{1} << (8 * SizeOf(found.dtype()))) == 0;
}

struct TypePair {
  DType dtype, reference;
};

bool IsClose(double a, double b, const TypePair& types) {
  if (a == b || (std::isnan(a) && std::isnan(b))) return true;
  if (std::isinf(a) && types.dtype == DType::kF16 && std::abs(b) > 65504) return true;
  const auto error = [](DType dtype) {
    return IsFloat(dtype) ? (IsNarrowFloat(dtype) ? 8 : 200) * RoundoffOf(dtype) : 0;
  };
  const double tolerance = std::max(error(types.dtype), error(types.reference)) + 1e-6;
  return std::abs(a - b) <= tolerance * (1 + std::abs(b));
}

std::string Differs(const Tensor& found, const Tensor& expected, const TypePair& types) {
  if (found.shape() != expected.shape()) return "another shape";
  for (int64_t i = 0; i < found.size(); ++i) {
    const double a = found.AsDouble(i), b = expected.AsDouble(i);
    const bool same = IsFloat(found.dtype()) ? IsClose(a, b, types) : IsTruncated(found, i, b);
    if (!same) return absl::StrCat("element ", i, " is ", a, ", not ", b);
  }
  return "";
}

// What an operator does not do in every type that it takes otherwise, and says so.
bool IsNamedExcuse(const absl::Status& status) {
  return absl::StrContains(status.message(), "which does not scale integers") ||
         absl::StrContains(status.message(), "bools have no reduction") ||
         absl::StrContains(status.message(), "interpolates floats alone");
}

// Whether a claimed type is shown by a test; what is wrong is a failure.
bool Show(const NodeTest& test, DType dtype) {
  const std::optional<NodeTest> typed = InType(test, {dtype, dtype});
  if (!typed) return false;
  const auto found = Evaluate(*typed);
  if (!found.ok()) {
    EXPECT_TRUE(IsNamedExcuse(found.status())) << found.status();
    return false;
  }
  const auto reference = ReferenceFor(OperatorOf(test), dtype);
  if (!reference) return false;
  const auto expected = Evaluate(*InType(test, {*reference, dtype}));
  if (!expected.ok()) return false;
  for (size_t i = 0; i < found->size(); ++i) {
    const std::string differs = Differs((*found)[i], (*expected)[i], {dtype, *reference});
    EXPECT_EQ(differs, "") << "output " << i;
    if (!differs.empty()) return false;
  }
  return true;
}

void ShowAll(const NodeTest& test, Shown& shown) {
  const std::string op_type = OperatorOf(test);
  for (DType dtype : kAllDTypes) {
    SCOPED_TRACE(absl::StrCat(test.name, " in ", Sv(NameOf(dtype))));
    if (!Claims().at(op_type).Has(dtype)) {
      const auto typed = InType(test, {dtype, dtype});
      EXPECT_FALSE(typed && Evaluate(*typed).ok()) << "is taken and not claimed";
    } else if (Show(test, dtype)) {
      shown[op_type].insert(dtype);
    }
  }
}

// ONNX's tests of one node with data.
void ShowByNodeTests(Shown& shown) {
  std::map<std::string, size_t> counts;
  for (const auto& folder : NodeTestFolders()) {
    const auto test = LoadNodeTest(folder);
    if (!test.ok() || test->model.graph().node_size() != 1) continue;
    const std::string op_type = OperatorOf(*test);
    const std::optional<DType> dtype = DataTypeOf(*test);
    if (!dtype || HasBodies(op_type) || op_type == "ConstantOfShape") continue;
    const absl::StatusOr<Graph> graph = ImportNodeTest(*test);
    if (!graph.ok()) continue;
    if (!shown[op_type].contains(*dtype) && CheckNodeTest(*test, *graph).ok()) {
      shown[op_type].insert(*dtype);
    }
    if (++counts[op_type] <= kTestsOfAnOperator) ShowAll(*test, shown);
  }
}

void ShowBySamples(Shown& shown) {
  for (auto* samples : {StandardSamples, LearningSamples, RuntimeSamples}) {
    for (const OperatorSample& sample : samples()) {
      const NodeTest test = AsNodeTest(sample, kSeed);
      SCOPED_TRACE(absl::StrCat(test.name, ", seed ", kSeed));
      const auto outputs = Evaluate(test);
      EXPECT_TRUE(outputs.ok()) << outputs.status();
      if (outputs.ok()) ShowAll(test, shown);
    }
  }
}

// The outputs for "x", and for "c" where there is one, in a type.
absl::StatusOr<std::vector<Tensor>> EvaluateTyped(const TypedSample& sample, DType dtype) {
  Tensors inputs = {{"x", Tensor({dtype, {2, 3}})}};
  for (int64_t i = 0; i < 6; ++i) inputs["x"].Set(i, static_cast<double>(i % 4 % 3));
  NodeTest test{.model = sample.in_type(ToOnnxType(dtype)), .inputs = inputs};
  if (test.model.graph().input_size() > 1) test.inputs["c"] = Tensor({DType::kBool, {}});
  return Evaluate(test);
}

void ShowByTypedSamples(Shown& shown) {
  for (const TypedSample& sample : TypedSamples()) {
    for (DType dtype : kAllDTypes) {
      if (!Claims().at(sample.operators[0]).Has(dtype)) continue;
      SCOPED_TRACE(absl::StrCat(sample.operators[0], " in ", Sv(NameOf(dtype))));
      const auto found = EvaluateTyped(sample, dtype);
      const auto expected = EvaluateTyped(sample, DType::kF64);
      ASSERT_TRUE(found.ok() && expected.ok()) << found.status() << expected.status();
      ASSERT_EQ(found->size(), expected->size());
      for (size_t i = 0; i < found->size(); ++i) {
        EXPECT_EQ(Differs((*found)[i], (*expected)[i], {dtype, DType::kF64}), "") << i;
      }
      for (const std::string& op : sample.operators) shown[op].insert(dtype);
    }
  }
}

// Operators of one type alone have no other to compare with: their own tests say what they give.
const std::map<std::string, std::string>& ShownElsewhere() {
  static const auto* const kTests = new std::map<std::string, std::string>{
      {"com.microsoft.DynamicQuantizeLSTM", "rounded_data_test.cc"},
      {"com.microsoft.DynamicQuantizeMatMul", "rounded_data_test.cc"},
      {"com.microsoft.GatherBlockQuantized", "few_bits_test.cc"},
      {"ai.onnx.ml.ZipMap", "class_names_test.cc"}};
  return *kTests;
}

TEST(OperatorTypes, EveryTypeThatIsClaimedIsTakenAndGivesWhatAWiderOneGives) {
  ASSERT_FALSE(NodeTestFolders().empty()) << "install libonnx-testdata (scripts/setup)";
  Shown shown;
  ShowByNodeTests(shown);
  ShowBySamples(shown);
  ShowByTypedSamples(shown);
  for (const auto& [op_type, types] : Claims()) {
    for (DType dtype : kAllDTypes) {
      const bool here = types.Has(dtype) && !ShownElsewhere().contains(op_type);
      EXPECT_EQ(shown[op_type].contains(dtype), here) << op_type << " in " << NameOf(dtype);
    }
  }
}

}  // namespace
}  // namespace tilewright
