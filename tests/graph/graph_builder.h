// Small graphs for tests: layers as an importer would emit them, with seeded random weights, and
// their meaning by the interpreter.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/rng.h"
#include "compiler/graph/pipeline.h"

namespace tilewright::graph_testing {

// Value of one output element from the output's axes and the inputs' buffers.
using Body = std::function<Expr(const std::vector<Expr>& axes, const std::vector<Buffer>& in)>;

struct ConvShape {
  int64_t channels = 16, kernel = 1, stride = 1, pad = 0, groups = 1;
};

class GraphBuilder {
 public:
  explicit GraphBuilder(uint64_t seed = 1) : rng_(seed) { graph_.name = "test"; }

  Graph& graph() { return graph_; }
  const Shape& ShapeOf(ValueId value) const { return graph_.values[value].type.shape; }

  ValueId Input(const std::string& name, Shape shape);
  // Uniform in [-1, 1), or [0.5, 1.5) where positive.
  ValueId Constant(const std::string& name, Shape shape, bool positive = false);
  ValueId Scalar(const std::string& name, double value);

  ValueId Conv(const std::string& name, ValueId data, const ConvShape& shape);
  ValueId ConvTranspose(const std::string& name, ValueId data, const ConvShape& shape);
  ValueId Dense(const std::string& name, ValueId data, int64_t outputs);
  ValueId BatchMatmul(const std::string& name, ValueId x, ValueId y);

  ValueId Map(const std::string& op, std::vector<ValueId> inputs, Shape shape, const Body& body);
  // y = f(x) and z = f(x, y), element by element with numpy broadcasting.
  ValueId Unary(const std::string& op, ValueId x, const std::function<Expr(Expr)>& f);
  ValueId Binary(const std::string& op, ValueId x, ValueId y,
                 const std::function<Expr(Expr, Expr)>& f);
  ValueId Relu(ValueId x);
  ValueId Add(ValueId x, ValueId y);
  ValueId Bias(ValueId x);  // a constant per channel
  ValueId BatchNorm(ValueId x);
  ValueId Reshape(ValueId x, Shape shape);
  ValueId Transpose(ValueId x, std::vector<size_t> permutation);
  ValueId Pad(ValueId x, int64_t spatial);  // zeros around height and width
  ValueId Concat(ValueId x, ValueId y);     // along the channels
  ValueId MaxPool(ValueId x, int64_t kernel, int64_t stride);
  ValueId GlobalAveragePool(ValueId x);                                   // [N,C,1,1]
  ValueId ReduceLast(const std::string& op, Reducer reducer, ValueId x);  // keeps the dimension
  // Over the last dimension, in four nodes as importers write it; with `empty_rows` rows of -inf
  // give 0.
  ValueId Softmax(ValueId x, bool empty_rows = false);

  // The graph with these outputs.
  Graph Finish(const std::vector<ValueId>& outputs);

 private:
  Graph graph_;
  Rng rng_;
};

// Runs every node's plain definition in the interpreter on seeded random inputs.
std::vector<Tensor> Evaluate(const Graph& graph, uint64_t seed = 7);
Tensor EvaluateCompute(const Compute& compute, std::vector<Tensor> inputs);

// For a machine with 16 (avx512) or 8 lanes; constants are evaluated in the interpreter.
PassContext ContextFor(const std::string& mcpu = "znver5");

// Runs one pass by name and verifies; the test fails when it does not succeed.
void RunPass(const std::string& name, Graph* graph);

// The largest difference of all outputs, relative to the largest magnitude of each.
double LargestError(const std::vector<Tensor>& a, const std::vector<Tensor>& b);

// The operators of the nodes in order: "conv2d relu".
std::string Ops(const Graph& graph);

}  // namespace tilewright::graph_testing
