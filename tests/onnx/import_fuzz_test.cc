// The models of ONNX's node tests, damaged: whatever the bytes, the importer answers with a graph
// or a status. Other models: tests/fuzz/onnx_model.cc.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "base/rng.h"
#include "compiler/onnx/import.h"

namespace tilewright {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kSeed = 20240607;
constexpr int kVariants = 30;

std::string Damage(std::string bytes, Rng& rng) {
  const uint64_t edits = 1 + rng.Below(3);
  for (uint64_t i = 0; i < edits; ++i) {
    bytes[rng.Below(bytes.size())] = static_cast<char>(rng.Next());
  }
  return bytes;
}

void ImportDamaged(const std::string& bytes, Rng& rng) {
  for (int i = 0; i < kVariants; ++i) {
    const absl::StatusOr<Graph> graph = ImportOnnx(Damage(bytes, rng), {});
    if (!graph.ok()) {
      EXPECT_TRUE(absl::IsInvalidArgument(graph.status()) || absl::IsUnimplemented(graph.status()))
          << graph.status();
    }
  }
}

TEST(ImportDamaged, OnnxNodeTestModelsNeverCrash) {
  const fs::path root = "/usr/include/onnx/backend/test/data/node";
  ASSERT_TRUE(fs::exists(root)) << "install libonnx-testdata (scripts/setup)";
  std::vector<fs::path> folders;
  for (const auto& entry : fs::directory_iterator(root)) folders.push_back(entry.path());
  std::sort(folders.begin(), folders.end());
  Rng rng(kSeed);
  SCOPED_TRACE(kSeed);
  for (const fs::path& folder : folders) {
    SCOPED_TRACE(folder.string());
    std::ifstream file(folder / "model.onnx", std::ios::binary);
    ImportDamaged({std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()}, rng);
  }
}

}  // namespace
}  // namespace tilewright
