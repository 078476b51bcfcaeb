#include "worker/builder.h"

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "worker/kernel_json.h"
#include "worker/pipe_io.h"

namespace tilewright {
namespace {

using Json = nlohmann::json;

constexpr double kStartSeconds = 30;

Json TaskRequest(const Task& task, const std::string& path) {
  return {{"workload", task.workload.Key()}, {"target", ToString(task.target)}, {"output", path}};
}

BuildResult FromReply(const Json& reply, const std::string& path) {
  if (reply.at("ok").get<bool>()) {
    absl::StatusOr<CompiledTask> task = CompiledTaskFromJson(reply.at("kernel"));
    if (task.ok()) return BuiltKernel{path, *std::move(task)};
    return Failure{FailureKind::kUnknown, std::string(task.status().message())};
  }
  const std::optional<FailureKind> kind = ParseFailureKind(reply.at("kind").get<std::string>());
  return Failure{kind.value_or(FailureKind::kBuild), reply.at("message").get<std::string>()};
}

}  // namespace

absl::Status Builder::EnsureStarted() {
  if (child_) return absl::OkStatus();
  TW_ASSIGN_OR_RETURN(Child child, Child::Start({options_.path, absl::StrJoin(options_.cores, ",")},
                                                ChildOutput::kOurStderr));
  const absl::StatusOr<std::string> hello = ReadFrame(child.output(), DeadlineAfter(kStartSeconds));
  if (!hello.ok()) {
    return absl::UnavailableError(
        absl::StrCat(options_.path, " does not start: ", std::string(hello.status().message())));
  }
  host_target_ = *hello;
  child_ = std::move(child);
  return absl::OkStatus();
}

absl::StatusOr<std::string> Builder::HostTarget() {
  TW_RETURN_IF_ERROR(EnsureStarted());
  return host_target_;
}

BuildResult Builder::BuildTask(const Task& task, const Config& config, const std::string& path,
                               double limit_seconds) {
  Json request = TaskRequest(task, path);
  request["template"] = task.template_name;
  request["config"] = EntitiesToJson(config);
  return Ask(request.dump(), path, limit_seconds);
}

BuildResult Builder::BuildReference(const Task& task, const std::string& path,
                                    double limit_seconds) {
  return Ask(TaskRequest(task, path).dump(), path, limit_seconds);
}

BuildResult Builder::Ask(const std::string& request, const std::string& path,
                         double limit_seconds) {
  if (absl::Status started = EnsureStarted(); !started.ok()) {
    return Failure{FailureKind::kUnknown, std::string(started.message())};
  }
  // A child that is gone shows when it is read.
  WriteFrame(child_->input(), request).IgnoreError();
  const absl::StatusOr<std::string> reply =
      ReadFrame(child_->output(), DeadlineAfter(limit_seconds));
  if (reply.ok()) {
    const Json json = Json::parse(*reply, nullptr, /*allow_exceptions=*/false);
    if (json.is_object()) return FromReply(json, path);
  }
  const bool hangs = absl::IsDeadlineExceeded(reply.status());
  if (hangs) child_->Kill();
  const int status = child_->Wait();
  child_.reset();
  if (hangs) {
    return Failure{FailureKind::kBuildTimeout,
                   absl::StrCat("still compiling after ", limit_seconds, " s")};
  }
  return Failure{FailureKind::kBuild,
                 absl::StrCat("the compiler's process ended by ", DescribeExit(status))};
}

}  // namespace tilewright
