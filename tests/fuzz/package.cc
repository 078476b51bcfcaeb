// Packages: the tar around them and the parts inside.
#include "runtime/package.h"

#include "runtime/error.h"
#include "runtime/read_package.h"
#include "tests/fuzz/target.h"
#include "tests/runtime/tiny_package.h"

namespace tilewright {

FuzzTarget package() {
  return {{TinyPackage()}, [](std::string_view bytes) {
            try {
              const runtime::Package read = runtime::ReadPackage(bytes, {});
              for (const ExecutionPlan& plan : read.plans) {
                for (const PlanTensor& tensor : plan.tensors) runtime::BytesOf(tensor);
              }
              return true;
            } catch (const runtime::Error&) {
              return false;
            }
          }};
}

}  // namespace tilewright
