// ONNX's own node tests (Debian's libonnx-testdata): each is imported and evaluated, and its
// outputs compared with the ones ONNX gives. What is not supported must be refused by name.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "compiler/onnx/import.h"
#include "compiler/onnx/onnx.pb.h"
#include "compiler/onnx/tensor_proto.h"
#include "tests/onnx/evaluate.h"

namespace tilewright {
namespace {

namespace fs = std::filesystem;

constexpr char kNodeTests[] = "/usr/include/onnx/backend/test/data/node";

// The tolerances of ONNX's backend test runner (onnx/backend/test/case/node: rtol 1e-3, atol 1e-7),
// with an absolute one that leaves room for another order of float32 sums.
constexpr double kRelative = 1e-3, kAbsolute = 1e-5;

std::string ReadBytes(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

absl::StatusOr<Tensor> ReadTensor(const fs::path& path) {
  onnx::TensorProto proto;
  if (!proto.ParseFromString(ReadBytes(path))) return absl::InvalidArgumentError("no tensor");
  return FromOnnxTensor(proto);
}

// The data of bfloat16 were made by cutting float32's low half off, where the operators round to
// the nearest: up to one of the eight bits apart.
double RelativeTolerance(DType dtype) { return dtype == DType::kBF16 ? 0x1p-7 : kRelative; }

absl::Status Compare(const Tensor& found, const Tensor& expected) {
  if (found.type() != expected.type()) {
    return absl::InternalError(
        absl::StrCat("got a ", ToString(found.type()), ", not a ", ToString(expected.type())));
  }
  for (int64_t i = 0; i < found.size(); ++i) {
    const double a = found.AsDouble(i), b = expected.AsDouble(i);
    if (a == b || (std::isnan(a) && std::isnan(b))) continue;
    const bool close =
        IsFloat(found.dtype()) &&
        std::abs(a - b) <= kAbsolute + RelativeTolerance(found.dtype()) * std::abs(b);
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

// One folder of the test data.
struct NodeTest {
  onnx::ModelProto model;
  std::string bytes;
  std::map<std::string, Tensor> inputs;
};

// A node test declares the opset in which its operator last changed; the oldest are below what the
// importer takes and mean the same in opset 7.
void RaiseOpset(NodeTest& test) {
  for (onnx::OperatorSetIdProto& entry : *test.model.mutable_opset_import()) {
    if (entry.domain().empty() && entry.version() < 7) entry.set_version(7);
  }
  test.bytes = test.model.SerializeAsString();
}

absl::StatusOr<NodeTest> Load(const fs::path& folder) {
  NodeTest test{.bytes = ReadBytes(folder / "model.onnx")};
  if (!test.model.ParseFromString(test.bytes)) return absl::InternalError("model does not parse");
  RaiseOpset(test);
  const onnx::GraphProto& graph = test.model.graph();
  for (int i = 0; i < graph.input_size(); ++i) {
    const fs::path path = folder / "test_data_set_0" / absl::StrCat("input_", i, ".pb");
    if (!fs::exists(path)) continue;
    absl::StatusOr<Tensor> tensor = ReadTensor(path);
    const auto& declared = graph.input(i).type().tensor_type();
    const absl::StatusOr<DType> dtype = FromOnnxType(declared.elem_type());
    if (tensor.ok() && dtype.ok()) {
      TensorType type{*dtype, {}};
      for (const auto& dim : declared.shape().dim()) type.shape.push_back(dim.dim_value());
      const bool known = CheckShape(type.shape).ok() && NumElements(type.shape) > 0;
      if (known) tensor = As(type, *tensor);
    }
    // What cannot be read (sequences, strings, complex numbers) is refused by the importer by name.
    if (tensor.ok()) test.inputs[graph.input(i).name()] = *std::move(tensor);
  }
  return test;
}

bool NeedsConstants(const absl::Status& status) {
  return absl::StrContains(status.message(), "needs a constant");
}

// Imports; where an operator needs a shape or the like, its inputs are bound as constants, the
// first only when everything is needed. Empty lists of axes are constants always.
absl::StatusOr<Graph> Import(const NodeTest& test) {
  ImportOptions options;
  for (const auto& [name, tensor] : test.inputs) {
    if (tensor.size() == 0) options.constant_inputs.emplace(name, tensor);
  }
  absl::StatusOr<Graph> graph = ImportOnnx(test.bytes, options);
  if (graph.ok() || !NeedsConstants(graph.status())) return graph;
  const auto& declared = test.model.graph().input();
  for (int i = 1; i < declared.size(); ++i) {
    const auto found = test.inputs.find(declared[i].name());
    if (found != test.inputs.end()) options.constant_inputs.insert(*found);
  }
  graph = ImportOnnx(test.bytes, options);
  if (graph.ok() || !NeedsConstants(graph.status())) return graph;
  options.constant_inputs = test.inputs;
  return ImportOnnx(test.bytes, options);
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
  const int64_t inner = NumElements(Shape(shape.begin() + axis + 1, shape.end()));
  for (int64_t i = 0; i < cut.size(); ++i) {
    const int64_t outer = i / (inner * count), rest = i % (inner * count);
    cut.Set(i, found.AsDouble(outer * inner * found.shape()[axis] + rest));
  }
  return cut;
}

// Ok, or Unimplemented as the importer said, or Internal for a wrong answer.
absl::Status RunNodeTest(const fs::path& folder) {
  TW_ASSIGN_OR_RETURN(const NodeTest test, Load(folder));
  TW_ASSIGN_OR_RETURN(const Graph graph, Import(test));
  TW_ASSIGN_OR_RETURN(const std::vector<Tensor> outputs, EvaluateGraph(graph, test.inputs));
  const auto count_of = [&](const std::string& name) {
    const auto found =
        std::find(graph.output_names.begin(), graph.output_names.end(), name + ".count");
    return found == graph.output_names.end() ? -1
                                             : outputs[found - graph.output_names.begin()].AsInt(0);
  };
  for (size_t i = 0; i < static_cast<size_t>(test.model.graph().output_size()); ++i) {
    const fs::path path = folder / "test_data_set_0" / absl::StrCat("output_", i, ".pb");
    TW_ASSIGN_OR_RETURN(Tensor expected, ReadTensor(path));
    Tensor found = outputs[i];
    if (const int64_t count = count_of(graph.output_names[i]); count >= 0) {
      TW_ASSIGN_OR_RETURN(found, Cut(found, count, expected.shape()));
    }
    if (found.dtype() == DType::kBF16) expected = As(found.type(), expected);
    TW_RETURN_IF_ERROR(Compare(found, expected));
  }
  return absl::OkStatus();
}

// Whether the message names an operator of the graph or of the graphs within its nodes.
bool NamesAnOperator(const onnx::GraphProto& graph, const absl::Status& status) {
  const auto names = [&](const onnx::NodeProto& node) {
    const auto& attributes = node.attribute();
    return absl::StrContains(status.message(), node.op_type()) ||
           std::any_of(attributes.begin(), attributes.end(), [&](const auto& attribute) {
             return attribute.has_g() && NamesAnOperator(attribute.g(), status);
           });
  };
  return std::any_of(graph.node().begin(), graph.node().end(), names);
}

// The message names an operator of the model, or an input or output that is no tensor of ours.
bool NamesTheReason(const fs::path& folder, const absl::Status& status) {
  onnx::ModelProto model;
  if (!model.ParseFromString(ReadBytes(folder / "model.onnx"))) return false;
  return absl::StrContains(status.message(), "put \"") || NamesAnOperator(model.graph(), status);
}

std::vector<fs::path> Folders() {
  std::vector<fs::path> folders;
  for (const auto& entry : fs::directory_iterator(kNodeTests)) folders.push_back(entry.path());
  std::sort(folders.begin(), folders.end());
  return folders;
}

TEST(OnnxNodeTests, SupportedOnesPassAndTheOthersAreRefusedByName) {
  ASSERT_TRUE(fs::exists(kNodeTests)) << "install libonnx-testdata (scripts/setup)";
  int passed = 0, refused = 0;
  for (const fs::path& folder : Folders()) {
    const absl::Status status = RunNodeTest(folder);
    passed += status.ok();
    if (status.ok()) continue;
    refused += absl::IsUnimplemented(status);
    EXPECT_TRUE(absl::IsUnimplemented(status)) << folder.filename() << ": " << status;
    EXPECT_TRUE(NamesTheReason(folder, status)) << folder.filename() << ": " << status;
    RecordProperty(folder.filename().string(), std::string(status.message()));
  }
  std::cout << passed << " node tests pass, " << refused << " are refused\n";
  EXPECT_GE(passed, 854);
}

}  // namespace
}  // namespace tilewright
