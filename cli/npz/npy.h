// One array of an .npz: the .npy format.
#pragma once

#include <string>
#include <string_view>

#include "cli/npz/npz.h"

namespace tilewright {

// InvalidArgument for anything ReadNpz refuses; `name` is the array's, for messages.
absl::StatusOr<NpzArray> ParseNpy(const std::string& name, std::string_view bytes);

// Whether an array of `total` bytes that begins with `head` is one, by its header, which must lie
// in `head`: asked before the rest is read.
absl::Status CheckNpySize(const std::string& name, std::string_view head, size_t total);

// The format's version 1.0, data at a multiple of 64.
std::string FormatNpy(const NpzArray& array);

}  // namespace tilewright
