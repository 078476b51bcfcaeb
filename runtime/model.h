// A loaded package, ready to run: what the C header's tw_model is.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "runtime/mapped_file.h"
#include "runtime/read_package.h"

namespace tilewright::runtime {

struct ModelOptions {
  int threads = 1;     // >= 1, of a CPU
  bool bind = false;   // see ThreadPool
  std::string device;  // "cpu", "opencl:0", ...; empty: the first of the kind the package is for
};

// Used by one thread at a time. Owns everything its views point to.
class Model {
 public:
  virtual ~Model() = default;
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;

  // An input or output and its buffer in this process's memory.
  struct End {
    const PlanTensor* tensor;
    char* data;
    size_t bytes;
  };
  const std::vector<End>& inputs() const { return inputs_; }
  const std::vector<End>& outputs() const { return outputs_; }
  const ExecutionPlan& plan() const { return package_.plan; }
  size_t weight_bytes() const { return package_.params.size(); }

  // Executes the plan's calls in order. `seconds`, when given, receives the wall time of each of
  // the first `capacity` calls. Throws Error when a device fails.
  virtual void Run(double* seconds = nullptr, size_t capacity = 0) = 0;

 protected:
  Model(MappedFile file, Package package) : file_(std::move(file)), package_(std::move(package)) {}

  const Package& package() const { return package_; }
  // Lists the ends; places[i] is where tensor i lies, for inputs and outputs.
  void SetEnds(const std::vector<char*>& places);

 private:
  MappedFile file_;
  Package package_;
  std::vector<End> inputs_, outputs_;
};

// Bytes of memory for the plan's inputs and outputs, each at a multiple of 64, and where in it (for
// them; null for other tensors) each lies.
size_t EndBytes(const ExecutionPlan& plan);
std::vector<char*> PlacesOfEnds(const ExecutionPlan& plan, char* memory);

// Throws Error: see ReadPackage; INVALID_ARGUMENT when the package is for another kind of device
// than asked, UNAVAILABLE when the device or its driver is missing.
std::unique_ptr<Model> OpenModel(const std::string& path, const ModelOptions& options);

}  // namespace tilewright::runtime
