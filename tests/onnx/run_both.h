// A small model run twice: by the interpreter on the imported graph and as compiled code, which
// must agree bit for bit (NaN equals NaN) unless a tolerance is given.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "compiler/core/tensor.h"
#include "compiler/graph/pipeline.h"
#include "tests/onnx/model_builder.h"

namespace tilewright {

// The outputs; reports a test failure (and gives none) when the model does not import, compile or
// run, or the two differ.
std::vector<Tensor> RunBoth(const ModelBuilder& model, const std::map<std::string, Tensor>& inputs,
                            double tolerance = 0);

// The graph compiled for this machine, loaded and run on inputs by name; the outputs in order.
// Reports a test failure (and gives none) when it does not compile.
std::vector<Tensor> RunCompiled(const Graph& graph, const std::map<std::string, Tensor>& inputs,
                                const PipelineOptions& passes = {});

// The different kernels of the graph compiled for this machine.
size_t CountKernels(const Graph& graph);

// Elements differ by at most tolerance * (1 + |expected|); NaN equals NaN.
void ExpectSame(const Tensor& compiled, const Tensor& expected, double tolerance);

// The values of a tensor of any type.
std::vector<double> Values(const Tensor& tensor);

}  // namespace tilewright
