// Nodes that move a tensor between its logical layout and one with blocked channels (dimension 1
// of any tensor of rank 2 or more): [N,C,H,W] and [N,ceil(C/x),H,W,x].
#pragma once

#include "compiler/graph/graph.h"

namespace tilewright {

// "NCHW16c" for rank 4 and block 16, "NC16c" for rank 2; block 1 gives the plain layout.
std::string ChannelLayoutName(size_t rank, int64_t block);
Shape BlockedShape(const Shape& logical, int64_t block);

bool IsPack(const Node& node);    // to a blocked layout
bool IsUnpack(const Node& node);  // to the plain one

// True while the workload's tensors are all in their logical layouts.
bool HasPlainLayouts(const Workload& workload);

// Append a node for `value` and return its output. The padding lanes of packed tensors are zero;
// computed tensors may have any finite values there.
ValueId AppendPack(Graph& graph, ValueId value, int64_t block);
// Makes the existing `output` from `blocked`.
void AppendUnpack(Graph& graph, ValueId blocked, ValueId output);

}  // namespace tilewright
