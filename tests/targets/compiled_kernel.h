// Compiles programs for this machine and runs them beside the interpreter, for tests.
#pragma once

#include <cmath>
#include <cstring>
#include <vector>

#include "base/rng.h"
#include "base/status_macros.h"
#include "compiler/core/tensor.h"
#include "compiler/loop/interpret.h"
#include "compiler/loop/verify.h"
#include "compiler/targets/support/host_kernel.h"
#include "compiler/targets/target_backend.h"
#include "gtest/gtest.h"

namespace tilewright {

inline const Target& HostTarget() {
  static const Target host = *ResolveTarget(Target{});
  return host;
}

inline absl::StatusOr<std::string> CompileForCpu(const Target& target,
                                                 const std::vector<Program>& programs,
                                                 const CompileOptions& options = {}) {
  for (const Program& program : programs) TW_RETURN_IF_ERROR(Verify(program));
  TW_ASSIGN_OR_RETURN(const TargetBackend* backend, FindTarget("cpu"));
  return backend->CompileLibrary(programs, target, options);
}

inline absl::StatusOr<std::string> CompileForHost(const std::vector<Program>& programs,
                                                  const CompileOptions& options = {}) {
  return CompileForCpu(HostTarget(), programs, options);
}

// Floats in [-2, 2), integers in [-9, 9] (or [0, 9]), booleans.
inline Tensor RandomTensor(const TensorType& type, Rng& rng) {
  Tensor tensor(type);
  for (int64_t i = 0; i < tensor.size(); ++i) {
    const int64_t integer = static_cast<int64_t>(rng.Below(19)) - 9;
    if (IsFloat(type.dtype)) {
      tensor.Set(i, rng.Uniform(-2, 2));
    } else if (type.dtype == DType::kBool) {
      tensor.Set(i, static_cast<double>(rng.Below(2)));
    } else {
      tensor.Set(i, static_cast<double>(IsUnsigned(type.dtype) ? std::abs(integer) : integer));
    }
  }
  return tensor;
}

inline std::vector<Tensor> RandomArguments(const Program& program, Rng& rng) {
  std::vector<Tensor> args;
  for (const Buffer& buffer : program.params) {
    args.push_back(RandomTensor({buffer->dtype, buffer->shape}, rng));
  }
  return args;
}

inline std::vector<Tensor> CopyOf(const std::vector<Tensor>& tensors) {
  std::vector<Tensor> copies;
  for (const Tensor& tensor : tensors) {
    std::memcpy(copies.emplace_back(tensor.type()).data(), tensor.data(), tensor.bytes());
  }
  return copies;
}

// Equal up to `tolerance`, relative above 1; NaN equals NaN.
inline void ExpectClose(const Tensor& got, const Tensor& want, double tolerance) {
  ASSERT_EQ(got.type(), want.type());
  for (int64_t i = 0; i < want.size(); ++i) {
    const double x = got.AsDouble(i), y = want.AsDouble(i);
    if (x == y || (std::isnan(x) && std::isnan(y))) continue;
    ASSERT_LE(std::abs(x - y), tolerance * std::max(1.0, std::abs(y)))
        << "element " << i << ": " << x << ", expected " << y;
  }
}

// The output of the program, compiled in library `so`, is that of the interpreter.
inline void ExpectAsInterpreted(const std::string& so, const Program& program,
                                std::vector<Tensor> args, double tolerance) {
  std::vector<Tensor> expected = CopyOf(args);
  ASSERT_TRUE(Interpret(program, expected).ok()) << Interpret(program, expected);
  const absl::StatusOr<HostKernel> kernel = HostKernel::Load(so, program.name);
  ASSERT_TRUE(kernel.ok()) << kernel.status();
  kernel->Run(args, 0, program.ParallelExtent());
  ExpectClose(args.back(), expected.back(), tolerance);
}

}  // namespace tilewright
