// Plug-in operators as rows of the catalogue.
#pragma once

#include "compiler/onnx/op_builder.h"
#include "compiler/onnx/plugin_operator.h"

namespace tilewright {

// Converts nodes of the operator: binds types, dimensions and attributes, then parses and strictly
// verifies the definition (compiler/loop/verify.h), so that whatever the file says a model stays
// within its tensors and ends. InvalidArgument names the file and the line, or what of the node
// does not fit. One nest of loops around one store is a definition, which passes fuse and schedules
// run in parallel; anything else is run in order as it is written, its output being zero before.
OpRow PluginRow(const PluginOperator& op);

}  // namespace tilewright
