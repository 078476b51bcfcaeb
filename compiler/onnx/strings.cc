#include "compiler/onnx/strings.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace tilewright {
namespace {

constexpr const char* kMoving[] = {
    "Concat",   "Expand",    "Flatten", "Gather",    "GatherElements",
    "GatherND", "Identity",  "Reshape", "Slice",     "Squeeze",
    "Tile",     "Transpose", "Where",   "Unsqueeze", "ai.onnx.ml.ArrayFeatureExtractor"};
constexpr const char* kReading[] = {"Cast", "Equal", "Shape", "Size", "ai.onnx.ml.LabelEncoder"};

}  // namespace

StringTensor PlacesOf(const Names& texts, Shape shape) {
  StringTensor strings{.places = Tensor({DType::kI64, std::move(shape)})};
  std::map<std::string, int64_t> place;
  for (size_t i = 0; i < texts.size(); ++i) {
    const auto fresh = static_cast<int64_t>(strings.names.size());
    const auto [known, is_fresh] = place.emplace(texts[i], fresh);
    if (is_fresh) strings.names.push_back(texts[i]);
    strings.places.as<int64_t>()[i] = known->second;
  }
  return strings;
}

absl::StatusOr<StringTensor> FromOnnxStrings(const onnx::TensorProto& proto) {
  Shape shape(proto.dims().begin(), proto.dims().end());
  TW_RETURN_IF_ERROR(CheckShape(shape));
  const Names texts(proto.string_data().begin(), proto.string_data().end());
  if (NumElements(shape) == static_cast<int64_t>(texts.size())) {
    return PlacesOf(texts, std::move(shape));
  }
  return absl::InvalidArgumentError(absl::StrCat("data has ", texts.size(), " strings where ",
                                                 NumElements(shape), " are needed"));
}

StringUse StringUseOf(const std::string& op_type) {
  if (std::count(std::begin(kMoving), std::end(kMoving), op_type) > 0) return StringUse::kMoves;
  const bool reads = std::count(std::begin(kReading), std::end(kReading), op_type) > 0;
  return reads ? StringUse::kReads : StringUse::kRefuses;
}

}  // namespace tilewright
