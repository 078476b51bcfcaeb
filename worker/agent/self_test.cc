#include "worker/agent/self_test.h"

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace tilewright {
namespace {

absl::StatusOr<SelfTestResult> Test(const SelfTestSetup& setup, const Interrupt* interrupt) {
  TW_ASSIGN_OR_RETURN(const auto canary, Canary::Make(CanaryOf(setup, interrupt)));
  SelfTestResult result{.target = setup.device ? setup.device->target() : canary->host_target()};
  for (const std::vector<int>& slot : setup.cores.slots) {
    TW_ASSIGN_OR_RETURN(result.slot_seconds.emplace_back(), canary->Run(slot, &result.lacking));
  }
  if (setup.device) result.lacking = setup.device->facts().lacking;
  return result;
}

}  // namespace

CanarySetup CanaryOf(const SelfTestSetup& setup, const Interrupt* interrupt) {
  return {.runner = setup.runner,
          .builder = setup.builder,
          .prebuilt = setup.prebuilt,
          .device = setup.device,
          .folder = setup.folder,
          .builder_cores = setup.cores.others,
          .interrupt = interrupt,
          .require_sandbox = setup.require_sandbox};
}

absl::StatusOr<SelfTestResult> RunSelfTest(const SelfTestSetup& setup, const Interrupt* interrupt) {
  absl::StatusOr<SelfTestResult> result = Test(setup, interrupt);
  if (result.ok() || absl::IsCancelled(result.status())) return result;
  return absl::UnavailableError(absl::StrCat("this machine cannot measure, the self test fails: ",
                                             std::string(result.status().message())));
}

}  // namespace tilewright
