// ONNX's own node tests: each is imported and evaluated, and its outputs compared with the ones
// ONNX gives. What is not supported must be refused by name.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <iostream>

#include "absl/strings/match.h"
#include "tests/onnx/node_data.h"

namespace tilewright {
namespace {

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
bool NamesTheReason(const std::filesystem::path& folder, const absl::Status& status) {
  const absl::StatusOr<NodeTest> test = LoadNodeTest(folder);
  if (!test.ok()) return false;
  return absl::StrContains(status.message(), "put \"") ||
         NamesAnOperator(test->model.graph(), status);
}

TEST(OnnxNodeTests, SupportedOnesPassAndTheOthersAreRefusedByName) {
  ASSERT_TRUE(std::filesystem::exists(kNodeTests)) << "install libonnx-testdata (scripts/setup)";
  int passed = 0, refused = 0;
  for (const std::filesystem::path& folder : NodeTestFolders()) {
    const absl::Status status = RunNodeTest(folder);
    passed += status.ok();
    if (status.ok()) continue;
    refused += absl::IsUnimplemented(status);
    EXPECT_TRUE(absl::IsUnimplemented(status)) << folder.filename() << ": " << status;
    EXPECT_TRUE(NamesTheReason(folder, status)) << folder.filename() << ": " << status;
    RecordProperty(folder.filename().string(), std::string(status.message()));
  }
  std::cout << passed << " node tests pass, " << refused << " are refused\n";
  EXPECT_GE(passed, 910);
}

}  // namespace
}  // namespace tilewright
