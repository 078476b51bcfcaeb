#include "worker/process/builder.h"

#include <signal.h>

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "worker/process/kernel_json.h"
#include "worker/process/pipe_io.h"

namespace tilewright {
namespace {

using Json = nlohmann::json;

constexpr double kStartSeconds = 30;
constexpr size_t kQuotedBytes = 80;  // of an answer that is none

Json TaskRequest(const Task& task, const std::string& path) {
  return {{"workload", task.workload.Key()}, {"target", ToString(task.target)}, {"output", path}};
}

// The replies of builder/main.cc; `parse` takes one that is ok. Internal: none of these.
template <typename Result>
absl::StatusOr<Result> FromReply(const std::string& text,
                                 absl::StatusOr<Result> (*parse)(const Json&)) {
  const Json reply = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  try {
    if (reply.contains("fault")) {
      return absl::ResourceExhaustedError(reply.at("fault").get<std::string>());
    }
    if (reply.at("ok").get<bool>()) return parse(reply);
    const std::optional<FailureKind> kind = ParseFailureKind(reply.at("kind").get<std::string>());
    return Failure{kind.value_or(FailureKind::kBuild), reply.at("message").get<std::string>()};
  } catch (const Json::exception&) {
    return absl::InternalError(
        absl::StrCat("the builder answered \"", text.substr(0, kQuotedBytes), "\""));
  }
}

absl::StatusOr<BuildResult> ParseKernel(const Json& reply) {
  TW_ASSIGN_OR_RETURN(CompiledTask task, CompiledTaskFromJson(reply.at("kernel")));
  return BuiltKernel{"", std::move(task)};
}

absl::StatusOr<NetworkBuild> ParseNetwork(const Json& reply) {
  return reply.at("calls").get<std::vector<std::string>>();
}

}  // namespace

absl::Status Builder::EnsureStarted() {
  if (child_) return absl::OkStatus();
  TW_ASSIGN_OR_RETURN(Child child, Child::Start({options_.path, absl::StrJoin(options_.cores, ","),
                                                 options_.folder},
                                                ChildOutput::kOurStderr));
  const absl::StatusOr<std::string> hello =
      ReadFrame(child.output(), DeadlineAfter(kStartSeconds), options_.interrupt);
  if (absl::IsCancelled(hello.status())) return hello.status();
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

absl::StatusOr<BuildResult> Builder::BuildTask(const Task& task, const Config& config,
                                               const std::string& path, double limit_seconds) {
  Json request = TaskRequest(task, path);
  request["template"] = task.template_name;
  request["config"] = EntitiesToJson(config);
  return Ask(request.dump(), path, limit_seconds);
}

absl::StatusOr<BuildResult> Builder::BuildReference(const Task& task, const std::string& path,
                                                    double limit_seconds) {
  return Ask(TaskRequest(task, path).dump(), path, limit_seconds);
}

// The answer, or what became of a child that gave none.
absl::StatusOr<std::variant<std::string, Failure>> Builder::Exchange(const std::string& request,
                                                                     double limit_seconds) {
  TW_RETURN_IF_ERROR(EnsureStarted());
  // A child that is gone shows when it is read.
  WriteFrame(child_->input(), request).IgnoreError();
  absl::StatusOr<std::string> reply =
      ReadFrame(child_->output(), DeadlineAfter(limit_seconds), options_.interrupt);
  if (reply.ok()) return *std::move(reply);
  TW_ASSIGN_OR_RETURN(Failure failure, JudgeEnd(reply.status(), limit_seconds));
  return failure;
}

absl::StatusOr<BuildResult> Builder::Ask(const std::string& request, const std::string& path,
                                         double limit_seconds) {
  TW_ASSIGN_OR_RETURN(auto answer, Exchange(request, limit_seconds));
  if (auto* failure = std::get_if<Failure>(&answer)) return std::move(*failure);
  absl::StatusOr<BuildResult> result = FromReply(std::get<std::string>(answer), &ParseKernel);
  if (!result.ok()) {
    child_.reset();  // the next build may have better luck with a new one
    return result;
  }
  if (auto* kernel = std::get_if<BuiltKernel>(&*result)) kernel->library = path;
  return result;
}

absl::StatusOr<NetworkBuild> Builder::BuildNetwork(const std::string& request,
                                                   double limit_seconds) {
  TW_ASSIGN_OR_RETURN(auto answer, Exchange(request, limit_seconds));
  if (auto* failure = std::get_if<Failure>(&answer)) return std::move(*failure);
  return FromReply(std::get<std::string>(answer), &ParseNetwork);
}

// The child gave no answer: whose fault is it?
absl::StatusOr<Failure> Builder::JudgeEnd(const absl::Status& why, double limit_seconds) {
  const bool gone = absl::IsUnavailable(why);
  const absl::StatusOr<int> status = child_->End(gone ? kOwnEndSeconds : 0);
  child_.reset();
  TW_RETURN_IF_ERROR(status.status());
  if (absl::IsDeadlineExceeded(why)) {
    return Failure{FailureKind::kBuildTimeout,
                   absl::StrCat("still compiling after ", limit_seconds, " s")};
  }
  if (!gone) return why;
  if (SignalOf(*status) == SIGKILL) {
    return absl::UnavailableError(
        "the builder was killed from outside; is there too little memory for so many builders?");
  }
  return Failure{FailureKind::kBuild,
                 absl::StrCat("the compiler's process ended by ", DescribeExit(*status))};
}

}  // namespace tilewright
