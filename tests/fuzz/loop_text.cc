// Programs as text.
#include "base/check.h"
#include "compiler/loop/text.h"
#include "tests/fuzz/target.h"

namespace tilewright {

FuzzTarget loop_text() {
  return {{"program p(in: float32[4,8], out: float32[4,8]):\n"
           "  parallel i in 0..4:\n"
           "    alloc acc: register float32[8]\n"
           "    vector l in 0..8:\n"
           "      acc[l] = in[i, l] * 2.0\n"
           "    for k in 0..8:\n"
           "      if 0 <= k - 1 && k < 6:\n"
           "        out[i, k] = max(acc[k], 0.0)\n"
           "      else:\n"
           "        out[i, k] = 0.0\n",
           "program p(out: bool[1]):\n  out[0] = cast(uint64(18446744073709551615), bool)\n"},
          [](std::string_view text) {
            const auto program = ParseProgram(text);
            if (!program.ok()) return false;
            const std::string printed = Print(*program);
            const auto again = ParseProgram(printed);
            TW_CHECK(again.ok()) << again.status().message() << " in\n" << printed;
            TW_CHECK(Print(*again) == printed) << printed;
            return true;
          }};
}

}  // namespace tilewright
