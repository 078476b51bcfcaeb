// Builds an ONNX model node by node. Shapes are given by the caller (layers.h computes them) and
// only kept beside the names; weights are drawn from one seeded stream in order of creation.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "base/rng.h"
#include "compiler/core/tensor.h"

namespace onnx {
class ModelProto;
class TensorProto;
}  // namespace onnx

namespace tilewright::zoo {

// Of a dimension that depends on the data.
inline constexpr int64_t kAnyExtent = -1;

// A tensor of the model: its name and shape.
struct Value {
  std::string name;
  Shape shape;
};

using Attribute = std::variant<int64_t, float, std::vector<int64_t>, std::string>;
using Attributes = std::vector<std::pair<std::string, Attribute>>;

struct NodeSpec {
  std::string op, name;
  std::vector<Value> inputs;
  Shape shape;  // of the output
  Attributes attributes = {};
};

class ModelWriter {
 public:
  ModelWriter(const std::string& name, int64_t opset, uint64_t seed);
  ~ModelWriter();

  Value Input(const std::string& name, DType dtype, Shape shape);
  // Makes `value` an output of the model under this name.
  void Output(const Value& value, DType dtype, const std::string& name);

  // Trainable float32 tensors: normal around `mean`, and uniform in [lo, hi).
  struct Normal {
    double mean = 0, deviation = 1;
  };
  Value Parameter(const std::string& name, Shape shape, Normal distribution);
  // Stored beside the parameters but not counted among them (batch norm's running statistics).
  Value Statistic(const std::string& name, Shape shape, Normal distribution);
  // Constant nodes, as exporters write them.
  Value Scalar(const std::string& name, float value);
  Value Index(const std::string& name, int64_t value);
  Value Integers(const std::string& name, const std::vector<int64_t>& values);
  // REQUIRES: the shape has as many elements.
  Value Floats(const std::string& name, Shape shape, const std::vector<float>& values);

  // Appends a node; its output bears the node's name and has the shape. A dimension of 0 makes
  // Check fail. REQUIRES: the name is new.
  Value Node(const NodeSpec& spec);

  int64_t parameters() const { return parameters_; }

  // The finished model. InvalidArgument when some layer's output was empty.
  absl::Status Check() const;
  const onnx::ModelProto& model() const { return *model_; }

 private:
  void FillNormal(onnx::TensorProto& tensor, Normal distribution);
  Value Initializer(const std::string& name, Shape shape, Normal distribution);
  Value Constant(const std::string& name, Shape shape, DType dtype, std::string bytes);

  std::unique_ptr<onnx::ModelProto> model_;
  Rng rng_;
  int64_t parameters_ = 0;
  std::string empty_layer_;  // the first node without output elements
};

}  // namespace tilewright::zoo
