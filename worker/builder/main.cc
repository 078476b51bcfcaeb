// tilewright-builder: compiles for a worker, in a process that may crash. `tilewright-builder
// [CORE,CORE... [FOLDER]]`: on these cores, writing only to that folder. First writes the resolved
// host target, then answers one request after another: a frame from standard input, a frame to
// descriptor 3, both JSON but for the first. A request has workload, target, output and, unless the
// plain reference is wanted, template and config. The answer has ok, symbol and extent; or ok =
// false, kind and message of the candidate's failure; or fault, the reason why this machine cannot
// build. A request with a model is one of a whole network (worker/builder/network.h).
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/status_macros.h"
#include "base/strings.h"
#include "compiler/core/outcome.h"
#include "compiler/driver/compile_task.h"
#include "compiler/operators/workload_rules.h"
#include "compiler/targets/target_backend.h"
#include "worker/builder/network.h"
#include "worker/process/kernel_json.h"
#include "worker/process/pipe_io.h"
#include "worker/sandbox/landlock.h"
#include "worker/sandbox/namespaces.h"

namespace tilewright {
namespace {

using Json = nlohmann::json;

constexpr int kReplyFd = 3;
constexpr int kNice = 10;  // measuring comes first
constexpr rlim_t kMaxMemory = rlim_t{8} << 30;
// Of a GPU's thread. Some bytes beside the inner loop cost little; a kernel that spills more than a
// quarter of all registers that a thread can have is not worth the device's time.
constexpr int kMostSpilledBytes = 256;

void Settle(std::string_view cores) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  setpriority(PRIO_PROCESS, 0, kNice);
  const rlimit memory{kMaxMemory, kMaxMemory};
  setrlimit(RLIMIT_AS, &memory);
  const rlimit no_core{0, 0};
  setrlimit(RLIMIT_CORE, &no_core);
  cpu_set_t set;
  CPU_ZERO(&set);
  for (absl::string_view text : absl::StrSplit(Sv(cores), ',', absl::SkipEmpty())) {
    int core = -1;
    if (absl::SimpleAtoi(text, &core) && core >= 0 && core < CPU_SETSIZE) CPU_SET(core, &set);
  }
  if (CPU_COUNT(&set) > 0) sched_setaffinity(0, sizeof(set), &set);
}

absl::StatusOr<CompiledTask> Compile(const Json& request) {
  Task task;
  TW_ASSIGN_OR_RETURN(task.workload, ParseWorkload(request.at("workload").get<std::string>()));
  TW_ASSIGN_OR_RETURN(task.target, ParseTarget(request.at("target").get<std::string>()));
  if (!request.contains("template")) return CompileReference(task.workload, task.target);
  task.template_name = request.at("template").get<std::string>();
  TW_ASSIGN_OR_RETURN(const Config config,
                      ParseEntitiesJson(request.at("config").get<std::string>()));
  return CompileTask(task, config);
}

Json Failed(FailureKind kind, std::string message) {
  return {{"ok", false}, {"kind", std::string(NameOf(kind))}, {"message", std::move(message)}};
}

// The farm's failure, not the candidate's: no disk, no memory.
Json Fault(std::string message) { return {{"fault", std::move(message)}}; }

Json FromStatus(const absl::Status& status) {
  std::string message(status.message());
  switch (status.code()) {
    case absl::StatusCode::kInvalidArgument:
      return Failed(FailureKind::kInstantiation, std::move(message));
    case absl::StatusCode::kResourceExhausted:
    case absl::StatusCode::kUnavailable: return Fault(std::move(message));
    default: return Failed(FailureKind::kBuild, std::move(message));
  }
}

Json AnswerNetwork(const Json& request) {
  absl::StatusOr<Json> built = BuildNetwork(request);
  return built.ok() ? *std::move(built) : FromStatus(built.status());
}

Json Answer(const Json& request) {
  if (request.contains("model")) return AnswerNetwork(request);
  const absl::StatusOr<CompiledTask> kernel = Compile(request);
  if (!kernel.ok()) return FromStatus(kernel.status());
  if (request.contains("template") && kernel->spilled_bytes > kMostSpilledBytes) {
    return Failed(FailureKind::kBuild,
                  absl::StrCat("a thread spills ", kernel->spilled_bytes, " bytes, at most ",
                               kMostSpilledBytes, " are measured"));
  }
  const std::string path = request.at("output").get<std::string>();
  std::ofstream out(path, std::ios::binary);
  out << kernel->so;
  out.close();
  if (!out) return Fault(absl::StrCat("cannot write ", path, ": ", strerror(errno)));
  return {{"ok", true}, {"kernel", ToJson(*kernel)}};
}

// No network, and nothing to be written but what the worker asks for. What the machine does not
// give is no reason not to build: the worker says at its start what kernels lack.
void ConfineTo(const std::string& folder) {
  if (folder.empty()) return;
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  EnterNamespaces(/*pid_namespace=*/false);
  RestrictFiles({{"/", FileAccess::kRun}, {folder, FileAccess::kWrite}});
}

int Main(std::string_view cores, const std::string& folder) {
  Settle(cores);
  ConfineTo(folder);
  const absl::StatusOr<Target> host = ResolveTarget(Target{});
  if (!host.ok() || !WriteFrame(kReplyFd, ToString(*host)).ok()) return 1;
  while (true) {
    const absl::StatusOr<std::string> frame = ReadFrame(0, Deadline::max());
    if (!frame.ok()) return 0;  // the worker is gone
    const std::string reply =
        Answer(Json::parse(*frame)).dump(-1, ' ', false, Json::error_handler_t::replace);
    if (!WriteFrame(kReplyFd, reply).ok()) return 0;
  }
}

}  // namespace
}  // namespace tilewright

int main(int argc, char** argv) {
  return tilewright::Main(argc > 1 ? argv[1] : "", argc > 2 ? argv[2] : "");
}
