// The plan of a package, behind a checksum that damage to a whole package does not pass.
#include "runtime/error.h"
#include "runtime/read_package.h"
#include "tests/fuzz/target.h"
#include "tests/runtime/tiny_package.h"

namespace tilewright {

FuzzTarget package_plan() {
  return {{ToJson(TinyPlan())}, [](std::string_view json) {
            const std::string bytes = PackageWithPlan(std::string(json));
            try {
              const runtime::Package read = runtime::ReadPackage(bytes, {});
              for (const PlanTensor& tensor : read.plan.tensors) runtime::BytesOf(tensor);
              return true;
            } catch (const runtime::Error&) {
              return false;
            }
          }};
}

}  // namespace tilewright
