// Parts of CUDA's asm statements.
#pragma once

#include <cstdint>
#include <string>

namespace tilewright {

// {%first, ...}: so many registers.
std::string AsmRegisters(int64_t first, int64_t count);
// "c"(array[0]), ...: so many operands under a constraint.
std::string AsmOperands(const char* constraint, const char* array, int64_t count);

}  // namespace tilewright
