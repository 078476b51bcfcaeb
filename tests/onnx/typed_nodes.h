// A node test in another element type than the one that it was written in.
#pragma once

#include <optional>
#include <string>

#include "tests/onnx/node_data.h"

namespace tilewright {

// As the catalogue calls the operator of the first node: "Add", "com.microsoft.Gelu".
std::string OperatorOf(const NodeTest& test);
// The type of the node's data; nothing when it has none or they are no tensor of ours.
std::optional<DType> DataTypeOf(const NodeTest& test);

struct TypeChange {
  DType to;
  DType values;  // they are rounded to this type first
};
// The test with everything that has the data's type in another. Values become small integers where
// the type is no float, so that no sum overflows; those of operators whose data say what is to be
// made stay. Nothing where such values are not of the type.
std::optional<NodeTest> InType(const NodeTest& test, const TypeChange& change);

}  // namespace tilewright
