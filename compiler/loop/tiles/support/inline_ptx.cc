#include "compiler/loop/tiles/support/inline_ptx.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace tilewright {

std::string AsmRegisters(int64_t first, int64_t count) {
  std::vector<std::string> names;
  for (int64_t i = 0; i < count; ++i) names.push_back(absl::StrCat("%", first + i));
  return absl::StrCat("{", absl::StrJoin(names, ", "), "}");
}

std::string AsmOperands(const char* constraint, const char* array, int64_t count) {
  std::vector<std::string> operands;
  for (int64_t i = 0; i < count; ++i) {
    operands.push_back(absl::StrCat("\"", constraint, "\"(", array, "[", i, "])"));
  }
  return absl::StrJoin(operands, ", ");
}

}  // namespace tilewright
