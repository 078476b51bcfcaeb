#include "compiler/targets/support/ptxas_log.h"

#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace tilewright {
namespace {

// "... 8 bytes spill stores, 12 bytes spill loads": the number before `words`; 0 where none is.
int NumberBefore(absl::string_view line, absl::string_view words) {
  const size_t end = line.find(words);
  if (end == line.npos) return 0;
  const size_t space = line.rfind(' ', end - 1);
  const size_t begin = space == line.npos ? 0 : space + 1;
  int number = 0;
  return absl::SimpleAtoi(line.substr(begin, end - begin), &number) ? number : 0;
}

}  // namespace

ThreadStorage ReadPtxasLog(const std::string& log) {
  ThreadStorage most;
  for (absl::string_view line : absl::StrSplit(log, '\n')) {
    most.registers = std::max(most.registers, NumberBefore(line, " registers"));
    for (absl::string_view spilled : {" bytes spill stores", " bytes spill loads"}) {
      most.spilled_bytes = std::max(most.spilled_bytes, NumberBefore(line, spilled));
    }
  }
  return most;
}

}  // namespace tilewright
