// What If, Loop, Scan and SequenceMap share: the graphs in their attributes and what these may
// give.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "compiler/onnx/onnx.pb.h"
#include "compiler/onnx/sequences.h"

namespace tilewright {

// How often a body is repeated at most.
inline constexpr int64_t kMaxIterations = 4096;

// The graph of that name; InvalidArgument when the node has none.
absl::StatusOr<onnx::GraphProto*> BodyOf(onnx::NodeProto& node, const std::string& name);
// InvalidArgument for a sequence or an empty optional among the values.
absl::Status CheckAreTensors(const std::vector<ValueId>& values, const char* what);

}  // namespace tilewright
