// Shapes and dimensions as users bind them.
#include "compiler/onnx/import.h"
#include "tests/fuzz/target.h"

namespace tilewright {

FuzzTarget model_options() {
  return {{"data:1,3,224,224 mask:[1, 128]", "batch=4; length=128"}, [](std::string_view text) {
            const bool shapes = ParseInputShapes(text).ok(), dims = ParseDims(text).ok();
            return shapes || dims;
          }};
}

}  // namespace tilewright
