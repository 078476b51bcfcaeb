#include "compiler/onnx/sequence_inputs.h"

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace tilewright {
namespace {

constexpr int64_t kMaxLength = 4096;

absl::StatusOr<int64_t> BoundLength(const onnx::ValueInfoProto& input, ImportOptions& options) {
  const bool optional = input.type().has_optional_type();
  const auto node = options.dims.extract(LengthName(input.name()));
  if (node.empty()) {
    return absl::UnimplementedError(absl::StrCat(
        "input \"", input.name(), "\" is ",
        optional ? "an optional, of which is open whether it is given"
                 : "a sequence, of which the number of tensors is open",
        ": bind it with --dim ", LengthName(input.name()), optional ? "=1 (or 0: it is not)" : "=2",
        optional ? ""
                 : absl::StrCat(" (its tensors are the inputs ", ElementName(input.name(), 0),
                                " and so on)")));
  }
  const bool one = optional && !input.type().optional_type().elem_type().has_sequence_type();
  const int64_t most = one ? 1 : kMaxLength;
  if (node.mapped() >= 0 && node.mapped() <= most) return node.mapped();
  return absl::InvalidArgumentError(absl::StrCat("input \"", input.name(), "\": its length is ",
                                                 node.mapped(), ", outside 0..", most));
}

// A tensor of the type, whose open dimensions have no name: tensors of a sequence may differ.
onnx::ValueInfoProto Declare(const std::string& name, const onnx::TypeProto& type) {
  onnx::ValueInfoProto value;
  value.set_name(name);
  *value.mutable_type() = type;
  if (!value.type().has_tensor_type() || !value.type().tensor_type().has_shape()) return value;
  for (auto& dim : *value.mutable_type()->mutable_tensor_type()->mutable_shape()->mutable_dim()) {
    dim.clear_dim_param();
  }
  return value;
}

absl::Status TakeApart(const onnx::ValueInfoProto& input, InputTensors& parts) {
  TW_ASSIGN_OR_RETURN(const int64_t length, BoundLength(input, parts.options));
  onnx::TypeProto type = input.type();
  if (type.has_optional_type()) {
    if (length == 0) {
      parts.absent.push_back(input.name());
      return absl::OkStatus();
    }
    type = onnx::TypeProto(type.optional_type().elem_type());
    if (!type.has_sequence_type()) {
      parts.declared.push_back(Declare(input.name(), type));
      return absl::OkStatus();
    }
  }
  auto& [name, tensors] = parts.sequences.emplace_back(input.name(), std::vector<std::string>());
  for (int64_t i = 0; i < length; ++i) {
    tensors.push_back(ElementName(name, static_cast<size_t>(i)));
    parts.declared.push_back(Declare(tensors.back(), type.sequence_type().elem_type()));
  }
  return absl::OkStatus();
}

}  // namespace

std::string LengthName(const std::string& input) { return absl::StrCat(input, ".length"); }

std::string ElementName(const std::string& sequence, size_t index) {
  return absl::StrCat(sequence, ".", index);
}

bool HoldsTensors(const onnx::ValueInfoProto& value) {
  return value.type().has_sequence_type() || value.type().has_optional_type();
}

absl::StatusOr<InputTensors> TakeApart(const std::vector<const onnx::ValueInfoProto*>& inputs,
                                       const ImportOptions& options) {
  InputTensors parts{.options = options};
  for (const onnx::ValueInfoProto* input : inputs) {
    if (HoldsTensors(*input)) {
      TW_RETURN_IF_ERROR(TakeApart(*input, parts));
    } else {
      parts.declared.push_back(*input);
    }
  }
  return parts;
}

}  // namespace tilewright
