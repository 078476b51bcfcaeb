// A model compiled for this machine with tensors inside it made visible, and calibration data to
// run it on.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cli/run/model_inputs.h"
#include "compiler/onnx/import.h"
#include "compiler/onnx/onnx.pb.h"

namespace tilewright {

// One array an input of the model.
using Sample = std::vector<NpzArray>;

class ObservedModel {
 public:
  // Compiles with default schedules that round as direct summation does. `tensors` are of the main
  // graph. Errors: see ImportOnnx.
  static absl::StatusOr<ObservedModel> Make(const onnx::ModelProto& model,
                                            const std::vector<std::string>& tensors,
                                            const ImportOptions& options);

  // The samples in the arrays of one file: an input's array has the input's shape, or several such
  // blocks behind one another in its first dimension (images of a model of batch 1, say).
  // InvalidArgument tells both sides.
  absl::StatusOr<std::vector<Sample>> Split(const std::vector<NpzArray>& arrays) const;

  // The values of `tensors`, in order, after a run.
  absl::StatusOr<std::vector<std::vector<float>>> Run(const Sample& sample);

 private:
  ObservedModel(ModelHandle model, size_t observed)
      : model_(std::move(model)), observed_(observed) {}

  ModelHandle model_;
  size_t observed_;  // the last outputs
};

}  // namespace tilewright
