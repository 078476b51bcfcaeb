// Linux namespaces of this process's own, by an unprivileged user namespace. Depends on libc only.
#pragma once

namespace tilewright {

// Enters user, network and ipc namespaces and, if so told, a pid namespace, which is for children:
// the caller can start no thread then. False where the system does not allow it: nothing has
// changed then. REQUIRES: single-threaded.
bool EnterNamespaces(bool pid_namespace);

// Enters a mount namespace in which all file systems are read-only. False: nothing has changed.
// REQUIRES: EnterNamespaces.
bool MakeFilesReadOnly();

}  // namespace tilewright
