// What this machine's CPU can do.
#pragma once

#include <set>
#include <string>
#include <vector>

namespace tilewright::runtime {

// By Linux's names ("avx512_vnni", "asimddp"; on RISC-V the letters "v", "d"), but asked of the CPU
// and the kernel themselves (CPUID and XGETBV on x86-64, the auxiliary vector elsewhere): /proc may
// be hidden, and under an emulator it is another machine's. Holds at least every name that
// compiled packages ask for; features whose registers the kernel does not keep are absent.
std::set<std::string> CpuFeatures();

// Those of `wanted` that are not in `present`, in the order given.
std::vector<std::string> MissingFeatures(const std::vector<std::string>& wanted,
                                         const std::set<std::string>& present);

}  // namespace tilewright::runtime
