// Changing a graph while keeping it well-formed: what passes have in common.
#pragma once

#include <vector>

#include "compiler/graph/graph.h"

namespace tilewright {

// Erases the nodes no output needs and frees the constants nobody reads.
void EraseDeadNodes(Graph& graph);

// Restores topological order after nodes were appended: each node directly follows what it needs,
// otherwise the order stays.
void SortNodes(Graph& graph);

// Makes readers of `from`, the graph's outputs included, read `to`. REQUIRES: equal types.
void ReplaceUses(Graph& graph, ValueId from, ValueId to);

// Appends a node that makes an existing value, whose producer it becomes.
void AppendNode(Graph& graph, Node node);

// `value` under another shape: itself, its source if it is a reshape from that shape, a constant's
// own bytes, or a new reshape node (SortNodes is the caller's).
ValueId Reshaped(Graph& graph, ValueId value, const Shape& shape);

// The only reader of a value; -1 when there are several or none, or it is an output.
int OnlyConsumer(const Graph& graph, ValueId value);

// For each value: the nodes that read it, plus one if it is an output.
std::vector<int> CountReaders(const Graph& graph);

// The node that makes a value; null for inputs and constants.
const Node* ProducerOf(const Graph& graph, ValueId value);

// For each value the value whose memory it shares: itself, or through reshapes their source or the
// output that they lead to. A reshape of what a node made needs no code; a copy is one of an input
// or a constant, or from one output to another.
std::vector<ValueId> MemoryRoots(const Graph& graph);

// Whether a node has no code, for what it reads lies where it would write.
bool OnlyRenames(const Node& node, const std::vector<ValueId>& memory_roots);

}  // namespace tilewright
