// What passes between a worker and its runners: what is to be run, and what came of it.
#include "base/check.h"
#include "tests/fuzz/target.h"
#include "worker/process/run_result.h"
#include "worker/run_spec.h"

namespace tilewright {

FuzzTarget runner_text() {
  RunSpec spec;
  spec.library = "library.so";
  spec.reference = "reference.bin";
  spec.token = "token";
  spec.calls = {{.symbol = "kernel", .extent = 4, .operands = {0, 1}}};
  spec.arguments = {{.shape = {4, 8}, .cold = true}, {.shape = {32}}};
  return {{ToText(spec), "ok 0.5 0.25", "wrong_result element 3 is 1, expected 2",
           "fault cannot open the library", GoLine(0.25)},
          [](std::string_view bytes) {
            const auto read = ParseRunSpec(std::string(bytes));
            if (read) {
              TW_CHECK(ParseRunSpec(ToText(*read)).has_value()) << ToText(*read);
            }
            const auto spare_seconds = ParseGoLine(std::string(bytes));
            if (spare_seconds) TW_CHECK(ParseGoLine(GoLine(*spare_seconds)) == spare_seconds);
            const auto outcome = OutcomeOfResult({bytes.data(), bytes.size()});
            return read.has_value() || spare_seconds || outcome.ok() ||
                   outcome.status().code() == absl::StatusCode::kUnavailable;
          }};
}

}  // namespace tilewright
