#include "worker/runner/kernel.h"

#include <dlfcn.h>
#include <sys/mman.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>

#include "worker/runner/cache.h"
#include "worker/runner/inputs.h"

namespace tilewright {
namespace {

constexpr int64_t kHugePage = 2 << 20;

int64_t Elements(const RunArgument& argument) {
  int64_t count = 1;
  for (const int64_t dim : argument.shape) count *= dim;
  return count;
}

std::vector<float> ReadFloats(const std::string& path, int64_t count) {
  std::vector<float> values(count);
  std::ifstream in(path, std::ios::binary);
  in.read(reinterpret_cast<char*>(values.data()), count * sizeof(float));
  if (in.gcount() != static_cast<std::streamsize>(count * sizeof(float))) values.clear();
  return values;
}

}  // namespace

void Kernel::Free::operator()(float* p) const { std::free(p); }

// Aligned as the calling convention asks; large ones to huge pages, as the runtime's arena is.
void Kernel::Allocate(size_t index) {
  const int64_t bytes = sizes_[index] * static_cast<int64_t>(sizeof(float));
  const int64_t align = bytes >= kHugePage ? kHugePage : 64;
  const int64_t rounded = (bytes + align - 1) / align * align;
  auto* memory = static_cast<float*>(std::aligned_alloc(align, rounded));
  if (memory && align == kHugePage) madvise(memory, rounded, MADV_HUGEPAGE);
  buffers_.emplace_back(memory);
  args_.push_back(memory);
}

Kernel::Kernel(const RunSpec& spec, std::string* error) : spec_(spec) {
  void* library = dlopen(spec.library.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    *error = dlerror();
    return;
  }
  function_ = reinterpret_cast<Function>(dlsym(library, spec.symbol.c_str()));
  if (!function_) {
    *error = "the library has no symbol " + spec.symbol;
    return;
  }
  for (size_t i = 0; i < spec.arguments.size(); ++i) {
    sizes_.push_back(Elements(spec.arguments[i]));
    Allocate(i);
    if (!args_.back()) {
      *error = "not enough memory for the arguments";
      return;
    }
    float* data = buffers_[i].get();
    if (i + 1 == spec.arguments.size()) {
      // A kernel that leaves an element out must not look right by accident.
      std::fill_n(data, sizes_[i], std::nanf(""));
    } else {
      FillUniform(data, sizes_[i], spec.seed + i);
      ZeroPadding(data, spec.arguments[i]);
    }
  }
}

void Kernel::Call() { function_(args_.data(), 0, spec_.extent); }

double Kernel::TimedCall() {
  for (size_t i = 0; i < args_.size(); ++i) {
    if (spec_.arguments[i].cold) EvictFromCaches(args_[i], sizes_[i] * sizeof(float));
  }
  const auto start = std::chrono::steady_clock::now();
  Call();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

std::string Kernel::Compare() const {
  const int64_t count = sizes_.back();
  const std::vector<float> want = ReadFloats(spec_.reference, count);
  if (want.empty()) return "cannot read the reference output";
  const float* got = buffers_.back().get();
  const PaddingMask mask(spec_.arguments.back());
  double scale = 0, worst = 0;
  int64_t at = -1;
  for (int64_t i = 0; i < count; ++i) {
    if (mask.IsPadding(i)) continue;
    scale = std::max(scale, std::fabs(static_cast<double>(want[i])));
    const double error = std::fabs(static_cast<double>(got[i]) - want[i]);
    if (!(error <= worst)) {  // true for NaN too
      worst = error;
      at = i;
      if (std::isnan(error)) break;
    }
  }
  if (worst <= kTolerance * scale) return "";
  char text[200];
  std::snprintf(text, sizeof(text),
                "element %lld is %.9g where %.9g is expected; allowed error %.3g",
                static_cast<long long>(at), got[at], want[at], kTolerance * scale);
  return text;
}

std::string Kernel::WriteReference() const {
  std::ofstream out(spec_.reference, std::ios::binary);
  out.write(reinterpret_cast<const char*>(buffers_.back().get()),
            sizes_.back() * static_cast<int64_t>(sizeof(float)));
  out.close();
  return out ? "" : "cannot write " + spec_.reference;
}

}  // namespace tilewright
