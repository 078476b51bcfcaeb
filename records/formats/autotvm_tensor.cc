#include "records/formats/autotvm_tensor.h"

#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/json_integer.h"
#include "base/status_macros.h"
#include "base/strings.h"

namespace tilewright {

using Json = nlohmann::json;

absl::Status BadArgument(absl::string_view what, const Json& found) {
  return absl::InvalidArgumentError(
      absl::StrCat("arguments: ", what, ", found ",
                   Shown(found.dump(-1, ' ', false, Json::error_handler_t::replace))));
}

absl::StatusOr<DType> ReadType(const Json& name) {
  const std::optional<DType> dtype = ParseDType(name.get<std::string>());
  if (dtype) return *dtype;
  return BadArgument("unknown dtype", name);
}

absl::StatusOr<TensorType> ReadTensor(const Json& tensor) {
  if (!tensor.is_array() || tensor.size() != 3 || tensor[0] != "TENSOR") {
    return BadArgument("a tensor is [\"TENSOR\", shape, dtype]", tensor);
  }
  TW_ASSIGN_OR_RETURN(const DType dtype, ReadType(tensor[2]));
  return TensorType{.dtype = dtype, .shape = JsonIntegers<int64_t>(tensor[1])};
}

Json TensorArg(const TensorType& type) {
  return {"TENSOR", type.shape, std::string(NameOf(type.dtype))};
}

}  // namespace tilewright
