// What the runner gives up before it loads a kernel: time, memory, files, network, other
// processes. The kernel is our own compiler's; this contains its mistakes.
#pragma once

#include "worker/run_spec.h"

namespace tilewright {

// Dies with the parent; keeps only descriptors 0 to 3; pins to the cores; sets resource limits;
// no core file, no new privileges; where the kernel allows it, user, network, ipc and pid
// namespaces of its own. Returns in the process that shall run the kernel: with a pid namespace
// that is a child, while the caller's process waits and exits as the child did (128 + signal).
// REQUIRES: single-threaded.
void Confine(const RunSpec& spec);

}  // namespace tilewright
