// The arrays of an .npz.
#include "base/check.h"
#include "cli/npz/npy.h"
#include "tests/fuzz/target.h"

namespace tilewright {

FuzzTarget numpy_array() {
  return {{FormatNpy({"x", "float32", {2, 3}, std::string(24, '\1')}),
           FormatNpy({"x", "bfloat16", {}, std::string(2, '\1')}),
           FormatNpy({"x", "int64", {0, 4}, ""})},
          [](std::string_view bytes) {
            const auto array = ParseNpy("x", bytes);
            if (!array.ok()) return false;
            TW_CHECK(ParseNpy("x", FormatNpy(*array)).value() == *array) << array->dtype;
            return true;
          }};
}

}  // namespace tilewright
