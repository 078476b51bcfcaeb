#include "compiler/targets/support/host_kernel.h"

#include <dlfcn.h>

#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace tilewright {

void HostKernel::Unload::operator()(void* library) const { dlclose(library); }

absl::StatusOr<HostKernel> HostKernel::Load(const std::string& so, const std::string& symbol) {
  HostKernel kernel;
  TW_RETURN_IF_ERROR(kernel.file_->Write(so));
  kernel.library_.reset(dlopen(kernel.file_->path().c_str(), RTLD_NOW | RTLD_LOCAL));
  if (kernel.library_ == nullptr) {
    return absl::InternalError(absl::StrCat("cannot load a compiled kernel: ", dlerror()));
  }
  kernel.function_ = reinterpret_cast<Function>(dlsym(kernel.library_.get(), symbol.c_str()));
  if (kernel.function_ == nullptr) {
    return absl::InternalError(absl::StrCat("the compiled library has no function ", symbol));
  }
  return kernel;
}

void HostKernel::Run(std::span<Tensor> args, int64_t begin, int64_t end) const {
  std::vector<void*> pointers;
  for (Tensor& arg : args) pointers.push_back(arg.data());
  function_(pointers.data(), begin, end);
}

}  // namespace tilewright
