// Tensors of strings whose texts are known when the model is imported (a classifier's labels):
// int64 places in a table of names. What moves elements about keeps the table; what would compute
// with texts is refused.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "compiler/core/tensor.h"
#include "compiler/onnx/onnx.pb.h"

namespace tilewright {

using Names = std::vector<std::string>;
// By value: of an int64 one, what its elements stand for; of a floating-point one, whose its
// columns are (what ONNX calls a sequence of maps).
using ClassNames = std::map<int, Names>;

// `places`: where each text stands among `names`, each of which is there once.
struct StringTensor {
  Tensor places;
  Names names;
};
// REQUIRES: as many texts as the shape has elements.
StringTensor PlacesOf(const Names& texts, Shape shape);
// The texts of a tensor of type STRING. InvalidArgument for a shape outside the limits or another
// number of texts.
absl::StatusOr<StringTensor> FromOnnxStrings(const onnx::TensorProto& proto);

// What an operator does with strings that it is given, by the catalogue's name of it.
enum class StringUse { kMoves, kReads, kRefuses };
StringUse StringUseOf(const std::string& op_type);

}  // namespace tilewright
