// The supported operators as tables: `tilewright operators` and compiler/onnx/OPERATORS.md.
#pragma once

#include <string>

#include "compiler/onnx/element_types.h"

namespace tilewright {

// Short for people: "any", "floats int32 int64", "numbers".
std::string TextOf(ElementTypes types);
// One line an operator: its name, the opset from which it is read, its element types.
std::string OperatorTable();
// The same as the page OPERATORS.md.
std::string OperatorPage();

}  // namespace tilewright
