// AutoTVM's entity list.
#include "base/check.h"
#include "compiler/core/config.h"
#include "tests/fuzz/target.h"

namespace tilewright {

FuzzTarget config_json() {
  return {{R"([["tile_oc","sp",[-1,2]],["unroll_kw","ot",true],["steps","ot",4]])",
           R"([["order","re",[0,2,1]],["ann","an",["none","vec"]],["algorithm","ot","direct"]])"},
          [](std::string_view json) {
            const auto config = ParseEntitiesJson(json);
            if (!config.ok()) return false;
            const std::string printed = EntitiesToJson(*config);
            TW_CHECK(ParseEntitiesJson(printed).value() == *config) << printed;
            return true;
          }};
}

}  // namespace tilewright
