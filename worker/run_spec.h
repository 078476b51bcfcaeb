// What the runner is told: one kernel, its arguments, the check and the timing. Written by the
// worker, read by the runner from its standard input. Depends on no library, as the runner does.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "compiler/core/dtype.h"
#include "compiler/core/launch.h"

namespace tilewright {

// A dense array. A padded dimension (blocked layouts) has elements that are no data:
// those with outer * extent(inner) + inner >= limit. They are zero in inputs and unchecked in
// outputs. inner < 0: only `outer` counts.
struct PaddedDim {
  int outer = 0, inner = -1;
  int64_t limit = 0;
};
struct RunArgument {
  DType dtype = DType::kF32;
  std::vector<int64_t> shape;
  std::vector<PaddedDim> padded;
  bool cold = false;     // not in cache when a timed call starts: a weight
  double amplitude = 1;  // an input's floats are filled uniformly in [-amplitude, amplitude)
};

// A call of void symbol(void* const* args, int64_t begin, int64_t end) with begin 0 and end
// `extent`, or a device's kernel started as `launch` says; operands by number: first the arguments,
// then the buffers.
struct RunCall {
  std::string symbol;
  int64_t extent = 1;
  Launch launch;
  std::vector<int> operands;
};

// Memory between calls.
struct RunBuffer {
  int64_t bytes = 0;
  bool cold = false;  // prepared from a cold argument
};

struct RunSpec {
  std::string library;           // path of the shared library, or of a device's module
  std::vector<RunCall> prepare;  // once, before anything else
  std::vector<RunCall> calls;    // what is checked and timed
  std::vector<RunBuffer> buffers;
  uint64_t seed = 0;
  std::string token;                   // a word that results begin with, unknown to the kernel
  bool require_sandbox = false;        // refuse to run the kernel where it cannot be confined
  std::vector<RunArgument> arguments;  // the last is the output
  // Expected output: written by a run with write_reference (which times nothing), else compared.
  std::string reference;
  bool write_reference = false;
  double tolerance = 0;  // largest |got - want| accepted, relative to the largest |want|
  uint32_t min_samples = 3, max_samples = 50;
  double sampling_seconds = 0.015;
  uint32_t sample_calls = 1;  // at least; a sample is their mean
  double sample_seconds = 0;  // that the calls of a sample take together, at least
  double drop_seconds = 0;    // a first timed call longer than this stays the only one; 0: never
  double flops = 0;           // of a call, by the definition; 0: unknown
  int64_t memory_bytes = 0;   // of address space, beside what threads need
  double cpu_seconds = 0;     // of each thread
  int64_t file_bytes = 0;     // largest file it may write
  std::vector<int> cores;     // empty: any
  std::vector<int> ahead;     // where it is prepared until its turn on `cores`; empty: there, too
  int threads = 1;            // that share each call's extent; at most one a core is sensible
};

// The line behind a spec where more may be said, or waited for, on the same stream.
inline constexpr char kEndOfSpec[] = "end\n";

// The line that a prepared runner waits for: its turn has come. So many seconds are spare, from the
// first call on and while standard input is open: sampling goes on until then, and also of a
// candidate that would have been dropped; beyond max_samples quantiles of all are kept. Without the
// newline; at most kMostGoBytes. REQUIRES: 0 <= spare_seconds <= kMostSpareSeconds.
inline constexpr double kMostSpareSeconds = 3600;
inline constexpr size_t kMostGoBytes = 64;
std::string GoLine(double spare_seconds);
// The seconds; nullopt: not such a line.
std::optional<double> ParseGoLine(const std::string& line);

std::string ToText(const RunSpec& spec);
// nullopt: not a spec.
std::optional<RunSpec> ParseRunSpec(const std::string& text);

}  // namespace tilewright
