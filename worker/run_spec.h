// What the runner is told: one kernel, its arguments, the check and the timing. Written by the
// worker, read by the runner from its standard input. Depends on nothing, as the runner does.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tilewright {

// A dense float32 array. A padded dimension (blocked layouts) has elements that are no data:
// those with outer * extent(inner) + inner >= limit. They are zero in inputs and unchecked in
// outputs. inner < 0: only `outer` counts.
struct PaddedDim {
  int outer = 0, inner = -1;
  int64_t limit = 0;
};
struct RunArgument {
  std::vector<int64_t> shape;
  std::vector<PaddedDim> padded;
  bool cold = false;  // not in cache when a timed call starts: a weight
};

struct RunSpec {
  std::string library;  // path of the shared library
  std::string symbol;   // void symbol(void* const* args, int64_t begin, int64_t end)
  int64_t extent = 1;
  uint64_t seed = 0;
  std::vector<RunArgument> arguments;  // the last is the output
  // Expected output: written by a run with write_reference (which times nothing), else compared.
  std::string reference;
  bool write_reference = false;
  uint32_t min_samples = 3, max_samples = 50;
  double sampling_seconds = 0.015;
  double drop_seconds = 0;   // a first timed call longer than this stays the only one; 0: never
  int64_t memory_bytes = 0;  // of address space
  double cpu_seconds = 0;
  int64_t file_bytes = 0;  // largest file it may write
  std::vector<int> cores;  // empty: any
};

// Largest |got - want| accepted, relative to the largest |want|: float32 sums of a few thousand
// terms in another order differ by some 1e-6; a wrong kernel by far more.
inline constexpr double kTolerance = 1e-4;

std::string ToText(const RunSpec& spec);
// nullopt: not a spec.
std::optional<RunSpec> ParseRunSpec(const std::string& text);

}  // namespace tilewright
