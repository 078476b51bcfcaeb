// Compiling for tests, and compiled packages as the runtime loads them.
#pragma once

#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "base/rng.h"
#include "compiler/driver/compile_model.h"
#include "compiler/targets/target_backend.h"
#include "gtest/gtest.h"
#include "runtime/model.h"

namespace tilewright {

inline CompileModelOptions HostOptions() { return {.target = ResolveTarget({}).value()}; }

// REQUIRES: the graph compiles; else the test fails and ends.
inline CompiledModel Compile(const Graph& graph, const CompileModelOptions& options) {
  absl::StatusOr<CompiledModel> compiled = CompileModel(graph, options);
  EXPECT_TRUE(compiled.ok()) << compiled.status();
  return *std::move(compiled);
}

// Unique to this process; nothing is made there.
inline std::string TempPath(const std::string& name) {
  return testing::TempDir() + "/tilewright_" + std::to_string(getpid()) + "_" + name;
}

// A package in a file that is removed when the test is done with it.
class LoadedPackage {
 public:
  explicit LoadedPackage(const CompiledModel& compiled, const std::string& device = "")
      : path_(TempPath("model.tar")) {
    std::ofstream file(path_, std::ios::binary);
    WritePackage(compiled, [&](std::string_view part) { file << part; });
    file.close();
    model_ = runtime::OpenModel(path_, runtime::ModelOptions{.threads = 2, .device = device});
  }
  ~LoadedPackage() { std::filesystem::remove(path_); }
  runtime::Model& model() { return *model_; }

  // Outputs for the inputs that graph_testing::Evaluate draws from the same seed.
  std::vector<Tensor> Run(uint64_t seed = 7) {
    Rng rng(seed);
    for (const auto& input : model_->inputs()) {
      for (size_t i = 0; i < input.bytes / sizeof(float); ++i) {
        reinterpret_cast<float*>(input.data)[i] = static_cast<float>(rng.Uniform(-1, 1));
      }
    }
    model_->Run();
    std::vector<Tensor> outputs;
    for (const auto& output : model_->outputs()) {
      outputs.emplace_back(TensorType{DType::kF32, output.tensor->shape});
      std::memcpy(outputs.back().data(), output.data, output.bytes);
    }
    return outputs;
  }

 private:
  std::string path_;
  std::unique_ptr<runtime::Model> model_;
};

}  // namespace tilewright
