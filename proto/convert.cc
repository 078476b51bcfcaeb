#include "proto/convert.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "compiler/operators/workload_rules.h"

namespace tilewright {
namespace {

constexpr size_t kMaxMessageBytes = 16 << 10;
constexpr int kMaxSamples = 4096;
constexpr uint32_t kMaxCalls = 1'000'000;  // of a sample
constexpr size_t kMaxTemplateName = 200;
constexpr double kMaxLimitSeconds = 600;
// No clock of a worker tells less, and no call of a kernel takes less.
constexpr double kMinSampleSeconds = 1e-9;
constexpr size_t kMaxErrorBytes = 2000;

// The message may quote what was sent; gRPC cuts large trailers off with an error of its own.
absl::Status Shortened(const absl::Status& status) {
  if (status.message().size() <= kMaxErrorBytes) return status;
  return {status.code(), absl::StrCat(status.message().substr(0, kMaxErrorBytes), "...")};
}

}  // namespace

v1::Task ToMessage(const Task& task) {
  v1::Task message;
  message.set_workload(task.workload.Key());
  message.set_template_name(task.template_name);
  message.set_target(ToString(task.target));
  return message;
}

absl::StatusOr<Task> FromMessage(const v1::Task& message) {
  Task task;
  TW_ASSIGN_OR_RETURN(task.workload, ParseWorkload(message.workload()));
  TW_ASSIGN_OR_RETURN(task.target, ParseTarget(message.target()));
  if (message.template_name().empty() || message.template_name().size() > kMaxTemplateName) {
    return absl::InvalidArgumentError(absl::StrCat("template name of ",
                                                   message.template_name().size(),
                                                   " bytes, allowed 1 to ", kMaxTemplateName));
  }
  task.template_name = message.template_name();
  return task;
}

v1::Outcome ToMessage(const Outcome& outcome) {
  v1::Outcome message;
  if (const auto* timing = std::get_if<Timing>(&outcome)) {
    message.mutable_seconds()->Add(timing->seconds.begin(), timing->seconds.end());
    return message;
  }
  const auto& failure = std::get<Failure>(outcome);
  message.set_failure(std::string(NameOf(failure.kind)));
  message.set_message(std::string(Utf8Prefix(failure.message, kMaxMessageBytes)));
  return message;
}

absl::StatusOr<Outcome> FromMessage(const v1::Outcome& message) {
  if (!message.failure().empty()) {
    const std::optional<FailureKind> kind = ParseFailureKind(message.failure());
    if (!kind) {
      return absl::InvalidArgumentError(
          absl::StrCat("unknown failure \"", Shown(message.failure()), "\""));
    }
    return Failure{*kind, std::string(Utf8Prefix(message.message(), kMaxMessageBytes))};
  }
  if (message.seconds().empty() || message.seconds_size() > kMaxSamples) {
    return absl::InvalidArgumentError(absl::StrCat("a timing of ", message.seconds_size(),
                                                   " samples, allowed 1 to ", kMaxSamples));
  }
  for (const double seconds : message.seconds()) {
    if (!(seconds >= kMinSampleSeconds && seconds <= kMaxLimitSeconds)) {
      return absl::InvalidArgumentError(absl::StrCat("a sample of ", seconds, " s, possible are ",
                                                     kMinSampleSeconds, " to ", kMaxLimitSeconds));
    }
  }
  return Timing{{message.seconds().begin(), message.seconds().end()}};
}

v1::MeasureOptions ToMessage(const MeasureOptions& options) {
  v1::MeasureOptions message;
  message.set_seed(options.seed);
  message.set_build_limit_seconds(options.build_limit_seconds);
  message.set_run_limit_seconds(options.run_limit_seconds);
  message.set_min_samples(options.min_samples);
  message.set_max_samples(options.max_samples);
  message.set_sampling_seconds(options.sampling_seconds);
  message.set_incumbent_seconds(options.incumbent_seconds);
  message.set_threads(options.threads);
  message.set_calls(options.calls);
  message.set_min_sample_seconds(options.min_sample_seconds);
  message.set_cold(options.cold);
  return message;
}

absl::StatusOr<MeasureOptions> FromMessage(const v1::MeasureOptions& message) {
  const double limits[] = {message.build_limit_seconds(), message.run_limit_seconds()};
  for (const double limit : limits) {
    if (!(limit > 0 && limit <= kMaxLimitSeconds)) {
      return absl::InvalidArgumentError(
          absl::StrCat("a time limit of ", limit, " s, allowed up to ", kMaxLimitSeconds));
    }
  }
  const uint32_t samples = message.max_samples();
  if (samples < 1 || samples > kMaxSamples || message.min_samples() > samples) {
    return absl::InvalidArgumentError(absl::StrCat(message.min_samples(), " to ", samples,
                                                   " samples, allowed 1 to ", kMaxSamples));
  }
  if (message.calls() > kMaxCalls) {
    return absl::InvalidArgumentError(
        absl::StrCat(message.calls(), " calls in a sample, allowed 1 to ", kMaxCalls));
  }
  const double times[] = {message.sampling_seconds(), message.incumbent_seconds(),
                          message.min_sample_seconds()};
  if (std::any_of(std::begin(times), std::end(times),
                  [](double t) { return !(t >= 0 && t <= kMaxLimitSeconds); })) {
    return absl::InvalidArgumentError(absl::StrCat(
        "a time in the options of a measurement is not within 0 to ", kMaxLimitSeconds, " s"));
  }
  return MeasureOptions{.seed = message.seed(),
                        .build_limit_seconds = message.build_limit_seconds(),
                        .run_limit_seconds = message.run_limit_seconds(),
                        .min_samples = message.min_samples(),
                        .max_samples = samples,
                        .sampling_seconds = message.sampling_seconds(),
                        .calls = std::max(1u, message.calls()),
                        .min_sample_seconds = message.min_sample_seconds(),
                        .cold = message.cold(),
                        .incumbent_seconds = message.incumbent_seconds(),
                        .threads = message.threads()};
}

grpc::Status ToGrpc(const absl::Status& status) {
  const absl::Status shortened = Shortened(status);
  return {static_cast<grpc::StatusCode>(status.code()), std::string(shortened.message())};
}

absl::Status FromGrpc(const grpc::Status& status) {
  return {static_cast<absl::StatusCode>(status.error_code()), status.error_message()};
}

}  // namespace tilewright
