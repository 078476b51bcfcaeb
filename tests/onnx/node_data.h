// ONNX's own node tests (Debian's libonnx-testdata) as they lie on disk, and how outputs compare
// with the ones they give.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "compiler/onnx/import.h"
#include "compiler/onnx/onnx.pb.h"

namespace tilewright {

inline constexpr char kNodeTests[] = "/usr/include/onnx/backend/test/data/node";

// One folder of the test data.
struct NodeTest {
  std::string name;
  onnx::ModelProto model;
  std::map<std::string, Tensor> inputs;    // those of a sequence "x" are "x.0", "x.1", ...
  std::map<std::string, int64_t> lengths;  // "x.length" of sequences and optionals
  std::vector<std::map<std::string, Tensor>> expected;  // by output; several of a sequence
};

// The folders in one of node tests, sorted; none when it is not there.
std::vector<std::filesystem::path> NodeTestFolders(const std::filesystem::path& all = kNodeTests);
// What cannot be read (strings, complex numbers) is left out: the importer refuses it by name.
absl::StatusOr<NodeTest> LoadNodeTest(const std::filesystem::path& folder);
// Imports; where an operator needs a shape or the like, its inputs are bound as constants, the
// first only when everything is needed. Empty lists of axes are constants always.
absl::StatusOr<Graph> ImportNodeTest(const NodeTest& test);
// Ok, or Unimplemented as the importer said, or Internal for a wrong answer (of what is drawn at
// random: one of another type or shape). `scale` widens the tolerance, for types that the data were
// not made for.
absl::Status CheckNodeTest(const NodeTest& test, const Graph& graph, double scale = 1);
// All three.
absl::Status RunNodeTest(const std::filesystem::path& folder);

}  // namespace tilewright
