// Threads of one block that are run one at a time, each with a stack of its own (ucontext).
#pragma once

#include <ucontext.h>

#include <cstddef>
#include <vector>

namespace tilewright::runtime {

class Fibers {
 public:
  using Entry = void (*)(void* argument);
  // Room for what kernels keep on their stacks (compiler/loop/expr.h, Scope::kStack) and for what
  // is known of each byte of it. Only touched pages take memory.
  static constexpr size_t kStackBytes = size_t{2} << 20;

  // Throws std::bad_alloc.
  explicit Fibers(size_t count);
  ~Fibers();
  Fibers(const Fibers&) = delete;
  Fibers& operator=(const Fibers&) = delete;

  size_t size() const { return contexts_.size(); }
  // Fiber i will run entry(argument) from its start, whatever it did before.
  void Start(size_t i, Entry entry, void* argument);
  // Runs it until it yields or ends.
  void Resume(size_t i);
  // Back to who resumed; of the running fiber.
  void Yield();

 private:
  static void Run(unsigned high, unsigned low);

  char* stacks_ = nullptr;
  std::vector<ucontext_t> contexts_;
  ucontext_t scheduler_ = {};
  size_t running_ = 0;
  Entry entry_ = nullptr;
  void* argument_ = nullptr;
};

}  // namespace tilewright::runtime
