#include "tests/onnx/node_data.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <fstream>
#include <iterator>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "compiler/onnx/sequence_inputs.h"
#include "compiler/onnx/tensor_proto.h"
#include "tests/onnx/evaluate.h"

namespace tilewright {
namespace {

namespace fs = std::filesystem;

// The tolerances of ONNX's backend test runner (onnx/backend/test/case/node: rtol 1e-3, atol 1e-7),
// with an absolute one that leaves room for another order of float32 sums.
constexpr double kRelative = 1e-3, kAbsolute = 1e-5;

std::string ReadBytes(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// That of bfloat16 is the runner's too (onnx/backend/test/runner): two units of its last place.
double RelativeTolerance(DType dtype) { return dtype == DType::kBF16 ? 0x1p-6 : kRelative; }

absl::Status CompareTypes(const Tensor& found, const Tensor& expected) {
  if (found.type() == expected.type()) return absl::OkStatus();
  return absl::InternalError(
      absl::StrCat("got a ", ToString(found.type()), ", not a ", ToString(expected.type())));
}

absl::Status Compare(const Tensor& found, const Tensor& expected, double scale) {
  TW_RETURN_IF_ERROR(CompareTypes(found, expected));
  for (int64_t i = 0; i < found.size(); ++i) {
    const double a = found.AsDouble(i), b = expected.AsDouble(i);
    if (a == b || (std::isnan(a) && std::isnan(b))) continue;
    const double tolerance = kAbsolute + RelativeTolerance(found.dtype()) * std::abs(b);
    const bool close = IsFloat(found.dtype()) && std::abs(a - b) <= scale * tolerance;
    if (!close) return absl::InternalError(absl::StrCat("element ", i, " is ", a, ", not ", b));
  }
  return absl::OkStatus();
}

// A file's values as the type the model declares: the data hold bfloat16 as uint16 of the same
// bits, numpy having no such type. Types differ otherwise only for what CastLike is to be like, of
// which no value is read.
Tensor As(const TensorType& declared, const Tensor& file) {
  if (file.type() == declared) return file;
  Tensor values(declared);
  if (declared.dtype == DType::kBF16 && file.type() == TensorType{DType::kU16, declared.shape}) {
    std::memcpy(values.data(), file.data(), file.bytes());
  }
  return values;
}

// A node test declares the opset in which its operator last changed; the oldest are below what the
// importer takes and mean the same in opset 7.
void RaiseOpset(onnx::ModelProto& model) {
  for (onnx::OperatorSetIdProto& entry : *model.mutable_opset_import()) {
    if (entry.domain().empty() && entry.version() < 7) entry.set_version(7);
  }
}

// The data of this one were made with an epsilon that its model does not have
// (onnx/backend/test/case/node/adam.py).
void MendAdam(NodeTest& test) {
  if (test.name != "test_adam_multiple") return;
  onnx::AttributeProto& epsilon = *test.model.mutable_graph()->mutable_node(0)->add_attribute();
  epsilon.set_name("epsilon");
  epsilon.set_type(onnx::AttributeProto::FLOAT);
  epsilon.set_f(1e-2f);
}

std::map<std::string, Tensor> Elements(const std::string& name,
                                       const onnx::SequenceProto& sequence) {
  std::map<std::string, Tensor> tensors;
  for (int i = 0; i < sequence.tensor_values_size(); ++i) {
    auto tensor = FromOnnxTensor(sequence.tensor_values(i));
    if (tensor.ok()) tensors[ElementName(name, static_cast<size_t>(i))] = *std::move(tensor);
  }
  return tensors;
}

// The tensors in a file by name, and how many there are where it is no single tensor.
std::map<std::string, Tensor> ReadValue(const fs::path& path, const onnx::ValueInfoProto& declared,
                                        int64_t* length) {
  const std::string bytes = ReadBytes(path);
  onnx::TensorProto tensor;
  onnx::SequenceProto sequence;
  onnx::OptionalProto optional;
  const bool in_optional = declared.type().has_optional_type();
  *length = -1;
  if (in_optional && optional.ParseFromString(bytes)) {
    tensor = optional.tensor_value();
    sequence = optional.sequence_value();
    *length = optional.has_tensor_value() ? 1 : sequence.tensor_values_size();
  } else if (declared.type().has_sequence_type() && sequence.ParseFromString(bytes)) {
    *length = sequence.tensor_values_size();
  } else if (!in_optional && !tensor.ParseFromString(bytes)) {
    return {};
  }
  if (*length >= 0 && !optional.has_tensor_value()) return Elements(declared.name(), sequence);
  const auto value = FromOnnxTensor(tensor);
  if (!value.ok()) return {};
  return {{declared.name(), *value}};
}

// An input's tensor as the type that the model declares.
Tensor AsDeclared(const onnx::ValueInfoProto& input, const Tensor& tensor) {
  const auto& declared = input.type().tensor_type();
  const absl::StatusOr<DType> dtype = FromOnnxType(declared.elem_type());
  if (HoldsTensors(input) || !dtype.ok()) return tensor;
  TensorType type{*dtype, {}};
  for (const auto& dim : declared.shape().dim()) type.shape.push_back(dim.dim_value());
  const bool known = CheckShape(type.shape).ok() && NumElements(type.shape) > 0;
  return known ? As(type, tensor) : tensor;
}

bool NeedsConstants(const absl::Status& status) {
  return absl::StrContains(status.message(), "needs a constant");
}

// Of what a node draws at random the data hold one draw of many: any other is as right.
bool DrawsAtRandom(const onnx::ModelProto& model) {
  const auto& nodes = model.graph().node();
  return std::any_of(nodes.begin(), nodes.end(), [](const onnx::NodeProto& node) {
    return node.op_type() == "Bernoulli" || absl::StartsWith(node.op_type(), "Random");
  });
}

// The elements that there are of an output whose size depends on data, according to its count.
absl::StatusOr<Tensor> Cut(const Tensor& found, int64_t count, const Shape& expected) {
  if (found.shape() == expected) return found;
  size_t axis = 0;
  while (axis + 1 < expected.size() && found.shape()[axis] == expected[axis]) ++axis;
  Shape shape = found.shape();
  if (count < 0 || count > shape[axis]) return absl::InternalError("the count has no room");
  shape[axis] = count;
  Tensor cut({found.dtype(), shape});
  const int64_t inner =
      NumElements(Shape(shape.begin() + static_cast<int64_t>(axis) + 1, shape.end()));
  for (int64_t i = 0; i < cut.size(); ++i) {
    const int64_t outer = i / (inner * count), rest = i % (inner * count);
    cut.Set(i, found.AsDouble(outer * inner * found.shape()[axis] + rest));
  }
  return cut;
}

}  // namespace

std::vector<fs::path> NodeTestFolders(const fs::path& all) {
  std::vector<fs::path> folders;
  if (!fs::exists(all)) return folders;
  for (const auto& entry : fs::directory_iterator(all)) folders.push_back(entry.path());
  std::sort(folders.begin(), folders.end());
  return folders;
}

absl::StatusOr<NodeTest> LoadNodeTest(const fs::path& folder) {
  NodeTest test{.name = folder.filename().string()};
  if (!test.model.ParseFromString(ReadBytes(folder / "model.onnx"))) {
    return absl::InternalError("model does not parse");
  }
  RaiseOpset(test.model);
  MendAdam(test);
  const fs::path data = folder / "test_data_set_0";
  const onnx::GraphProto& graph = test.model.graph();
  int64_t length = 0;
  for (int i = 0; i < graph.input_size(); ++i) {
    const fs::path path = data / absl::StrCat("input_", i, ".pb");
    if (!fs::exists(path)) continue;
    for (auto& [name, tensor] : ReadValue(path, graph.input(i), &length)) {
      test.inputs[name] = AsDeclared(graph.input(i), tensor);
    }
    if (length >= 0) test.lengths[LengthName(graph.input(i).name())] = length;
  }
  for (int i = 0; i < graph.output_size(); ++i) {
    test.expected.push_back(
        ReadValue(data / absl::StrCat("output_", i, ".pb"), graph.output(i), &length));
  }
  return test;
}

absl::StatusOr<Graph> ImportNodeTest(const NodeTest& test) {
  const std::string bytes = test.model.SerializeAsString();
  ImportOptions options{.dims = test.lengths};
  for (const auto& [name, tensor] : test.inputs) {
    if (tensor.size() == 0) options.constant_inputs.emplace(name, tensor);
    // Models of sequences leave the shapes open.
    if (!test.lengths.empty()) options.input_shapes.emplace(name, tensor.shape());
  }
  absl::StatusOr<Graph> graph = ImportOnnx(bytes, options);
  if (graph.ok() || !NeedsConstants(graph.status())) return graph;
  const auto& declared = test.model.graph().input();
  for (int i = 1; i < declared.size(); ++i) {
    const auto found = test.inputs.find(declared[i].name());
    if (found != test.inputs.end()) options.constant_inputs.insert(*found);
  }
  graph = ImportOnnx(bytes, options);
  if (graph.ok() || !NeedsConstants(graph.status())) return graph;
  options.constant_inputs = test.inputs;
  return ImportOnnx(bytes, options);
}

absl::Status CheckNodeTest(const NodeTest& test, const Graph& graph, double scale) {
  TW_ASSIGN_OR_RETURN(const std::vector<Tensor> outputs, EvaluateGraph(graph, test.inputs));
  const auto output = [&](const std::string& name) -> const Tensor* {
    const auto found = std::find(graph.output_names.begin(), graph.output_names.end(), name);
    return found == graph.output_names.end() ? nullptr
                                             : &outputs[found - graph.output_names.begin()];
  };
  for (size_t i = 0; i < test.expected.size(); ++i) {
    const std::string& name = test.model.graph().output(static_cast<int>(i)).name();
    if (test.expected[i].empty()) return absl::InternalError("the test has no data for " + name);
    for (auto [part, expected] : test.expected[i]) {
      // What a file calls its tensor need not be the output's name.
      const Tensor* found = output(test.expected[i].size() == 1 && output(name) ? name : part);
      if (found == nullptr) return absl::InternalError("there is no output " + part);
      Tensor values = *found;
      if (const Tensor* count = output(name + ".count")) {
        TW_ASSIGN_OR_RETURN(values, Cut(values, count->AsInt(0), expected.shape()));
      }
      if (values.dtype() == DType::kBF16) expected = As(values.type(), expected);
      TW_RETURN_IF_ERROR(DrawsAtRandom(test.model) ? CompareTypes(values, expected)
                                                   : Compare(values, expected, scale));
    }
  }
  return absl::OkStatus();
}

absl::Status RunNodeTest(const std::filesystem::path& folder) {
  TW_ASSIGN_OR_RETURN(const NodeTest test, LoadNodeTest(folder));
  TW_ASSIGN_OR_RETURN(const Graph graph, ImportNodeTest(test));
  return CheckNodeTest(test, graph);
}

}  // namespace tilewright
