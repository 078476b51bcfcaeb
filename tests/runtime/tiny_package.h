// A package made without the compiler: y = 2 x + w with w = 0, 1, 2, ...
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "runtime/package.h"

namespace tilewright {

inline constexpr int64_t kTinySize = 1000;

Manifest TinyManifest();
ExecutionPlan TinyPlan(int64_t rows = 10);
std::string TinyParams();
std::string TinyKernels();  // bytes of the shared library
// All of them in one.
std::string TinyPackage();
// With plans for 2, 4 and 10 rows; runs may have fewer.
std::vector<ExecutionPlan> TinyPlans();
std::string TinyShapesPackage();

// The same with other text in mod.json, checksums right.
std::string PackageWithPlan(const std::string& plan_json);

// A file that is removed with this object.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& contents);
  ~TemporaryFile();
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace tilewright
