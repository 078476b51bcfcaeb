#include <algorithm>
#include <cstring>

#include "compiler/loop/interpret_step.h"

namespace tilewright::interpret {

void StoreLate(const Access& access, int64_t at, size_t bytes, Frame& frame) {
  LateStore late{.slot = access.slot, .at = at, .bytes = bytes, .group = frame.groups};
  std::byte* element = frame.buffers[access.slot] + at * static_cast<int64_t>(bytes);
  std::memcpy(late.value.data(), element, bytes);
  std::memset(element, 0xff, bytes);
  frame.late.push_back(late);
}

void RunAsyncCommit(const Step&, Frame& frame) { ++frame.groups; }

void RunAsyncWait(const Step& step, Frame& frame) {
  const int64_t landing = frame.groups - static_cast<int64_t>(step.slot);
  const auto rest = std::find_if(frame.late.begin(), frame.late.end(),
                                 [&](const LateStore& late) { return late.group >= landing; });
  for (auto late = frame.late.begin(); late != rest; ++late) {
    std::byte* to = frame.buffers[late->slot] + late->at * static_cast<int64_t>(late->bytes);
    std::memcpy(to, late->value.data(), late->bytes);
    if (frame.races != nullptr &&
        !frame.races->Touch(late->slot, late->at, frame.thread, /*write=*/true)) {
      frame.failed = true;
      frame.failure = absl::FailedPreconditionError(
          "an asynchronous store lands where another thread reads or writes");
      return;
    }
  }
  frame.late.erase(frame.late.begin(), rest);
}

}  // namespace tilewright::interpret
