// numpy's .npz: a zip of .npy arrays (numpy.lib.format, versions 1.0 and 2.0).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace tilewright {

// One array, row-major, little-endian. `dtype` is numpy's name ("float32"); `data` holds the
// elements' bytes. bfloat16, which numpy lacks, stands in files as two opaque bytes ("V2"), as
// ml_dtypes saves it: array.view(ml_dtypes.bfloat16) reads it back. Texts: text_array.h.
struct NpzArray {
  std::string name;
  std::string dtype;
  std::vector<int64_t> shape;
  std::string data;

  friend bool operator==(const NpzArray&, const NpzArray&) = default;
};

// The arrays in the file's order. NotFound when the file cannot be opened; InvalidArgument names
// the array (not the file) for a damaged one, one whose shape does not take what is packed, Fortran
// order, big-endian or an element type other than bool,
// (u)int8 to (u)int64, float16 to float64, bfloat16 and str. Limits: 1024 arrays, rank 8, 2 GiB an
// array, 4 GiB a file.
absl::StatusOr<std::vector<NpzArray>> ReadNpz(const std::string& path);

// Stored, not deflated; made or replaced. Unavailable with the reason when it cannot
// be written. REQUIRES: names are unique, dtype is one of the above, data fits the shape.
absl::Status WriteNpz(const std::string& path, const std::vector<NpzArray>& arrays);

}  // namespace tilewright
