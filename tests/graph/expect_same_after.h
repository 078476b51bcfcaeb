// A pass's test: what it makes of a graph, and that the graph still computes the same.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "compiler/graph/graph.h"
#include "tests/graph/graph_builder.h"

namespace tilewright::graph_testing {

// `pass` turns the graph into one of the operators `ops`, in order, whose outputs stay within 1e-5.
inline void ExpectSameAfter(const std::string& pass, Graph graph, const std::string& ops) {
  const std::vector<Tensor> expected = Evaluate(graph);
  RunPass(pass, &graph);
  EXPECT_EQ(Ops(graph), ops) << Print(graph);
  EXPECT_LT(LargestError(expected, Evaluate(graph)), 1e-5);
}

}  // namespace tilewright::graph_testing
