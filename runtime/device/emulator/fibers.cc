#include "runtime/device/emulator/fibers.h"

#include <sys/mman.h>

#include <cstdint>
#include <new>

namespace tilewright::runtime {

Fibers::Fibers(size_t count) : contexts_(count) {
  void* const memory = mmap(nullptr, count * kStackBytes, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  stacks_ = static_cast<char*>(memory);
}

Fibers::~Fibers() { munmap(stacks_, contexts_.size() * kStackBytes); }

// makecontext passes ints.
void Fibers::Run(unsigned high, unsigned low) {
  auto* const self = reinterpret_cast<Fibers*>(uintptr_t{high} << 32 | low);
  self->entry_(self->argument_);
}

void Fibers::Start(size_t i, Entry entry, void* argument) {
  entry_ = entry;
  argument_ = argument;
  ucontext_t& context = contexts_[i];
  getcontext(&context);
  context.uc_stack.ss_sp = stacks_ + i * kStackBytes;
  context.uc_stack.ss_size = kStackBytes;
  context.uc_link = &scheduler_;
  const auto self = reinterpret_cast<uintptr_t>(this);
  makecontext(&context, reinterpret_cast<void (*)()>(&Fibers::Run), 2,
              static_cast<unsigned>(self >> 32), static_cast<unsigned>(self));
}

void Fibers::Resume(size_t i) {
  running_ = i;
  swapcontext(&scheduler_, &contexts_[i]);
}

void Fibers::Yield() { swapcontext(&contexts_[running_], &scheduler_); }

}  // namespace tilewright::runtime
