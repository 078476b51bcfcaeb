#include "tests/runtime/tiny_package.h"

#include <unistd.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "runtime/crc32c.h"

namespace tilewright {

Manifest TinyManifest() { return {.model = "tiny", .target = "cpu", .created_by = "test"}; }

ExecutionPlan TinyPlan(int64_t rows) {
  const int64_t columns = kTinySize / 10, size = rows * columns;
  const std::vector<int64_t> shape = {rows, columns};
  ExecutionPlan plan;
  plan.arena_bytes = 64 + kTinySize * 4;
  plan.tensors = {{"x", "float32", "input", shape, 0},
                  {"doubled", "float32", "arena", shape, 64},
                  {"w", "float32", "param", shape, 128},
                  {"y", "float32", "output", shape, 0}};
  plan.inputs = {0};
  plan.outputs = {3};
  plan.calls = {{"double_it", "double", {0, 1}, size},
                {"add", "bias", {1, 2, 3}, size, "plain", 20}};
  return plan;
}

std::vector<ExecutionPlan> TinyPlans() {
  std::vector<ExecutionPlan> plans;
  for (const int64_t rows : {2, 10, 4}) {
    plans.push_back(TinyPlan(rows));
    plans.back().padding = {{.inputs = {0}, .outputs = {0}}};
    plans.back().unpadded = {"dimension 1 of input x cannot be padded: a test says so"};
  }
  return plans;
}

std::string TinyParams() {
  std::string bytes(128, '\0');
  for (int64_t i = 0; i < kTinySize; ++i) {
    const auto value = static_cast<float>(i);
    bytes.append(reinterpret_cast<const char*>(&value), sizeof(value));
  }
  return bytes;
}

std::string TinyKernels() {
  std::ostringstream bytes;
  bytes << std::ifstream(TILEWRIGHT_TINY_KERNELS, std::ios::binary).rdbuf();
  return bytes.str();
}

std::string TinyPackage() {
  return WritePackage(TinyManifest(), {TinyPlan()}, TinyParams(), TinyKernels());
}

std::string TinyShapesPackage() {
  return WritePackage(TinyManifest(), TinyPlans(), TinyParams(), TinyKernels());
}

std::string PackageWithPlan(const std::string& plan_json) {
  const std::string params = TinyParams(), so = TinyKernels();
  nlohmann::json manifest = nlohmann::json::parse(ToJson(TinyManifest()));
  manifest["crc32c"] = {{"mod.json", runtime::Crc32c(plan_json)},
                        {"mod.params", runtime::Crc32c(params)},
                        {"mod.so", runtime::Crc32c(so)}};
  const std::string manifest_json = manifest.dump();
  return WriteTar({{"manifest.json", manifest_json},
                   {"mod.json", plan_json},
                   {"mod.params", params},
                   {"mod.so", so}});
}

TemporaryFile::TemporaryFile(const std::string& contents) {
  std::string name = std::filesystem::temp_directory_path() / "tilewright-test-XXXXXX";
  close(mkstemp(name.data()));
  path_ = name;
  std::ofstream(path_, std::ios::binary) << contents;
}

TemporaryFile::~TemporaryFile() { std::filesystem::remove(path_); }

}  // namespace tilewright
