// The text of a plug-in operator's definition with names replaced by what they stand for.
#pragma once

#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "compiler/onnx/plugin_operator.h"

namespace tilewright {

struct PluginValues {
  std::map<std::string, std::string> texts;    // dimensions, types, attributes: what is written
  std::map<std::string, std::string> strings;  // string attributes, which are only compared
};

// Names of `values` and macros replaced; `mode == "zero"` becomes true or false. InvalidArgument
// for a string that is not compared, a macro with other arguments, or more than 1 MiB of result.
absl::StatusOr<std::string> ExpandPlugin(const PluginOperator& op, const PluginValues& values,
                                         const std::string& text);

}  // namespace tilewright
