#include "tests/simulation/fiber.h"

#include <cstdint>
#include <utility>

#include "base/check.h"

#if defined(__SANITIZE_ADDRESS__)
#define TILEWRIGHT_ADDRESS_SANITIZER
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define TILEWRIGHT_ADDRESS_SANITIZER
#endif
#endif
#ifdef TILEWRIGHT_ADDRESS_SANITIZER
#include <sanitizer/common_interface_defs.h>
#endif

namespace tilewright {
namespace {

// It has to be told of each change of stacks, before and after it. `kept`: of the stack that is
// left; null: for good.
#ifdef TILEWRIGHT_ADDRESS_SANITIZER
void BeforeSwitch(void** kept, const void* stack, size_t bytes) {
  __sanitizer_start_switch_fiber(kept, stack, bytes);
}
void AfterSwitch(void* kept, const void** from, size_t* bytes) {
  __sanitizer_finish_switch_fiber(kept, from, bytes);
}
#else
void BeforeSwitch(void**, const void*, size_t) {}
void AfterSwitch(void*, const void**, size_t*) {}
#endif

}  // namespace

Fiber::Fiber(std::function<void()> body)
    : body_(std::move(body)), stack_(new std::byte[kStackBytes]) {
  TW_CHECK(getcontext(&inside_) == 0) << "no context";
  inside_.uc_stack.ss_sp = stack_.get();
  inside_.uc_stack.ss_size = kStackBytes;
  inside_.uc_link = &outside_;
  const auto self = reinterpret_cast<uintptr_t>(this);  // in two parts: arguments are ints
  makecontext(&inside_, reinterpret_cast<void (*)()>(&Fiber::Enter), 2,
              static_cast<unsigned>(self >> 32), static_cast<unsigned>(self));
}

void Fiber::Enter(unsigned high, unsigned low) {
  reinterpret_cast<Fiber*>(uintptr_t{high} << 32 | low)->Run();
}

void Fiber::Run() {
  AfterSwitch(nullptr, &outer_stack_, &outer_bytes_);
  body_();
  BeforeSwitch(nullptr, outer_stack_, outer_bytes_);
}

void Fiber::Resume() {
  void* kept = nullptr;
  BeforeSwitch(&kept, stack_.get(), kStackBytes);
  TW_CHECK(swapcontext(&outside_, &inside_) == 0) << "no switch";
  AfterSwitch(kept, nullptr, nullptr);
}

void Fiber::Leave() {
  void* kept = nullptr;
  BeforeSwitch(&kept, outer_stack_, outer_bytes_);
  TW_CHECK(swapcontext(&inside_, &outside_) == 0) << "no switch";
  AfterSwitch(kept, &outer_stack_, &outer_bytes_);
}

}  // namespace tilewright
