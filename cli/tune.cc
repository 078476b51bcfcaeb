// tilewright tune: finds fast schedules for a model, here or on a farm.
#include <unistd.h>

#include <atomic>
#include <iostream>
#include <memory>
#include <mutex>
#include <optional>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "cli/exit_code.h"
#include "cli/farm_client.h"
#include "cli/farm_target.h"
#include "cli/job_options.h"
#include "cli/job_progress.h"
#include "cli/local_farm.h"
#include "cli/open_records.h"
#include "cli/server_option.h"
#include "cli/signals.h"
#include "cli/verb.h"

namespace tilewright {
namespace {

constexpr char kExample[] =
    "  $ tilewright tune resnet18.onnx --time 5m\n"
    "  [Task  3/12]  Current/Best:  101.22/ 126.70 GFLOPS | Progress: (96/768) | 11.90 s\n"
    "  ...\n"
    "  resnet18-3f2a90c1d4e5f607: done after 768 trials; predicted latency of these layers 11.2031 "
    "ms\n"
    "  $ tilewright compile resnet18.onnx -o resnet18.tar\n"
    "Ctrl-C keeps what was measured; the same command continues.\n"
    "On a farm: tilewright tune resnet18.onnx --server farm:9190 --key xeon\n";

struct Options {
  JobOptions job;
  std::string server, records;
  TlsOptions tls;
  bool no_wait = false;
  bool json = false;
  bool target_given = false;
};

// The first thing that went wrong with the processes of a local farm; ends the job because of it.
class Trouble {
 public:
  void Set(absl::Status status) {
    std::function<void()> react;
    {
      std::lock_guard lock(mutex_);
      if (!status_.ok()) return;
      status_ = std::move(status);
      react = react_;
    }
    if (react) react();
  }
  // `react` is called once, now if there is trouble already. Null: never again.
  void OnTrouble(std::function<void()> react) {
    {
      std::lock_guard lock(mutex_);
      react_ = react;
      if (status_.ok()) return;
    }
    if (react) react();
  }
  absl::Status Get() const {
    std::lock_guard lock(mutex_);
    return status_;
  }

 private:
  mutable std::mutex mutex_;
  absl::Status status_;
  std::function<void()> react_;
};

// Cancels the job at the first Ctrl-C, ends this process (and with it its children) at the second.
class CancelOnSignal {
 public:
  CancelOnSignal(FarmClient& client, std::string job)
      : client_(client), job_(std::move(job)), watch_([this] { OnSignal(); }) {}

 private:
  void OnSignal() {
    if (signals_++ > 0) _exit(static_cast<int>(ExitCode::kFailed));
    std::cerr << "\ncancelling; again to leave at once\n";
    const absl::Status status = client_.Cancel(job_).status();
    if (!status.ok()) std::cerr << "cannot cancel it: " << status.message() << "\n";
  }

  FarmClient& client_;
  const std::string job_;
  std::atomic<int> signals_{0};
  SignalWatch watch_;
};

// Until there is a job to be cancelled, a signal simply ends this process, and its children with
// it.
class LeaveOnSignal {
 public:
  LeaveOnSignal()
      : watch_([] {
          std::cerr << "\ninterrupted\n";
          _exit(static_cast<int>(ExitCode::kFailed));
        }) {}

 private:
  SignalWatch watch_;
};

// The job from the call that made it to its end.
absl::Status FollowJob(FarmClient& client, const v1::JobSpec& spec, const std::string& job,
                       bool json) {
  JobProgress progress(spec.trials());
  absl::StatusOr<v1::JobEvent> last;
  {
    const CancelOnSignal cancel(client, job);
    last = client.Watch(job, [&](const v1::JobEvent& event) { progress.Show(event); });
  }
  TW_RETURN_IF_ERROR(last.status());
  return PrintJobEnd(job, *last, json);
}

absl::Status TuneHere(Options options) {
  if (options.job.key.empty()) options.job.key = "local";
  std::optional<LeaveOnSignal> leave(std::in_place);
  // Said here, rather than by the server's process; closed again for it.
  TW_RETURN_IF_ERROR(OpenRecordsToWrite(options.records).status());
  TW_ASSIGN_OR_RETURN(const v1::JobSpec spec, MakeJob(options.job));
  Trouble trouble;
  TW_ASSIGN_OR_RETURN(const auto farm, LocalFarm::Start(RecordsPath(options.records),
                                                        options.job.key, [&](absl::Status status) {
                                                          trouble.Set(std::move(status));
                                                        }));
  FarmClient client({farm->address(), nullptr}, /*patience_seconds=*/0);
  TW_ASSIGN_OR_RETURN(const v1::SubmitJobReply submitted, client.Submit(spec));
  trouble.OnTrouble([&] { client.Cancel(submitted.job()).IgnoreError(); });
  leave.reset();
  const absl::Status result = FollowJob(client, spec, submitted.job(), options.json);
  trouble.OnTrouble(nullptr);
  return trouble.Get().ok() ? result : trouble.Get();
}

absl::Status TuneOnFarm(Options options) {
  if (options.job.key.empty()) return UsageError("--server needs --key");
  std::optional<LeaveOnSignal> leave(std::in_place);
  TW_ASSIGN_OR_RETURN(const Endpoint server, EndpointOf(options.server, options.tls));
  FarmClient client(server);
  if (!options.target_given) {
    TW_ASSIGN_OR_RETURN(options.job.model.target,
                        TargetOfKey(client, options.job.key, options.no_wait));
  }
  TW_ASSIGN_OR_RETURN(const v1::JobSpec spec, MakeJob(options.job));
  TW_ASSIGN_OR_RETURN(const v1::SubmitJobReply submitted,
                      client.Submit(spec, {.priority = options.job.priority}));
  if (!submitted.has_worker()) {
    TW_RETURN_IF_ERROR(SayNoWorker(client, spec.key(), submitted.job(), options.no_wait));
  }
  leave.reset();
  return FollowJob(client, spec, submitted.job(), options.json);
}

absl::Status Tune(const Options& options) {
  if (options.job.tasks == "list") return ListTasks(options.job);
  BlockSignals();
  return options.server.empty() ? TuneHere(options) : TuneOnFarm(options);
}

}  // namespace

void verb_tune(CLI::App& parent) {
  const auto options = std::make_shared<Options>();
  CLI::App* verb = AddVerb(parent, {"tune", "finds fast schedules for a model", kExample},
                           [options] { return Tune(*options); });
  AddJobOptions(verb, &options->job);
  verb->add_option("--key", options->job.key, "device key (default here: local)");
  verb->add_option("--server", options->server, "HOST:PORT of a farm; without it: this machine");
  AddTlsOptions(verb, &options->tls);
  verb->add_option("--records", options->records,
                   "records file when tuning here (default: $TILEWRIGHT_RECORDS or the user's "
                   "data folder)");
  verb->add_flag("--no-wait", options->no_wait, "fail when no worker offers the key");
  verb->add_flag("--json", options->json, "print the result as JSON");
  verb->get_option("--target")->each([options](const std::string&) {
    options->target_given = true;
  });
}

}  // namespace tilewright
