// numpy's .npz: a zip of .npy arrays (numpy.lib.format, versions 1.0 and 2.0).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace tilewright {

// One array, row-major, little-endian. `dtype` is numpy's name ("float32"); `data` holds the
// elements' bytes.
struct NpzArray {
  std::string name;
  std::string dtype;
  std::vector<int64_t> shape;
  std::string data;

  friend bool operator==(const NpzArray&, const NpzArray&) = default;
};

// The arrays in the file's order. NotFound when the file cannot be opened; InvalidArgument names
// the array for a damaged one, Fortran order, big-endian or an element type other than bool,
// (u)int8, int16, int32, int64, float32, float64. Limits: 1024 arrays, rank 8, 2 GiB an array.
absl::StatusOr<std::vector<NpzArray>> ReadNpz(const std::string& path);

// Stored, not deflated; made or replaced. Unavailable with the reason when it cannot
// be written. REQUIRES: names are unique, dtype is one of the above, data fits the shape.
absl::Status WriteNpz(const std::string& path, const std::vector<NpzArray>& arrays);

}  // namespace tilewright
