#include "compiler/onnx/zoo/model_writer.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "compiler/onnx/onnx.pb.h"

namespace tilewright::zoo {
namespace {

constexpr int64_t kIrVersion = 8;

int OnnxType(DType dtype) {
  TW_CHECK(dtype == DType::kF32 || dtype == DType::kI64) << NameOf(dtype);
  return dtype == DType::kF32 ? onnx::TensorProto::FLOAT : onnx::TensorProto::INT64;
}

void SetType(onnx::ValueInfoProto& info, const std::string& name, DType dtype, const Shape& shape) {
  info.set_name(name);
  auto& type = *info.mutable_type()->mutable_tensor_type();
  type.set_elem_type(OnnxType(dtype));
  type.mutable_shape();
  for (const int64_t extent : shape) {
    onnx::TensorShapeProto::Dimension& dim = *type.mutable_shape()->add_dim();
    if (extent != kAnyExtent) dim.set_dim_value(extent);
  }
}

void SetAttribute(onnx::AttributeProto& to, const std::string& name, const Attribute& from) {
  to.set_name(name);
  if (const auto* integer = std::get_if<int64_t>(&from)) {
    to.set_type(onnx::AttributeProto::INT);
    to.set_i(*integer);
  } else if (const auto* real = std::get_if<float>(&from)) {
    to.set_type(onnx::AttributeProto::FLOAT);
    to.set_f(*real);
  } else if (const auto* text = std::get_if<std::string>(&from)) {
    to.set_type(onnx::AttributeProto::STRING);
    to.set_s(*text);
  } else {
    to.set_type(onnx::AttributeProto::INTS);
    for (const int64_t item : std::get<std::vector<int64_t>>(from)) to.add_ints(item);
  }
}

// Approximately normal(0, 1) from one draw: four 16-bit uniforms, whose sum has variance 1/3. One
// draw instead of twelve matters for a hundred million weights.
double FastNormal(Rng& rng) {
  const uint64_t bits = rng.Next();
  const uint64_t sum =
      (bits & 0xffff) + (bits >> 16 & 0xffff) + (bits >> 32 & 0xffff) + (bits >> 48);
  return (static_cast<double>(sum) / 65536 - 2) * std::sqrt(3.0);
}

}  // namespace

ModelWriter::ModelWriter(const std::string& name, int64_t opset, uint64_t seed)
    : model_(std::make_unique<onnx::ModelProto>()), rng_(seed) {
  model_->set_ir_version(kIrVersion);
  model_->set_producer_name("tilewright zoo");
  model_->add_opset_import()->set_version(opset);
  model_->mutable_graph()->set_name(name);
}

ModelWriter::~ModelWriter() = default;

Value ModelWriter::Input(const std::string& name, DType dtype, Shape shape) {
  SetType(*model_->mutable_graph()->add_input(), name, dtype, shape);
  return {name, std::move(shape)};
}

void ModelWriter::Output(const Value& value, DType dtype, const std::string& name) {
  for (onnx::NodeProto& node : *model_->mutable_graph()->mutable_node()) {
    std::replace(node.mutable_output()->begin(), node.mutable_output()->end(), value.name, name);
    std::replace(node.mutable_input()->begin(), node.mutable_input()->end(), value.name, name);
  }
  SetType(*model_->mutable_graph()->add_output(), name, dtype, value.shape);
}

void ModelWriter::FillNormal(onnx::TensorProto& tensor, Normal distribution) {
  int64_t count = 1;
  for (const int64_t extent : tensor.dims()) count *= extent;
  std::string& bytes = *tensor.mutable_raw_data();
  bytes.resize(static_cast<size_t>(count) * sizeof(float));
  for (size_t at = 0; at < bytes.size(); at += sizeof(float)) {
    const auto value =
        static_cast<float>(distribution.mean + distribution.deviation * FastNormal(rng_));
    std::memcpy(&bytes[at], &value, sizeof(float));
  }
}

Value ModelWriter::Initializer(const std::string& name, Shape shape, Normal distribution) {
  onnx::TensorProto& tensor = *model_->mutable_graph()->add_initializer();
  tensor.set_name(name);
  tensor.set_data_type(onnx::TensorProto::FLOAT);
  for (const int64_t extent : shape) tensor.add_dims(extent);
  FillNormal(tensor, distribution);
  return {name, std::move(shape)};
}

Value ModelWriter::Parameter(const std::string& name, Shape shape, Normal distribution) {
  parameters_ += NumElements(shape);
  return Initializer(name, std::move(shape), distribution);
}

Value ModelWriter::Statistic(const std::string& name, Shape shape, Normal distribution) {
  return Initializer(name, std::move(shape), distribution);
}

Value ModelWriter::Constant(const std::string& name, Shape shape, DType dtype, std::string bytes) {
  onnx::NodeProto& node = *model_->mutable_graph()->add_node();
  node.set_op_type("Constant");
  node.set_name(name);
  node.add_output(name);
  onnx::AttributeProto& attribute = *node.add_attribute();
  attribute.set_name("value");
  attribute.set_type(onnx::AttributeProto::TENSOR);
  attribute.mutable_t()->set_data_type(OnnxType(dtype));
  for (const int64_t extent : shape) attribute.mutable_t()->add_dims(extent);
  attribute.mutable_t()->set_raw_data(std::move(bytes));
  return {name, std::move(shape)};
}

Value ModelWriter::Scalar(const std::string& name, float value) {
  return Constant(name, {}, DType::kF32,
                  std::string(reinterpret_cast<const char*>(&value), sizeof(value)));
}

Value ModelWriter::Index(const std::string& name, int64_t value) {
  return Constant(name, {}, DType::kI64,
                  std::string(reinterpret_cast<const char*>(&value), sizeof(value)));
}

Value ModelWriter::Integers(const std::string& name, const std::vector<int64_t>& values) {
  return Constant(
      name, {static_cast<int64_t>(values.size())}, DType::kI64,
      std::string(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(int64_t)));
}

Value ModelWriter::Floats(const std::string& name, Shape shape, const std::vector<float>& values) {
  TW_CHECK(NumElements(shape) == static_cast<int64_t>(values.size())) << name;
  return Constant(
      name, std::move(shape), DType::kF32,
      std::string(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)));
}

Value ModelWriter::Node(const NodeSpec& spec) {
  onnx::NodeProto& node = *model_->mutable_graph()->add_node();
  node.set_op_type(spec.op);
  node.set_name(spec.name);
  for (const Value& input : spec.inputs) node.add_input(input.name);
  node.add_output(spec.name);
  for (const auto& [key, value] : spec.attributes) SetAttribute(*node.add_attribute(), key, value);
  const bool empty =
      std::any_of(spec.shape.begin(), spec.shape.end(), [](int64_t n) { return n == 0; });
  if (empty && empty_layer_.empty()) empty_layer_ = spec.name;
  return {spec.name, spec.shape};
}

absl::Status ModelWriter::Check() const {
  if (empty_layer_.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("the image is too small: nothing is left after layer ", empty_layer_));
}

}  // namespace tilewright::zoo
