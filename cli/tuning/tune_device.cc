#include "cli/tuning/tune_device.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "cli/exit_code.h"
#include "compiler/core/gpu_traits.h"
#include "runtime/device/device.h"
#include "worker/machine/this_machine.h"

namespace tilewright {
namespace {

absl::Status WithoutDevice(const Target& target, const std::string& missing) {
  return absl::UnavailableError(absl::StrCat(
      "tuning for ", target.kind, " needs a device of this machine: ", missing,
      "\nwhat works without one: tilewright compile --target '", ToString(target),
      "' (default schedules, or with --records those of other devices, such as a TopHub package), "
      "and on a farm that has one tilewright submit or tune, with --server HOST:PORT --key KEY"));
}

}  // namespace

absl::StatusOr<TuneDevice> DeviceToTuneOn(const Target& target, const std::string& asked,
                                          int threads) {
  if (!IsGpu(target)) {
    if (asked.empty() || asked == "cpu") return TuneDevice{"", CpuName()};
    return UsageError(
        absl::StrCat("--device ", asked, " needs --target ", asked.substr(0, asked.find(':'))));
  }
  if (threads != 1) return UsageError("--threads are a CPU's; a device has its own");
  const std::string option = asked.empty() ? target.kind + ":0" : asked;
  absl::string_view number = option;
  size_t index = 0;
  const bool named = absl::ConsumePrefix(&number, target.kind + ":") ||
                     (number == target.kind && (number = "0", true));
  if (!named || !absl::SimpleAtoi(number, &index)) {
    return UsageError(absl::StrCat("--device ", option, " is no ", target.kind, ":N"));
  }
  const runtime::DeviceSurvey survey = runtime::SurveyDevices(target.kind);
  if (survey.devices.empty()) return WithoutDevice(target, survey.missing);
  if (index >= survey.devices.size()) {
    return WithoutDevice(target,
                         absl::StrCat("there is no ", option, "; found ", survey.devices.size()));
  }
  return TuneDevice{option, survey.devices[index].name};
}

}  // namespace tilewright
