// The plan of a package, behind a checksum that damage to a whole package does not pass.
#include "runtime/choose_plan.h"
#include "runtime/error.h"
#include "runtime/read_package.h"
#include "tests/fuzz/target.h"
#include "tests/runtime/tiny_package.h"

namespace tilewright {
namespace {

// Of any plans there are some that fit, or a reason why none does.
void Choose(const std::vector<ExecutionPlan>& plans) {
  try {
    runtime::ChoosePlan(plans, {{"x", {3, 100}}});
  } catch (const runtime::Error&) {
  }
}

}  // namespace

FuzzTarget package_plan() {
  return {{ToJson(TinyPlan()), ToJson(TinyPlans())}, [](std::string_view json) {
            const std::string bytes = PackageWithPlan(std::string(json));
            try {
              const runtime::Package read = runtime::ReadPackage(bytes, {});
              for (const ExecutionPlan& plan : read.plans) {
                for (const PlanTensor& tensor : plan.tensors) runtime::BytesOf(tensor);
              }
              Choose(read.plans);
              return true;
            } catch (const runtime::Error&) {
              return false;
            }
          }};
}

}  // namespace tilewright
