// A model's inputs that are sequences or optionals, as the tensors that they are bound to hold.
#pragma once

#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "compiler/onnx/import.h"
#include "compiler/onnx/onnx.pb.h"

namespace tilewright {

// Inputs taken apart. The sequence "x" becomes the inputs "x.0", "x.1", ...; an optional tensor
// that is given keeps its name.
struct InputTensors {
  std::deque<onnx::ValueInfoProto> declared;  // tensors, in the order of the inputs
  // Of the sequences and of the optionals that hold nothing: the names of their tensors.
  std::vector<std::pair<std::string, std::vector<std::string>>> sequences;
  std::vector<std::string> absent;
  ImportOptions options;  // without the lengths, which are no tensor's dimensions
};

// How many tensors there are is bound as the dimension "x.length" (ImportOptions::dims): any number
// for a sequence, 1 for an optional that is given; 0 for one that holds nothing. Unimplemented
// without, naming the option that binds it; InvalidArgument for a length out of range.
absl::StatusOr<InputTensors> TakeApart(const std::vector<const onnx::ValueInfoProto*>& inputs,
                                       const ImportOptions& options);

// The name of the dimension that a sequence's length is: "x.length".
std::string LengthName(const std::string& input);
// Whether the value is a sequence or an optional.
bool HoldsTensors(const onnx::ValueInfoProto& value);
// The name of a sequence's tensor: "x.0".
std::string ElementName(const std::string& sequence, size_t index);

}  // namespace tilewright
