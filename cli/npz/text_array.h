// Arrays of texts, numpy's str: UTF-32, as long as the longest of them ("<U5").
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "cli/npz/npz.h"

namespace tilewright {

// REQUIRES: as many texts as the shape has elements. What is no UTF-8 stands as U+FFFD.
NpzArray TextArray(std::string name, std::vector<int64_t> shape,
                   const std::vector<std::string>& texts);

// Whether it is the type of such an array.
bool IsTextType(std::string_view dtype);
// In UTF-8. REQUIRES: IsTextType(array.dtype).
std::vector<std::string> TextsOf(const NpzArray& array);

// Bytes of an element: of "<U5" 20; 0 for what is no such type, or one of above 2^20 characters.
int64_t TextBytes(std::string_view dtype);

}  // namespace tilewright
