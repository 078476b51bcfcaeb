// If, Loop and Scan. Conditions and counts that are known when the model is imported are decided
// there; a loop becomes as many copies of its body as it has iterations. A condition of a run
// chooses between values that are both computed, which is possible where their types agree.
#include <optional>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "compiler/onnx/concatenate.h"
#include "compiler/onnx/importer.h"
#include "compiler/onnx/tensor_ops.h"

namespace tilewright {
namespace {

constexpr int64_t kMaxIterations = 4096;

absl::StatusOr<onnx::GraphProto*> BodyOf(onnx::NodeProto& node, const std::string& name) {
  for (onnx::AttributeProto& attribute : *node.mutable_attribute()) {
    if (attribute.name() == name && attribute.has_g()) return attribute.mutable_g();
  }
  return absl::InvalidArgumentError(absl::StrCat("lacks the graph ", name));
}

// A bool of one element, if it is known.
std::optional<bool> Known(const absl::StatusOr<Tensor>& tensor) {
  if (!tensor.ok() || tensor->size() != 1 || IsFloat(tensor->dtype())) return std::nullopt;
  return tensor->AsInt(0) != 0;
}

absl::StatusOr<ValueId> AsScalar(OpBuilder& b, ValueId condition) {
  if (b.DTypeOf(condition) != DType::kBool || NumElements(b.ShapeOf(condition)) != 1) {
    return absl::InvalidArgumentError("its condition must be one bool");
  }
  return Reshape(b, condition, {});
}

// condition ? yes : no, for a condition of a run.
absl::StatusOr<ValueId> Choose(OpBuilder& b, ValueId condition, ValueId yes, ValueId no) {
  if (yes == no) return yes;
  if (b.TypeOf(yes) != b.TypeOf(no)) {
    return absl::UnimplementedError(
        absl::StrCat("needs a constant condition: it chooses between a ", ToString(b.TypeOf(yes)),
                     " and a ", ToString(b.TypeOf(no))));
  }
  return Map(b, "select", {condition, yes, no},
             [](const Exprs& x) { return Select(x[0], x[1], x[2]); });
}

}  // namespace

absl::StatusOr<Importer::Values> Importer::ConvertIf(const Scope& scope, onnx::NodeProto& node,
                                                     OpBuilder& b) {
  if (!b.HasInput(0)) return absl::InvalidArgumentError("lacks input 0");
  TW_ASSIGN_OR_RETURN(onnx::GraphProto* const yes, BodyOf(node, "then_branch"));
  TW_ASSIGN_OR_RETURN(onnx::GraphProto* const no, BodyOf(node, "else_branch"));
  if (const auto known = Known(b.ConstInput(0, "condition"))) {
    return ConvertBody(*known ? *yes : *no, &scope, {});
  }
  TW_ASSIGN_OR_RETURN(const ValueId condition, AsScalar(b, b.Input(0)));
  TW_ASSIGN_OR_RETURN(Values chosen, ConvertBody(*yes, &scope, {}));
  TW_ASSIGN_OR_RETURN(const Values otherwise, ConvertBody(*no, &scope, {}));
  if (chosen.size() != otherwise.size()) {
    return absl::InvalidArgumentError("its branches have different numbers of outputs");
  }
  for (size_t i = 0; i < chosen.size(); ++i) {
    TW_ASSIGN_OR_RETURN(chosen[i], Choose(b, condition, chosen[i], otherwise[i]));
  }
  return chosen;
}

absl::StatusOr<Importer::Values> Importer::ConvertLoop(const Scope& scope, onnx::NodeProto& node,
                                                       OpBuilder& b) {
  TW_ASSIGN_OR_RETURN(onnx::GraphProto* const body, BodyOf(node, "body"));
  int64_t count = kMaxIterations + 1;
  if (b.HasInput(0)) {
    TW_ASSIGN_OR_RETURN(const std::vector<int64_t> trips, b.ConstInts(0, "trip count"));
    if (trips.size() != 1) return absl::InvalidArgumentError("its trip count must be a scalar");
    count = std::min(trips[0], count);
  }
  ValueId going =
      b.HasInput(1) ? b.Input(1) : b.Constant(Tensor({DType::kBool, {}}, std::vector<uint8_t>{1}));
  Values carried(b.Inputs().begin() + std::min<std::ptrdiff_t>(2, b.num_inputs()),
                 b.Inputs().end());
  std::vector<Values> scans;
  for (int64_t i = 0; i < count; ++i) {
    const std::optional<bool> known = Known(b.ConstValue(going));
    if (known && !*known) break;
    if (i == kMaxIterations) {
      return absl::UnimplementedError(
          absl::StrCat("needs a constant number of iterations, at most ", kMaxIterations));
    }
    Values inputs = {b.Constant(Tensor({DType::kI64, {}}, std::vector<int64_t>{i})), going};
    inputs.insert(inputs.end(), carried.begin(), carried.end());
    TW_ASSIGN_OR_RETURN(const Values outputs, ConvertBody(*body, &scope, inputs));
    if (outputs.size() < 1 + carried.size()) {
      return absl::InvalidArgumentError("its body has too few outputs");
    }
    scans.resize(outputs.size() - 1 - carried.size());
    if (!known && !scans.empty()) {
      return absl::UnimplementedError(
          "needs a constant condition, since it collects a value per iteration");
    }
    for (size_t k = 0; k < scans.size(); ++k) {
      scans[k].push_back(outputs[1 + carried.size() + k]);
    }
    if (known) {
      std::copy_n(outputs.begin() + 1, carried.size(), carried.begin());
      going = outputs[0];
      continue;
    }
    TW_ASSIGN_OR_RETURN(const ValueId active, AsScalar(b, going));
    for (size_t k = 0; k < carried.size(); ++k) {
      TW_ASSIGN_OR_RETURN(carried[k], Choose(b, active, outputs[1 + k], carried[k]));
    }
    TW_ASSIGN_OR_RETURN(const ValueId next, AsScalar(b, outputs[0]));
    TW_ASSIGN_OR_RETURN(
        going, Map(b, "and", {active, next}, [](const Exprs& x) { return And(x[0], x[1]); }));
  }
  for (Values& values : scans) {
    TW_ASSIGN_OR_RETURN(const ValueId stacked, Stack(b, std::move(values), 0));
    carried.push_back(stacked);
  }
  return carried;
}

absl::StatusOr<Importer::Values> Importer::ConvertScan(const Scope& scope, onnx::NodeProto& node,
                                                       OpBuilder& b) {
  if (b.opset() < 9) return absl::UnimplementedError("is supported from opset 9");
  TW_ASSIGN_OR_RETURN(onnx::GraphProto* const body, BodyOf(node, "body"));
  const int64_t scanned = b.Int("num_scan_inputs", 0);
  const auto total = static_cast<int64_t>(b.num_inputs());
  const int64_t states = total - scanned;
  const int64_t collected = body->output_size() - states;
  if (scanned < 1 || states < 0 || collected < 0) {
    return absl::InvalidArgumentError("num_scan_inputs does not fit its inputs");
  }
  const auto of = [](const std::vector<int64_t>& list, int64_t i) {
    return i < static_cast<int64_t>(list.size()) ? list[static_cast<size_t>(i)] : 0;
  };
  const std::vector<int64_t> in_axes = b.Ints("scan_input_axes", {});
  const std::vector<int64_t> in_back = b.Ints("scan_input_directions", {});
  const std::vector<int64_t> out_axes = b.Ints("scan_output_axes", {});
  const std::vector<int64_t> out_back = b.Ints("scan_output_directions", {});
  int64_t length = -1;
  std::vector<size_t> axes;
  for (int64_t i = 0; i < scanned; ++i) {
    const Shape& shape = b.ShapeOf(b.Input(static_cast<size_t>(states + i)));
    TW_ASSIGN_OR_RETURN(const size_t axis, NormalizeAxis(of(in_axes, i), shape.size()));
    if (length >= 0 && shape[axis] != length) {
      return absl::InvalidArgumentError("its scan inputs have different lengths");
    }
    length = shape[axis];
    axes.push_back(axis);
  }
  if (length > kMaxIterations) {
    return absl::UnimplementedError(
        absl::StrCat("scans ", length, " elements; at most ", kMaxIterations, " are supported"));
  }
  Values state(b.Inputs().begin(), b.Inputs().begin() + states);
  std::vector<Values> outputs(static_cast<size_t>(collected));
  for (int64_t t = 0; t < length; ++t) {
    Values inputs = state;
    for (int64_t i = 0; i < scanned; ++i) {
      const int64_t at = of(in_back, i) != 0 ? length - 1 - t : t;
      TW_ASSIGN_OR_RETURN(
          const ValueId slice,
          ElementAt(b, b.Input(static_cast<size_t>(states + i)), axes[static_cast<size_t>(i)], at));
      inputs.push_back(slice);
    }
    TW_ASSIGN_OR_RETURN(const Values results, ConvertBody(*body, &scope, inputs));
    std::copy_n(results.begin(), states, state.begin());
    for (int64_t k = 0; k < collected; ++k) {
      Values& list = outputs[static_cast<size_t>(k)];
      const bool back = of(out_back, k) != 0;
      list.insert(back ? list.begin() : list.end(), results[static_cast<size_t>(states + k)]);
    }
  }
  for (int64_t k = 0; k < collected; ++k) {
    Values& list = outputs[static_cast<size_t>(k)];
    if (list.empty()) return absl::UnimplementedError("scans no elements");
    TW_ASSIGN_OR_RETURN(const size_t axis, NormalizeAxis(of(out_axes, k), b.RankOf(list[0]) + 1));
    TW_ASSIGN_OR_RETURN(const ValueId stacked, Stack(b, std::move(list), axis));
    state.push_back(stacked);
  }
  return state;
}

}  // namespace tilewright
