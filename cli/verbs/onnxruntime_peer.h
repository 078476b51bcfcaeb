// ONNX Runtime beside our packages: the user's Python runs a model in a process of its own.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cli/npz/npz.h"
#include "worker/pipeline/private_folder.h"
#include "worker/process/child.h"

namespace tilewright {

// What it is to run. `input_values` are those of the inputs that `inputs` lack ("rate=16000").
struct PeerModel {
  std::string model;
  std::vector<NpzArray> inputs;
  std::vector<std::string> input_values = {};
  int threads = 1;
};

class OnnxRuntimePeer {
 public:
  // Loads the model by `python3` of the PATH, on its CPU provider, and runs it once. Unavailable
  // where Python, numpy or onnxruntime is missing; InvalidArgument with its reason where it refuses
  // the model or the inputs.
  static absl::StatusOr<OnnxRuntimePeer> Start(const PeerModel& what);

  const std::string& version() const { return version_; }
  // Of the run at the start, by the model's names. A sequence of maps "y" is rows, and the maps'
  // keys are the texts "y.classes".
  absl::StatusOr<std::vector<NpzArray>> Outputs() const;
  // Runs it again; its seconds.
  absl::StatusOr<double> Run();

 private:
  OnnxRuntimePeer(std::unique_ptr<PrivateFolder> folder, Child child)
      : folder_(std::move(folder)), child_(std::move(child)) {}

  absl::StatusOr<std::string> Answer();
  absl::Status AwaitStart();

  std::unique_ptr<PrivateFolder> folder_;
  Child child_;
  std::string version_;
};

}  // namespace tilewright
