// A function on a stack of its own, which it may leave in the middle and come back to later: what
// threads of a simulation are, without the operating system's order. By POSIX's contexts. Not
// thread-safe.
#pragma once

#include <ucontext.h>

#include <cstddef>
#include <functional>
#include <memory>

namespace tilewright {

class Fiber {
 public:
  // Does not run it yet.
  explicit Fiber(std::function<void()> body);
  // What is left in the middle is never gone on with, and its destructors do not run.
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  // From outside: goes on with the body until it leaves or ends. REQUIRES: it has not ended.
  void Resume();
  // From the body: goes on where it was resumed, until it is resumed again.
  void Leave();

 private:
  static constexpr size_t kStackBytes = size_t{1} << 20;

  static void Enter(unsigned high, unsigned low);
  void Run();

  const std::function<void()> body_;
  const std::unique_ptr<std::byte[]> stack_;
  ucontext_t inside_{}, outside_{};
  // AddressSanitizer's view of the stack outside.
  const void* outer_stack_ = nullptr;
  size_t outer_bytes_ = 0;
};

}  // namespace tilewright
