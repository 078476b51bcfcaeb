// If, Loop and SequenceMap. Conditions and counts that are known when the model is imported are
// decided there; a loop becomes as many copies of its body as it has iterations. A condition of
// a run chooses between values that are both computed, which is possible where their types agree.
#include <algorithm>
#include <optional>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "compiler/onnx/concatenate.h"
#include "compiler/onnx/graph_bodies.h"
#include "compiler/onnx/importer.h"
#include "compiler/onnx/string_sets.h"
#include "compiler/onnx/tensor_ops.h"

namespace tilewright {
namespace {

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
  if (!IsTensor(yes) || !IsTensor(no)) {
    return absl::UnimplementedError("needs a constant condition: it chooses between sequences");
  }
  if (b.TypeOf(yes) != b.TypeOf(no)) {
    return absl::UnimplementedError(
        absl::StrCat("needs a constant condition: it chooses between a ", ToString(b.TypeOf(yes)),
                     " and a ", ToString(b.TypeOf(no))));
  }
  if (b.IsStrings(yes) != b.IsStrings(no)) {
    return absl::InvalidArgumentError("chooses between strings and numbers");
  }
  TW_ASSIGN_OR_RETURN(const std::vector<ValueId> either, InOneSet(b, {yes, no}));
  const Names* const names = b.ClassesOf(either[0]);
  const Names* const others = b.ClassesOf(either[1]);
  const bool same = names && others ? *names == *others : names == others;
  if (!same) return absl::UnimplementedError("chooses between maps with different keys");
  TW_ASSIGN_OR_RETURN(const ValueId chosen,
                      Map(b, "select", {condition, either[0], either[1]},
                          [](const Exprs& x) { return Select(x[0], x[1], x[2]); }));
  if (const Names* const kept = b.ClassesOf(either[0])) b.SetClasses(chosen, Names(*kept));
  return chosen;
}

// The error with what to do about it.
absl::Status WithAdvice(const absl::Status& error, const std::string& advice) {
  return absl::Status(error.code(), absl::StrCat(error.message(), advice));
}

// A branch whose nodes were refused is one the user may not want at all.
absl::Status OfBranch(const absl::Status& status, const std::string& how_to_know) {
  if (!absl::IsAborted(status) || how_to_know.empty()) return status;
  return absl::UnimplementedError(absl::StrCat(
      "needs both branches, since its condition is only known at run time", how_to_know));
}

// How often the body runs at most; one more than is allowed where nothing says it.
absl::StatusOr<int64_t> MostIterations(OpBuilder& b) {
  for (size_t i : {0, 1}) TW_RETURN_IF_ERROR(b.CheckIsTensor(i));
  if (!b.HasInput(0)) return kMaxIterations + 1;
  TW_ASSIGN_OR_RETURN(const std::vector<int64_t> trips, b.ConstInts(0, "trip count"));
  if (trips.size() != 1) return absl::InvalidArgumentError("its trip count must be a scalar");
  return std::min(trips[0], kMaxIterations + 1);
}

// What goes from one iteration to the next, and what is collected of each.
struct LoopValues {
  ValueId going;
  std::vector<ValueId> carried;
  std::vector<std::vector<ValueId>> scans;
};

absl::Status Collect(const std::vector<ValueId>& outputs, bool surely, LoopValues* loop) {
  const size_t carried = loop->carried.size();
  if (outputs.size() < 1 + carried) {
    return absl::InvalidArgumentError("its body has too few outputs");
  }
  TW_RETURN_IF_ERROR(CheckAreTensors({outputs[0]}, "its condition"));
  loop->scans.resize(outputs.size() - 1 - carried);
  if (!surely && !loop->scans.empty()) {
    return absl::UnimplementedError(
        "needs a constant condition, since it collects a value per iteration");
  }
  for (size_t k = 0; k < loop->scans.size(); ++k) {
    loop->scans[k].push_back(outputs[1 + carried + k]);
  }
  return absl::OkStatus();
}

// An iteration that may not take place leaves everything as it was.
absl::Status GoOn(OpBuilder& b, const std::vector<ValueId>& outputs, bool surely,
                  LoopValues* loop) {
  if (surely) {
    std::copy_n(outputs.begin() + 1, loop->carried.size(), loop->carried.begin());
    loop->going = outputs[0];
    return absl::OkStatus();
  }
  TW_ASSIGN_OR_RETURN(const ValueId active, AsScalar(b, loop->going));
  for (size_t k = 0; k < loop->carried.size(); ++k) {
    TW_ASSIGN_OR_RETURN(loop->carried[k], Choose(b, active, outputs[1 + k], loop->carried[k]));
  }
  TW_ASSIGN_OR_RETURN(const ValueId next, AsScalar(b, outputs[0]));
  TW_ASSIGN_OR_RETURN(
      loop->going, Map(b, "and", {active, next}, [](const Exprs& x) { return And(x[0], x[1]); }));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<onnx::GraphProto*> BodyOf(onnx::NodeProto& node, const std::string& name) {
  for (onnx::AttributeProto& attribute : *node.mutable_attribute()) {
    if (attribute.name() == name && attribute.has_g()) return attribute.mutable_g();
  }
  return absl::InvalidArgumentError(absl::StrCat("lacks the graph ", name));
}

absl::Status CheckAreTensors(const std::vector<ValueId>& values, const char* what) {
  if (std::all_of(values.begin(), values.end(), IsTensor)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(what, " must be a tensor"));
}

absl::StatusOr<Importer::Values> Importer::ConvertIf(const Scope& scope, onnx::NodeProto& node,
                                                     OpBuilder& b) {
  if (!b.HasInput(0)) return absl::InvalidArgumentError("lacks input 0");
  TW_RETURN_IF_ERROR(b.CheckIsTensor(0));
  TW_ASSIGN_OR_RETURN(onnx::GraphProto* const yes, BodyOf(node, "then_branch"));
  TW_ASSIGN_OR_RETURN(onnx::GraphProto* const no, BodyOf(node, "else_branch"));
  if (const auto known = Known(b.ConstInput(0, "condition"))) {
    return ConvertBody(*known ? *yes : *no, &scope, {});
  }
  TW_ASSIGN_OR_RETURN(const ValueId condition, AsScalar(b, b.Input(0)));
  const std::string how = b.HowToKnow(condition);
  absl::StatusOr<Values> yes_values = ConvertBody(*yes, &scope, {});
  const absl::StatusOr<Values> no_values = ConvertBody(*no, &scope, {});
  TW_RETURN_IF_ERROR(OfBranch(yes_values.status(), how));
  TW_RETURN_IF_ERROR(OfBranch(no_values.status(), how));
  Values& chosen = *yes_values;
  const Values& otherwise = *no_values;
  if (chosen.size() != otherwise.size()) {
    return absl::InvalidArgumentError("its branches have different numbers of outputs");
  }
  for (size_t i = 0; i < chosen.size(); ++i) {
    absl::StatusOr<ValueId> either = Choose(b, condition, chosen[i], otherwise[i]);
    if (!either.ok()) return WithAdvice(either.status(), how);
    chosen[i] = *either;
  }
  return std::move(chosen);
}

absl::StatusOr<Importer::Values> Importer::ConvertLoop(const Scope& scope, onnx::NodeProto& node,
                                                       OpBuilder& b) {
  TW_ASSIGN_OR_RETURN(onnx::GraphProto* const body, BodyOf(node, "body"));
  TW_ASSIGN_OR_RETURN(const int64_t count, MostIterations(b));
  LoopValues loop;
  loop.going =
      b.HasInput(1) ? b.Input(1) : b.Constant(Tensor({DType::kBool, {}}, std::vector<uint8_t>{1}));
  loop.carried.assign(b.Inputs().begin() + std::min<std::ptrdiff_t>(2, b.num_inputs()),
                      b.Inputs().end());
  for (int64_t i = 0; i < count; ++i) {
    const std::optional<bool> known = Known(b.ConstValue(loop.going));
    if (known && !*known) break;
    if (i == kMaxIterations) {
      return absl::UnimplementedError(
          absl::StrCat("needs a constant number of iterations, at most ", kMaxIterations));
    }
    Values inputs = {b.Constant(Tensor({DType::kI64, {}}, std::vector<int64_t>{i})), loop.going};
    inputs.insert(inputs.end(), loop.carried.begin(), loop.carried.end());
    TW_ASSIGN_OR_RETURN(const Values outputs, ConvertBody(*body, &scope, inputs));
    TW_RETURN_IF_ERROR(Collect(outputs, known.has_value(), &loop));
    TW_RETURN_IF_ERROR(GoOn(b, outputs, known.has_value(), &loop));
  }
  for (Values& values : loop.scans) {
    TW_RETURN_IF_ERROR(CheckAreTensors(values, "what it collects"));
    TW_ASSIGN_OR_RETURN(const ValueId stacked, Stack(b, std::move(values), 0));
    loop.carried.push_back(stacked);
  }
  return std::move(loop.carried);
}

// The body for each tensor of the first input, with those at the same position of other sequences;
// tensors are the same each time.
absl::StatusOr<Importer::Values> Importer::ConvertSequenceMap(const Scope& scope,
                                                              onnx::NodeProto& node, OpBuilder& b) {
  if (!b.HasInput(0)) return absl::InvalidArgumentError("lacks input 0");
  TW_ASSIGN_OR_RETURN(onnx::GraphProto* const body, BodyOf(node, "body"));
  TW_ASSIGN_OR_RETURN(const Values first, b.SequenceInput(0));
  std::vector<Values> collected(static_cast<size_t>(body->output_size()));
  for (size_t i = 0; i < first.size(); ++i) {
    Values inputs;
    for (ValueId input : b.Inputs()) {
      if (IsSequence(input) && imported_.sequences.Of(input).size() != first.size()) {
        return absl::InvalidArgumentError("its sequences have different lengths");
      }
      inputs.push_back(IsSequence(input) ? imported_.sequences.Of(input)[i] : input);
    }
    TW_ASSIGN_OR_RETURN(const Values outputs, ConvertBody(*body, &scope, inputs));
    TW_RETURN_IF_ERROR(CheckAreTensors(outputs, "an output of its body"));
    for (size_t k = 0; k < outputs.size(); ++k) collected[k].push_back(outputs[k]);
  }
  Values sequences;
  for (Values& list : collected) sequences.push_back(b.Sequence(std::move(list)));
  return sequences;
}

}  // namespace tilewright
