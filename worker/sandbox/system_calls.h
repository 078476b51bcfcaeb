// What a loaded kernel may still ask of the system, by libseccomp.
#pragma once

namespace tilewright {

// From now on any thread of this process that makes a system call beyond computing, memory, time
// and writing to the descriptors 0 to 3 ends the process by SIGSYS. False where the kernel or the
// architecture has no such filters: nothing has changed then. REQUIRES: PR_SET_NO_NEW_PRIVS.
bool ForbidSystemCalls();

}  // namespace tilewright
