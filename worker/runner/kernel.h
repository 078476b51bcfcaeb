// A kernel with its arguments in memory: generates inputs, calls, compares, times.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "worker/run_spec.h"

namespace tilewright {

class Kernel {
 public:
  // Loads the library and generates the inputs. On failure `error` says why and Call is forbidden.
  Kernel(const RunSpec& spec, std::string* error);

  void Call();
  // Wall seconds of one call with the cold arguments out of the caches.
  double TimedCall();
  // Empty: the output agrees with the reference file. Else what differs.
  std::string Compare() const;
  // Empty: the output was written to the reference file.
  std::string WriteReference() const;

 private:
  using Function = void (*)(void* const* args, int64_t begin, int64_t end);
  struct Free {
    void operator()(float* p) const;
  };

  void Allocate(size_t index);

  const RunSpec& spec_;
  Function function_ = nullptr;
  std::vector<std::unique_ptr<float[], Free>> buffers_;
  std::vector<int64_t> sizes_;  // elements
  std::vector<void*> args_;
};

}  // namespace tilewright
