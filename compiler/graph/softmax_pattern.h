// Recognising softmax over the last dimension in the nodes that importers make of it: maximum,
// exponential, sum and quotient.
#pragma once

#include <optional>

#include "compiler/graph/graph.h"

namespace tilewright {

struct FoundSoftmax {
  ValueId input = kNoValue;
  bool empty_rows = false;  // rows of -inf give 0 and not NaN
};

// The softmax whose output is `value`; nullopt where it is none, or where anything else reads what
// is in between or its input.
std::optional<FoundSoftmax> FindSoftmax(const Graph& graph, ValueId value);

// `e` without the conversions between floats around it.
Expr Unconverted(Expr e);

}  // namespace tilewright
