// Reads x86-64 assembly as LLVM prints it, for tests of what kernels keep in registers.
#pragma once

#include <algorithm>
#include <sstream>
#include <string>
#include <vector>

namespace tilewright {

// The innermost loops with multiply-adds of an assembly text: from a label to the last backward
// jump to it, holding no other label that is jumped to.
inline std::vector<std::vector<std::string>> MultiplyAddLoops(const std::string& assembly) {
  std::vector<std::vector<std::string>> loops;
  std::vector<std::string> block;
  std::string label;
  std::istringstream lines(assembly);
  for (std::string line; std::getline(lines, line);) {
    if (line.rfind(".L", 0) == 0 || line.rfind("conv", 0) == 0) {
      label = line.substr(0, line.find(':'));
      block.clear();
    }
    block.push_back(line);
    if (line.find("\tj") != 0 || label.empty()) continue;
    if (line.find(label) == std::string::npos) continue;
    const auto is_fma = [](const std::string& s) { return s.find("vfmadd") != std::string::npos; };
    if (std::any_of(block.begin(), block.end(), is_fma)) loops.push_back(block);
  }
  return loops;
}

// Their reads and writes of the stack.
inline std::string SpillsIn(const std::vector<std::string>& lines) {
  std::string spills;
  for (const std::string& line : lines) {
    if (line.find("(%rsp)") != std::string::npos) spills += line + "\n";
  }
  return spills;
}

// How often `part` stands in a text.
inline size_t Count(const std::string& text, const std::string& part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != text.npos; at = text.find(part, at + 1)) ++count;
  return count;
}

}  // namespace tilewright
