// The tensors of an AutoTVM log line's argument list: ["TENSOR", [1, 64, 56, 56], "float32"].
#pragma once

#include <nlohmann/json.hpp>

#include "absl/status/statusor.h"
#include "compiler/core/tensor.h"

namespace tilewright {

// InvalidArgument: what is wrong with the arguments, and what was found.
absl::Status BadArgument(absl::string_view what, const nlohmann::json& found);

// InvalidArgument for what is no element type, no tensor. Throws as nlohmann::json does where a
// value is of another kind; the readers of whole lines catch that.
absl::StatusOr<DType> ReadType(const nlohmann::json& name);
absl::StatusOr<TensorType> ReadTensor(const nlohmann::json& tensor);

// Inverse of ReadTensor.
nlohmann::json TensorArg(const TensorType& type);

}  // namespace tilewright
