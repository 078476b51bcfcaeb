// ONNX (protobuf, opset 7 and newer) to Graph.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "compiler/graph/graph.h"
#include "compiler/onnx/element_types.h"
#include "compiler/onnx/plugin_operator.h"

namespace tilewright {

struct ImportOptions {
  // Bound shapes by input name ("data" -> {1,3,224,224}); needed for dynamic dimensions.
  // One that the model declares with fixed dimensions may be bound to others: what follows from it
  // is computed anew.
  std::map<std::string, Shape> input_shapes;
  // Bound dimensions by the model's name for them ("batch" -> 4), for all inputs that have it; and
  // how many tensors an input holds that is a sequence or an optional ("x.length" -> 2): those of
  // the sequence "x" are the inputs "x.0", "x.1", ...
  std::map<std::string, int64_t> dims;
  // Inputs fixed to a value: they become constants and vanish from the graph's inputs. For models
  // that take a shape, axes or a flag as an input and the compiler needs the numbers. As
  // (non-empty) tensors, and as numbers written out, of which there are as many as the input has
  // elements, or one for all ("sr" -> {"16000"}).
  std::map<std::string, Tensor> constant_inputs;
  std::map<std::string, std::vector<std::string>> input_values;
  // Where the model's external data lies; ImportOnnxFile sets it. Empty: such data is refused.
  std::string folder;
  // Operators of the user's own, beside those of the catalogue.
  std::vector<PluginOperator> operators;
};

// InvalidArgument for anything wrong with the bytes or the model, Unimplemented for an operator,
// attribute value or opset that is not supported; both list every node and operator concerned.
// An output that is a sequence is the outputs "y.0", "y.1", ...
// Nodes may stand in any order; those that no output needs are not looked at. Limits: 2 GiB
// (without external data), 50k nodes, rank 8. The graph verifies.
absl::StatusOr<Graph> ImportOnnx(std::string_view bytes, const ImportOptions& options);
// The same from a file; NotFound or PermissionDenied with the path.
absl::StatusOr<Graph> ImportOnnxFile(const std::string& path, const ImportOptions& options);

// "data:1,3,224,224" and tvmc's "data:[1,3,224,224]", with or without spaces after the commas;
// several separated by spaces or semicolons.
absl::StatusOr<std::map<std::string, Shape>> ParseInputShapes(std::string_view text);
// "batch=4"; several separated by spaces or semicolons.
absl::StatusOr<std::map<std::string, int64_t>> ParseDims(std::string_view text);
// "rate=16000" or "axes=1,2"; several separated by spaces or semicolons.
absl::StatusOr<std::map<std::string, std::vector<std::string>>> ParseInputValues(
    std::string_view text);

// An operator that is imported, from an opset on (of its own domain's models: 1).
struct SupportedOperator {
  std::string name;         // "Add", "com.microsoft.Gelu"
  int64_t since;            // never before 7, the oldest opset that is read
  ElementTypes types = {};  // of the data that it computes with
  bool takes_sequences = false;
};
// Sorted by name: `tilewright operators`.
std::vector<SupportedOperator> SupportedOperators();

}  // namespace tilewright
