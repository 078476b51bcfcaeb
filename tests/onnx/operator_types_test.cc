// The element types that the catalogue says an operator takes: ONNX's node tests are written in
// each of them, must be imported, and give what the same values give in float64 where it is taken.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "compiler/onnx/catalog.h"
#include "compiler/onnx/model_names.h"
#include "compiler/onnx/tensor_proto.h"
#include "tests/onnx/evaluate.h"
#include "tests/onnx/node_data.h"

namespace tilewright {
namespace {

constexpr int kTestsOfAnOperator = 3;

std::string OperatorOf(const NodeTest& test) {
  const onnx::NodeProto& node = test.model.graph().node(0);
  return IsStandardDomain(node.domain()) ? node.op_type()
                                         : absl::StrCat(node.domain(), ".", node.op_type());
}

// The graph's input that is the node's data; null when it has none or that is no tensor of ours.
const onnx::ValueInfoProto* DataOf(const NodeTest& test) {
  const onnx::NodeProto& node = test.model.graph().node(0);
  const std::string op_type = OperatorOf(test);
  int input = 0;
  for (const OpRow& row : OperatorRows()) {
    if (row.op_type == op_type) input = static_cast<int>(row.data_input);
  }
  for (const onnx::ValueInfoProto& value : test.model.graph().input()) {
    if (input >= node.input_size() || value.name() != node.input(input)) continue;
    return value.type().has_tensor_type() && test.inputs.contains(value.name()) ? &value : nullptr;
  }
  return nullptr;
}

int ToOnnx(DType dtype) {
  for (int type = 1; type <= onnx::TensorProto::BFLOAT16; ++type) {
    const auto known = FromOnnxType(type);
    if (known.ok() && *known == dtype) return type;
  }
  return 0;
}

// The values as a type has them: for an integer's sake small integers, so that no sum overflows.
double ValueIn(DType dtype, double value) {
  if (IsFloat(dtype)) return RoundTo(dtype, value);
  const double small = std::isfinite(value) ? std::fmod(std::abs(std::round(value * 3)), 4) : 1;
  return dtype == DType::kBool ? small != 0 : small;
}

Tensor Converted(const Tensor& tensor, DType to, DType values) {
  Tensor converted({to, tensor.shape()});
  for (int64_t i = 0; i < tensor.size(); ++i) {
    converted.Set(i, ValueIn(values, tensor.AsDouble(i)));
  }
  return converted;
}

// Operators whose data say what is to be made, or have bodies: other values are another test.
bool IsAboutItsData(const std::string& op_type) {
  static const std::set<std::string> kNames = {"BlackmanWindow",  "HammingWindow",    "HannWindow",
                                               "MelWeightMatrix", "ConstantOfShape",  "Range",
                                               "TfIdfVectorizer", "NonMaxSuppression"};
  return kNames.contains(op_type) || HasBodies(op_type);
}

// Operators of which other inputs that happen to have the data's type have another meaning.
bool IsAlone(const std::string& op_type) {
  static const std::set<std::string> kNames = {"Resize", "Upsample",   "Trilu",
                                               "CumSum", "CumProd",    "OneHot",
                                               "TopK",   "GridSample", "QuantizeLinear"};
  return kNames.contains(op_type);
}

// The test with everything that has the data's type in another; `values` is the type that the
// values are rounded to first.
NodeTest InType(const NodeTest& test, DType to, DType values) {
  NodeTest typed = test;
  const int from = DataOf(test)->type().tensor_type().elem_type();
  for (onnx::ValueInfoProto& input : *typed.model.mutable_graph()->mutable_input()) {
    if (!input.type().has_tensor_type() || input.type().tensor_type().elem_type() != from) continue;
    if (IsAlone(OperatorOf(test)) && input.name() != DataOf(test)->name()) continue;
    input.mutable_type()->mutable_tensor_type()->set_elem_type(ToOnnx(to));
    const auto found = typed.inputs.find(input.name());
    if (found == typed.inputs.end()) continue;
    found->second = Converted(found->second, to, values);
  }
  return typed;
}

absl::StatusOr<std::vector<Tensor>> Evaluate(const NodeTest& test) {
  absl::StatusOr<Graph> graph = ImportNodeTest(test);
  if (!graph.ok()) return graph.status();
  return EvaluateGraph(*graph, test.inputs);
}

// Operators whose integers follow another rule than floats: they truncate, or count bits.
bool HasItsOwnIntegers(const std::string& op_type) {
  static const std::set<std::string> kNames = {
      "Div", "Mod",    "Pow",      "ReduceMean", "ReduceL2",        "ReduceLogSum",
      "Sub", "Resize", "Upsample", "Neg",        "ReduceLogSumExp", "Shrink"};
  return kNames.contains(op_type);
}

std::string Differs(const Tensor& found, const Tensor& expected, DType dtype) {
  if (found.shape() != expected.shape()) return "another shape";
  const double factor = IsNarrowFloat(dtype) ? 8 : 200;
  const double tolerance = IsFloat(found.dtype()) ? factor * RoundoffOf(dtype) + 1e-6 : 0;
  for (int64_t i = 0; i < found.size(); ++i) {
    const double a = found.AsDouble(i), b = expected.AsDouble(i);
    if (a == b || (std::isnan(a) && std::isnan(b))) continue;
    if (std::isinf(a) && dtype == DType::kF16 && std::abs(b) > 65504) continue;  // its largest
    if (std::abs(a - b) <= tolerance * (1 + std::abs(b))) continue;
    return absl::StrCat("element ", i, " is ", a, ", not ", b);
  }
  return "";
}

// By operator: some tests of one node that are supported.
std::map<std::string, std::vector<NodeTest>> TestsByOperator() {
  std::map<std::string, std::vector<NodeTest>> tests;
  for (const auto& folder : NodeTestFolders()) {
    const auto test = LoadNodeTest(folder);
    if (!test.ok() || test->model.graph().node_size() != 1) continue;
    auto& of_operator = tests[OperatorOf(*test)];
    if (of_operator.size() >= kTestsOfAnOperator || DataOf(*test) == nullptr) continue;
    if (ImportNodeTest(*test).ok()) of_operator.push_back(*test);
  }
  return tests;
}

ElementTypes ClaimedBy(const std::string& op_type) {
  ElementTypes types = {};
  for (const OpRow& row : OperatorRows()) {
    if (row.op_type == op_type) types = types | row.types;
  }
  return types;
}

// What an operator does not do in every type that it takes otherwise, and says so.
bool IsNamedExcuse(const absl::Status& status) {
  return absl::StrContains(status.message(), "which does not scale integers") ||
         absl::StrContains(status.message(), "bools have no reduction") ||
         absl::StrContains(status.message(), "interpolates floats alone");
}

// How an operator's claim of a type holds in a test: "" or what is wrong.
std::string Judge(const NodeTest& test, DType dtype, bool claimed) {
  const auto found = Evaluate(InType(test, dtype, dtype));
  if (!claimed) return found.ok() ? "is taken and not claimed" : "";
  if (!found.ok()) {
    return IsNamedExcuse(found.status()) ? "" : std::string(found.status().message());
  }
  if (!IsFloat(dtype) && HasItsOwnIntegers(OperatorOf(test))) return "";
  const auto expected = Evaluate(InType(test, DType::kF64, dtype));
  if (!expected.ok()) return "";
  for (size_t i = 0; i < found->size(); ++i) {
    const std::string differs = Differs((*found)[i], (*expected)[i], dtype);
    if (!differs.empty()) return absl::StrCat("output ", i, ": ", differs);
  }
  return "";
}

TEST(OperatorTypes, EveryTypeThatIsClaimedIsTakenAndGivesWhatFloat64Gives) {
  for (const auto& [op_type, tests] : TestsByOperator()) {
    if (IsAboutItsData(op_type)) continue;
    const ElementTypes claimed = ClaimedBy(op_type);
    for (const NodeTest& test : tests) {
      for (DType dtype : kAllDTypes) {
        EXPECT_EQ(Judge(test, dtype, claimed.Has(dtype)), "")
            << test.name << " in " << NameOf(dtype);
      }
    }
  }
}

}  // namespace
}  // namespace tilewright
