// What a loaded kernel may still ask of the system, by libseccomp.
#pragma once

namespace tilewright {

// Descriptors that a process has opened before it forbids itself to; -1: none.
struct KeptFiles {
  int library = -1;  // may be mapped as code; the next open, of whatever path, is given it
  int written = -1;  // may be written to, beside 0 to 3
};

// From now on any thread of this process that makes a system call beyond computing, memory, time
// and writing to the descriptors 0 to 3 ends the process by SIGSYS, or as if by it. So a library is
// loaded inside: its constructors and resolvers run when nothing is allowed to them any more. What
// it needs itself must be loaded already. False where the kernel or the architecture has no such
// filters: nothing has changed then. REQUIRES: PR_SET_NO_NEW_PRIVS; once a process.
bool ForbidSystemCalls(const KeptFiles& files);

}  // namespace tilewright
