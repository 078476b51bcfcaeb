// A model with threads binds the thread that opens it to the first of the CPUs that this may use,
// and its helpers to the others (runtime/thread_pool.h). Before the next model is opened the thread
// must have them all again, or that one's helpers all come to one CPU.
#pragma once

#include <sched.h>

namespace tilewright {

class StartCpus {
 public:
  // Those of the calling thread.
  StartCpus() : known_(sched_getaffinity(0, sizeof(set_), &set_) == 0) {}
  void Restore() const {
    if (known_) sched_setaffinity(0, sizeof(set_), &set_);
  }

 private:
  cpu_set_t set_{};
  const bool known_;
};

}  // namespace tilewright
