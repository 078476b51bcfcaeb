// Operators on sequences and optionals: lists of values that the importer keeps, so that none of
// them is left in the compiled model but what a position of a run chooses.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "compiler/onnx/concatenate.h"
#include "compiler/onnx/tensor_ops.h"

namespace tilewright::onnx_ops {
namespace {

using Values = std::vector<ValueId>;

constexpr int64_t kMaxTensors = 65536;

Tensor Scalar(DType dtype, int64_t value) {
  Tensor tensor({dtype, {}});
  tensor.Set(0, static_cast<double>(value));
  return tensor;
}

absl::StatusOr<Outputs> SequenceConstruct(OpBuilder& b) {
  for (size_t i = 0; i < b.num_inputs(); ++i) TW_RETURN_IF_ERROR(b.CheckIsTensor(i));
  TW_RETURN_IF_ERROR(CheckSameType(b, b.Inputs()));
  return b.Sequence(b.Inputs());
}

absl::StatusOr<Outputs> SequenceEmpty(OpBuilder& b) { return b.Sequence({}); }

absl::StatusOr<Outputs> SequenceLength(OpBuilder& b) {
  TW_ASSIGN_OR_RETURN(const Values list, b.SequenceInput(0));
  return b.Constant(Scalar(DType::kI64, static_cast<int64_t>(list.size())));
}

// A known position in [0, last], counted from the end of `length` when negative.
absl::StatusOr<size_t> PositionIn(OpBuilder& b, size_t input, int64_t length, int64_t last) {
  TW_RETURN_IF_ERROR(b.CheckIsTensor(input));
  TW_ASSIGN_OR_RETURN(const std::vector<int64_t> given, b.ConstInts(input, "position"));
  if (given.size() != 1) return absl::InvalidArgumentError("its position must be a scalar");
  const int64_t at = given[0] < 0 ? given[0] + length : given[0];
  if (at >= 0 && at <= last) return static_cast<size_t>(at);
  return absl::InvalidArgumentError(
      absl::StrCat("position ", given[0], " is outside a sequence of ", length, " tensors"));
}

// The tensor at a position that only a run knows, which is possible where all are of one type.
absl::StatusOr<ValueId> ChosenTensor(OpBuilder& b, const Values& list) {
  for (ValueId value : list) {
    if (b.TypeOf(value) == b.TypeOf(list[0])) continue;
    return absl::UnimplementedError(absl::StrCat("needs a constant position: the sequence holds a ",
                                                 ToString(b.TypeOf(list[0])), " and a ",
                                                 ToString(b.TypeOf(value))));
  }
  if (NumElements(b.ShapeOf(b.Input(1))) != 1 || !IsInteger(b.DTypeOf(b.Input(1)))) {
    return absl::InvalidArgumentError("its position must be one integer");
  }
  TW_ASSIGN_OR_RETURN(const ValueId position, Reshape(b, b.Input(1), {}));
  TW_ASSIGN_OR_RETURN(const ValueId all, Stack(b, list, 0));
  return b.Emit({.op = "sequence_at",
                 .inputs = {all, position},
                 .type = b.TypeOf(list[0]),
                 .body = [&](const Point& p) {
                   Exprs at = p.axes;
                   const auto length = static_cast<int64_t>(list.size());
                   at.insert(at.begin(), SafeIndex(p.Load(1, {}), length));
                   return p.Load(0, std::move(at));
                 }});
}

absl::StatusOr<Outputs> SequenceAt(OpBuilder& b) {
  TW_ASSIGN_OR_RETURN(const Values list, b.SequenceInput(0));
  TW_RETURN_IF_ERROR(b.CheckIsTensor(1));
  if (!list.empty() && !b.IsConstant(b.Input(1))) return ChosenTensor(b, list);
  const auto length = static_cast<int64_t>(list.size());
  TW_ASSIGN_OR_RETURN(const size_t at, PositionIn(b, 1, length, length - 1));
  return list[at];
}

absl::StatusOr<Outputs> SequenceInsert(OpBuilder& b) {
  TW_ASSIGN_OR_RETURN(Values list, b.SequenceInput(0));
  TW_RETURN_IF_ERROR(b.CheckIsTensor(1));
  if (!list.empty()) TW_RETURN_IF_ERROR(CheckSameType(b, {list[0], b.Input(1)}));
  size_t at = list.size();
  if (b.HasInput(2)) {
    const auto length = static_cast<int64_t>(list.size());
    TW_ASSIGN_OR_RETURN(at, PositionIn(b, 2, length, length));
  }
  if (static_cast<int64_t>(list.size()) >= kMaxTensors) {
    return absl::UnimplementedError(
        absl::StrCat("the sequence has more than ", kMaxTensors, " tensors"));
  }
  list.insert(list.begin() + static_cast<std::ptrdiff_t>(at), b.Input(1));
  return b.Sequence(std::move(list));
}

absl::StatusOr<Outputs> SequenceErase(OpBuilder& b) {
  TW_ASSIGN_OR_RETURN(Values list, b.SequenceInput(0));
  if (list.empty()) return absl::InvalidArgumentError("the sequence is empty");
  const auto length = static_cast<int64_t>(list.size());
  size_t at = list.size() - 1;
  if (b.HasInput(1)) {
    TW_ASSIGN_OR_RETURN(at, PositionIn(b, 1, length, length - 1));
  }
  list.erase(list.begin() + static_cast<std::ptrdiff_t>(at));
  return b.Sequence(std::move(list));
}

// How long each part of an extent is: parts of one length, of which the last may be shorter, or as
// listed; and whether the axis vanishes from parts of one.
absl::StatusOr<std::vector<int64_t>> LengthsOfParts(OpBuilder& b, int64_t extent, bool* keep) {
  int64_t each = 1;
  *keep = true;
  if (!b.HasInput(1)) {
    *keep = b.Int("keepdims", 1) != 0;
  } else {
    TW_RETURN_IF_ERROR(b.CheckIsTensor(1));
    TW_ASSIGN_OR_RETURN(const std::vector<int64_t> given, b.ConstInts(1, "split"));
    if (b.RankOf(b.Input(1)) > 0) {
      int64_t sum = 0;
      for (int64_t part : given) sum = part < 0 || part > extent ? -1 : sum + part;
      if (sum == extent && !given.empty()) return given;
      return absl::InvalidArgumentError(absl::StrCat("split does not add up to ", extent));
    }
    each = given[0];
  }
  if (each < 1) {
    return absl::InvalidArgumentError(absl::StrCat("split is ", each, ", not positive"));
  }
  if ((extent - 1) / each >= kMaxTensors) {
    return absl::UnimplementedError(
        absl::StrCat("splits into more than ", kMaxTensors, " tensors"));
  }
  std::vector<int64_t> parts;
  for (int64_t at = 0; at < extent; at += each) parts.push_back(std::min(each, extent - at));
  return parts;
}

absl::StatusOr<Outputs> SplitToSequence(OpBuilder& b) {
  TW_RETURN_IF_ERROR(b.CheckIsTensor(0));
  const ValueId x = b.Input(0);
  TW_ASSIGN_OR_RETURN(const size_t axis, NormalizeAxis(b.Int("axis", 0), b.RankOf(x)));
  bool keep = true;
  TW_ASSIGN_OR_RETURN(const std::vector<int64_t> parts,
                      LengthsOfParts(b, b.ShapeOf(x)[axis], &keep));
  Values list;
  int64_t begin = 0;
  for (int64_t part : parts) {
    TW_ASSIGN_OR_RETURN(list.emplace_back(), keep ? RangeOf(b, x, {axis, begin, begin + part})
                                                  : ElementAt(b, x, axis, begin));
    begin += part;
  }
  return b.Sequence(std::move(list));
}

absl::StatusOr<Outputs> ConcatFromSequence(OpBuilder& b) {
  TW_ASSIGN_OR_RETURN(const Values list, b.SequenceInput(0));
  if (list.empty()) {
    return absl::UnimplementedError("the sequence is empty, so that it gives no type");
  }
  if (!b.HasAttr("axis")) return absl::InvalidArgumentError("lacks the attribute axis");
  const bool new_axis = b.Int("new_axis", 0) != 0;
  TW_ASSIGN_OR_RETURN(const size_t axis,
                      NormalizeAxis(b.Int("axis", 0), b.RankOf(list[0]) + (new_axis ? 1 : 0)));
  return new_axis ? Stack(b, list, axis) : Concatenate(b, list, axis);
}

absl::StatusOr<Outputs> MakeOptional(OpBuilder& b) { return b.HasInput(0) ? b.Input(0) : kAbsent; }

absl::StatusOr<Outputs> OptionalHasElement(OpBuilder& b) {
  return b.Constant(Scalar(DType::kBool, b.HasInput(0) && b.Input(0) != kAbsent ? 1 : 0));
}

absl::StatusOr<Outputs> OptionalGetElement(OpBuilder& b) {
  if (b.Input(0) == kAbsent) return absl::InvalidArgumentError("the optional holds nothing");
  return b.Input(0);
}

OpRow SequenceRow(const char* op_type, int64_t since, size_t min_inputs, Converter convert) {
  return {op_type, since, min_inputs, std::move(convert), kEveryType, true};
}

}  // namespace

OpList sequence() {
  return {SequenceRow("SequenceConstruct", 11, kAllInputs, SequenceConstruct),
          SequenceRow("SequenceEmpty", 11, 0, SequenceEmpty),
          SequenceRow("SequenceLength", 11, 1, SequenceLength),
          SequenceRow("SequenceAt", 11, 2, SequenceAt),
          SequenceRow("SequenceInsert", 11, 2, SequenceInsert),
          SequenceRow("SequenceErase", 11, 1, SequenceErase),
          SequenceRow("SplitToSequence", 11, 1, SplitToSequence),
          SequenceRow("ConcatFromSequence", 11, 1, ConcatFromSequence),
          SequenceRow("Optional", 15, 0, MakeOptional),
          SequenceRow("OptionalHasElement", 15, 0, OptionalHasElement),
          SequenceRow("OptionalGetElement", 15, 1, OptionalGetElement)};
}

}  // namespace tilewright::onnx_ops
