// A loaded package, ready to run: what the C header's tw_model is.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "runtime/choose_plan.h"
#include "runtime/mapped_file.h"
#include "runtime/read_package.h"

namespace tilewright::runtime {

struct ModelOptions {
  int threads = 1;     // >= 1, of a CPU
  bool bind = false;   // see ThreadPool
  std::string device;  // "cpu", "opencl:0", ...; empty: the first of the kind the package is for
};

// Used by one thread at a time. Owns everything its views point to. One of the package's plans is
// current, at first the first.
class Model {
 public:
  virtual ~Model() = default;
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;

  // An input or output and its buffer in this process's memory, of the tensor's shape. `shape` is
  // the user's: smaller where Bind chose a larger plan; `bytes` are those of the shape.
  struct End {
    const PlanTensor* tensor;
    Shape shape;
    char* data;
    size_t bytes;
  };
  const std::vector<End>& inputs() const { return inputs_; }
  const std::vector<End>& outputs() const { return outputs_; }
  const std::vector<ExecutionPlan>& plans() const { return package_.plans; }
  const ExecutionPlan& plan() const { return package_.plans[current_]; }
  size_t weight_bytes() const { return package_.params.size(); }

  // Makes a plan current, with its own shapes. What inputs and outputs held is lost by both.
  // REQUIRES: there is such a plan.
  void Select(size_t plan);
  // Makes the plan current that runs inputs of these shapes. Throws Error as ChoosePlan, and
  // changes nothing then.
  void Bind(const std::map<std::string, Shape>& inputs);

  // Copies an input's `bytes`; what the plan holds beyond them becomes 0. What writes to `data`
  // itself must leave unbound (Select) shapes.
  void SetInput(size_t index, const void* data);

  // Executes the plan's calls in order; afterwards each output's `bytes` are at its `data`.
  // `seconds`, when given, receives the wall time of each of the first `capacity` calls. Throws
  // Error when a device fails.
  void Run(double* seconds = nullptr, size_t capacity = 0);

 protected:
  Model(MappedFile file, Package package) : file_(std::move(file)), package_(std::move(package)) {}

  virtual void Execute(double* seconds, size_t capacity) = 0;

  const Package& package() const { return package_; }
  size_t current() const { return current_; }
  // Where the inputs and outputs of every plan lie: EndBytes at least; selects the first plan.
  void PlaceEnds(char* memory);

 private:
  void SetEnds(size_t plan, const std::vector<Shape>& inputs, const std::vector<Shape>& outputs);

  MappedFile file_;
  Package package_;
  size_t current_ = 0;
  char* ends_ = nullptr;
  std::vector<End> inputs_, outputs_;
};

// Bytes of memory for the inputs and outputs of any one plan, each at a multiple of 64, and where
// in it those of a plan lie (null for other tensors).
size_t EndBytes(const std::vector<ExecutionPlan>& plans);
std::vector<char*> PlacesOfEnds(const ExecutionPlan& plan, char* memory);

// Throws Error: see ReadPackage; INVALID_ARGUMENT when the package is for another kind of device
// than asked, UNAVAILABLE when the device or its driver is missing.
std::unique_ptr<Model> OpenModel(const std::string& path, const ModelOptions& options);

}  // namespace tilewright::runtime
