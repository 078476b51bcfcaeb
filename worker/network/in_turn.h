// Runs packages in turn in this process, confined as a kernel's runner is: what a farm's worker
// runs was made from a stranger's model. Asked through the standard input, which is read to its
// end, and answered on descriptor 3.
//
// The input has a line each of
//   token WORD               begins every line of the answer
//   threads N, cores I,J     as in RunSpec
//   folder PATH              the only one that is read, beside the system's libraries
//   memory N                 bytes of address space
//   cpu SECONDS              of each thread
//   sandbox 0|1              1: refuse to run where this machine cannot confine it
//   rounds LEAST MOST SECONDS   see NetworkRound (proto/network.proto)
//   package PATH             in `folder`; numbered from 0; the last lines
// The answer is, each line after the token:
//   called LACKING           all packages are loaded; what the machine lacks to confine them
//   run I WHOLE CALL ...     wall seconds of one run of package I and of its plan's calls
//   end                      all is told
// or, instead of the rest: "error TEXT", of the packages, or "fault TEXT", of this machine.
#pragma once

namespace tilewright {

// The process's exit status.
int RunInTurn();

}  // namespace tilewright
