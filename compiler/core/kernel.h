// What a task is once compiled: a library and the calls that run it. A value.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "compiler/core/launch.h"
#include "compiler/core/tensor.h"

namespace tilewright {

// One call of a kernel over operands by number: first the task's arguments (ArgumentTypes of its
// workload), then its buffers. The last operand is the one that is written.
struct KernelCall {
  std::string symbol;
  int64_t extent = 1;  // of the kernel's parallel loop; on a GPU 1
  Launch launch;       // on a GPU
  std::vector<int> operands;
};

struct CompiledTask {
  std::string so;                   // what the target's CompileLibrary gives
  std::vector<TensorType> buffers;  // operands beyond the task's arguments
  // Run once for given weights, in order; what they write stays as it is.
  std::vector<KernelCall> prepare;
  std::vector<KernelCall> calls;  // run each time, in order
  // Largest |got - want| accepted, relative to the largest |want|; 0 for integers.
  double tolerance = 0;
  // Of a thread of the largest kernel, as the compiler says (cuda); 0 elsewhere. Spilled: registers
  // that it keeps in memory.
  int registers = 0, spilled_bytes = 0;
};

// The largest relative difference between float32 sums of a few thousand terms in different
// orders is some 1e-6; a wrong kernel differs by far more.
inline constexpr double kDirectTolerance = 1e-4;

}  // namespace tilewright
