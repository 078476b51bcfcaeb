// Libraries that take the place of CUDA's in the processes that a test starts, itself included
// where CMake puts the folder into its LD_LIBRARY_PATH (tests/runtime/fake_*.cc).
#pragma once

#include <cstdlib>
#include <string>

namespace tilewright {

// While it lives, processes that start find the libraries of `folder` first.
class FakeLibraries {
 public:
  explicit FakeLibraries(const std::string& folder) {
    setenv("LD_LIBRARY_PATH", folder.c_str(), 1);
  }
  ~FakeLibraries() { unsetenv("LD_LIBRARY_PATH"); }
  FakeLibraries(const FakeLibraries&) = delete;
  FakeLibraries& operator=(const FakeLibraries&) = delete;
};

// While it lives, this process and those that it starts have the variable.
class Variable {
 public:
  Variable(const char* name, const std::string& value) : name_(name) {
    setenv(name, value.c_str(), 1);
  }
  ~Variable() { unsetenv(name_); }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  const char* const name_;
};

// What the fake driver's calls return from now on, in this process and those that it starts:
// "cuInit=34"; empty: success.
inline void PlanCuda(const std::string& calls) { setenv("FAKE_CUDA", calls.c_str(), 1); }

}  // namespace tilewright
