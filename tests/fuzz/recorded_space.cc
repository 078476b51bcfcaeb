// Spaces with every point's measurement: ours and Kernel Tuner's.
#include "tuner/replay/recorded_space.h"

#include "base/check.h"
#include "tests/fuzz/target.h"
#include "tests/paths.h"

namespace tilewright {

FuzzTarget recorded_space() {
  return {.seeds = {R"({"format":"tilewright-space 1","name":"s","flops":1,"knobs":[)"
                    R"({"name":"t","extent":4,"candidates":[["sp",[-1,1]],["sp",[-1,2]]]},)"
                    R"({"name":"u","candidates":[["ot",false],["ot",true]]}],)"
                    R"("points":[[0,1.5e-4],[2,"crash"]]})",
                    R"({"name":"conv","params":{"block":[16,32],"pad":[0,1]},)"
                    R"("cfg":[[0,0],[1,0]],"time":[1.5,null]})",
                    R"({"results":[{"configuration":{"a":1,"b":"x"},"invalidity":"correct",)"
                    R"("objectives":["time"],"measurements":[{"name":"time","value":1.5,)"
                    R"("unit":"ms"}]}]})"},
          .read =
              [](std::string_view json) {
                const auto space = ParseRecordedSpace(json);
                if (!space.ok()) return false;
                const std::string text =
                    RecordedSpaceJson(space->name, space->flops, space->space, *space->outcomes);
                TW_CHECK(ParseRecordedSpace(text).ok()) << text;
                return true;
              },
          .files = TILEWRIGHT_SOURCE_DIR "/tests/data/spaces/*.json"};
}

}  // namespace tilewright
