// Is a kernel's output what the reference says? Depends on no library, as the runners do.
#pragma once

#include <string>
#include <vector>

#include "worker/run_spec.h"

namespace tilewright {

// The spec's reference file, which must hold `bytes` and no more. Empty, or "fault TEXT": a file
// that is not whole is nobody's wrong result.
std::string ReadReference(const RunSpec& spec, int64_t bytes, std::vector<char>* expected);

// Empty: the elements of the last argument agree within the spec's tolerance, padding aside. Else
// "wrong_result TEXT", which names the element that differs most.
std::string CompareOutput(const RunSpec& spec, const void* got, const void* want);

}  // namespace tilewright
