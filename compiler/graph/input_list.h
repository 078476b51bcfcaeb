// The inputs of a definition to be, in the order in which it first asks for them.
#pragma once

#include <vector>

#include "compiler/graph/graph.h"

namespace tilewright {

// A value; `graph` outlives it.
class InputList {
 public:
  explicit InputList(const Graph& graph) : graph_(graph) {}

  // The buffer that stands for `value`, which becomes an input unless it is one.
  const Buffer& BufferOf(ValueId value);

  // Gives a node and its definition what was asked for.
  void MoveTo(Node* node);

 private:
  const Graph& graph_;
  std::vector<ValueId> values_;
  std::vector<Buffer> buffers_;  // of the values
};

}  // namespace tilewright
