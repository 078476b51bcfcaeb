// The inputs of a compiled model for `tilewright run`: from files or made up.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "cli/npz/npz.h"
#include "cli/run/input_files.h"
#include "runtime/include/tilewright.h"

namespace tilewright {

struct FreeModel {
  void operator()(tw_model* model) const { tw_free(model); }
};
using ModelHandle = std::unique_ptr<tw_model, FreeModel>;

// A code of the C interface with its text.
absl::Status StatusOf(tw_status status);

// The inputs that the model takes. Internal for an element type that this program does not know.
absl::StatusOr<std::vector<NamedInput>> InputsOf(const tw_model* model);

// Hands every array to the input of its name. InvalidArgument, before anything is set, unless the
// arrays' names, types and shapes are exactly those of the inputs; the message tells both sides.
absl::Status SetInputs(tw_model* model, const std::vector<NpzArray>& arrays);

// "zeros", "ones" or "random": floats uniform in [0, 1); integers 0 or 1, which are valid as
// indices, masks and segment ids alike. REQUIRES: one of these modes.
absl::Status FillInputs(tw_model* model, const std::string& mode, uint64_t seed);

// The names that an output's numbers stand for; empty where there are none (tilewright.h).
std::vector<std::string> ClassesOf(const tw_model* model, size_t output);

// The outputs after a run, under the model's names; strings as texts. The names of the columns of
// "y" follow it as "y.classes".
inline constexpr char kClassesOf[] = ".classes";
absl::StatusOr<std::vector<NpzArray>> GetOutputs(const tw_model* model);

}  // namespace tilewright
