// Kernels in C whose runs are observed: the libraries are made by cc, the runner is the real one.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>

#include "tests/paths.h"
#include "worker/pipeline/private_folder.h"
#include "worker/process/run_kernel.h"

namespace tilewright {

inline constexpr char kRunner[] = TILEWRIGHT_BIN_DIR "/tilewright-runner";

inline std::string KernelHeaders() {
  return "#include <math.h>\n#include <signal.h>\n#include <stdint.h>\n#include <stdio.h>\n"
         "#include <stdlib.h>\n#include <string.h>\n#include <unistd.h>\n"
         "#include <fcntl.h>\n#include <sys/mman.h>\n#include <sys/ptrace.h>\n"
         "#include <sys/socket.h>\n";
}

// out[i] = a[i] + 2 b[i] on 4096 elements, with `extra` executed first.
inline std::string KernelSource(const std::string& extra) {
  return "void k(void* const* args, int64_t begin, int64_t end) {\n"
         "  const float *a = args[0], *b = args[1];\n  float* out = args[2];\n" +
         extra + "  for (int64_t i = begin; i < end; ++i) out[i] = a[i] + 2 * b[i];\n}\n";
}

class RunKernelTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = PrivateFolder::Make(::testing::TempDir()).value();
    spec_.calls = {{.symbol = "k", .extent = 4096, .operands = {0, 1, 2}}};
    spec_.tolerance = 1e-4;
    spec_.seed = 3;
    spec_.arguments = {{.shape = {64, 64}}, {.shape = {64, 64}, .cold = true}, {.shape = {4096}}};
    spec_.reference = folder_->path() + "/reference.bin";
    spec_.sampling_seconds = 0.001;
    spec_.memory_bytes = 1 << 30;
    spec_.cpu_seconds = 5;
    spec_.file_bytes = 1 << 20;
    spec_.library = Library("");
    spec_.write_reference = true;
    const Outcome outcome = RunKernel(kRunner, spec_, 10).value();
    ASSERT_EQ(std::get_if<Failure>(&outcome), nullptr) << std::get<Failure>(outcome).message;
    spec_.write_reference = false;
  }

  // `before` comes before the kernel.
  std::string Library(const std::string& extra, const std::string& before = "") {
    const std::string stem = folder_->path() + "/k" + std::to_string(libraries_++);
    std::ofstream(stem + ".c") << KernelHeaders() << before << KernelSource(extra);
    const std::string command = "cc -O1 -shared -fPIC -w -o " + stem + ".so " + stem + ".c -lm";
    EXPECT_EQ(std::system(command.c_str()), 0);
    return stem + ".so";
  }

  Outcome Run(const std::string& extra, double limit = 10) {
    spec_.library = Library(extra);
    return RunKernel(kRunner, spec_, limit).value();
  }

  static FailureKind KindOf(const Outcome& outcome) {
    const auto* failure = std::get_if<Failure>(&outcome);
    return failure ? failure->kind : FailureKind::kUnknown;
  }

  std::unique_ptr<PrivateFolder> folder_;
  RunSpec spec_;
  int libraries_ = 0;
};

}  // namespace tilewright
