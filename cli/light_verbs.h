// Verbs that have a program of their own.
//
// LLVM alone costs 40 MB of memory and 20 ms of every start. A verb that needs no compiler is
// therefore also built as tilewright-VERB beside `tilewright`, which becomes it; on machines that
// only run packages that program and libtilewright suffice.
#pragma once

namespace tilewright {

// Replaces this process by tilewright-VERB with the same arguments when argv[1] is such a verb and
// its program lies beside this one; else returns.
void BecomeLightVerb(int argc, char** argv);

}  // namespace tilewright
