// The files that a user gives for a model's inputs: .npz, .npy, PNG and JPEG, told apart by their
// first bytes.
#pragma once

#include <string>
#include <vector>

#include "cli/npz/npz.h"
#include "cli/run/image_array.h"

namespace tilewright {

struct NamedInput {
  std::string name;
  TensorType type;
};

// Each of `files` is "FILE" or "INPUT=FILE". An .npz names its arrays; an .npy or an image is for
// the input named, or for the only one; images of one input are its batch, in the order given.
// InvalidArgument names the file and says what is wrong with it; whether the arrays are those of
// the inputs is SetInputs' to say. Limit: 2 GiB a file.
absl::StatusOr<std::vector<NpzArray>> ReadInputFiles(const std::vector<std::string>& files,
                                                     const std::vector<NamedInput>& inputs,
                                                     const ImageOptions& options);

}  // namespace tilewright
