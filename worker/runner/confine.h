// What the runner gives up before it loads a kernel: time, memory, files, network, other
// processes. The kernel is our own compiler's; this contains its mistakes.
#pragma once

#include <vector>

#include "worker/run_spec.h"

namespace tilewright {

// What the machine gave.
struct Confinement {
  bool namespaces = false;       // user, network, ipc and pid
  bool read_only_files = false;  // a mount namespace
  bool landlock = false;         // no file but the library, the expected output and the system's
};

// Keeps this thread, and those that it will start, to these CPUs; does nothing when there are none.
void Pin(const std::vector<int>& cores);

// Dies with the parent; keeps only descriptors 0 to 3; pins to where the spec says that it is
// prepared; sets resource limits; no core file, no new privileges; and what Confinement names. A
// run that writes the reference keeps the right to write that file. Returns in the process that
// shall run the kernel: with a pid namespace that is a child, while the caller's process waits and
// exits as the child did (128 + signal). REQUIRES: single-threaded.
Confinement Confine(const RunSpec& spec);

}  // namespace tilewright
