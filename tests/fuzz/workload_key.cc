// A workload's key, as records and servers carry it.
#include "base/check.h"
#include "compiler/operators/workload_rules.h"
#include "tests/fuzz/target.h"

namespace tilewright {

FuzzTarget workload_key() {
  return {{"conv2d(float32[1,64,56,56],float32[64,64,3,3];dilation=1,1;groups=1;padding=1,1,1,1;"
           "strides=1,1;NCHW16c,OIHW16i16o,NCHW16c)+bias+relu",
           "dense(float32[8,5],float32[10,5];,NK,)+bias",
           "nest(float32[2,8],int64[8];,,)=a.B[2,8] select(i1 < 4, a0[i0, 7 - i1], "
           "cast(a1[min(max(a1[i1], 0), 7)], float32))"},
          [](std::string_view key) {
            const auto workload = ParseWorkload(key);
            if (!workload.ok()) return false;
            const std::string printed = workload->Key();
            TW_CHECK(ParseWorkload(printed).value() == *workload) << printed;
            return true;
          }};
}

}  // namespace tilewright
