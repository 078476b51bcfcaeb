// tilewright tune: finds fast schedules for a model, here or on a farm.
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <iostream>
#include <memory>
#include <mutex>
#include <optional>

#include "absl/strings/str_cat.h"
#include "base/clock.h"
#include "base/status_macros.h"
#include "cli/arguments.h"
#include "cli/endpoints/farm_client.h"
#include "cli/endpoints/open_records.h"
#include "cli/endpoints/records_source.h"
#include "cli/endpoints/server_option.h"
#include "cli/exit_code.h"
#include "cli/tuning/job_options.h"
#include "cli/tuning/job_progress.h"
#include "cli/tuning/local_farm.h"
#include "cli/tuning/signals.h"
#include "cli/tuning/submit_job.h"
#include "cli/tuning/time_networks.h"
#include "cli/tuning/tune_device.h"
#include "cli/tuning/tuning_report.h"
#include "cli/verb.h"
#include "proto/network.h"
#include "tuner/loop/in_network.h"

namespace tilewright {
namespace {

constexpr char kExample[] =
    "  $ tilewright tune resnet18.onnx --time 5m\n"
    "  [Task  3/12]  Current/Best:  101.22/ 126.70 GFLOPS | Progress: (96/768) | 11.90 s\n"
    "  ...\n"
    "  layers  trials  failed  default ms  tuned ms  gain  % of time  % of limit  schedule ...\n"
    "       4     210       3      6.1002    3.9120  1.56       29.0         112  "
    "conv2d_winograd.cpu ...\n"
    "  ...\n"
    "  the network: 17.3110 ms by default, 13.4810 ms tuned: 1.28 times as fast ...\n"
    "  resnet18-3f2a90c1d4e5f607: done after 768 trials\n"
    "  $ tilewright compile resnet18.onnx -o resnet18.tar\n"
    "Ctrl-C keeps what was measured; the same command continues.\n"
    "For a GPU of this machine: tilewright tune resnet18.onnx --target cuda\n"
    "On a farm: tilewright tune resnet18.onnx --server farm:9190 --key xeon\n";

struct Options {
  JobOptions job;
  std::string server, records, device;
  TlsOptions tls;
  bool json = false;
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

// The job from the call that made it to its last event.
absl::StatusOr<v1::JobEvent> FollowJob(FarmClient& client, const v1::JobSpec& spec,
                                       const std::string& job) {
  JobProgress progress(spec.trials());
  const CancelOnSignal cancel(client, job);
  return client.Watch(job, [&](const v1::JobEvent& event) { progress.Show(event); });
}

// The farm from its start to its end, which is also the end of the job.
struct Followed {
  std::string job;
  v1::JobEvent last;
};
absl::StatusOr<Followed> TuneKernels(const Options& options, const TuneDevice& device,
                                     const v1::JobSpec& spec, std::optional<LeaveOnSignal>& leave) {
  Trouble trouble;
  TW_ASSIGN_OR_RETURN(
      const auto farm,
      LocalFarm::Start({.records = RecordsPath(options.records),
                        .key = options.job.key,
                        .threads = static_cast<int>(options.job.threads),
                        .device = device.option},
                       [&](absl::Status status) { trouble.Set(std::move(status)); }));
  FarmClient client({farm->address(), nullptr}, /*patience_seconds=*/0);
  TW_ASSIGN_OR_RETURN(const v1::SubmitJobReply submitted, client.Submit(spec));
  trouble.OnTrouble([&] { client.Cancel(submitted.job()).IgnoreError(); });
  leave.reset();
  absl::StatusOr<v1::JobEvent> last = FollowJob(client, spec, submitted.job());
  trouble.OnTrouble(nullptr);
  TW_RETURN_IF_ERROR(trouble.Get());
  TW_RETURN_IF_ERROR(last.status());
  last->clear_network();  // it is timed here
  return Followed{submitted.job(), *std::move(last)};
}

absl::Status TuneHere(Options options) {
  const double start = SystemClock().Now();
  if (options.job.key.empty()) options.job.key = "local";
  TW_ASSIGN_OR_RETURN(const Target target, TargetOf(options.job.model));
  TW_ASSIGN_OR_RETURN(
      const TuneDevice device,
      DeviceToTuneOn(target, options.device, static_cast<int>(options.job.threads)));
  std::optional<LeaveOnSignal> leave(std::in_place);
  // Said here, rather than by the server's process; closed again for it.
  TW_RETURN_IF_ERROR(OpenRecordsToWrite(options.records).status());
  TW_ASSIGN_OR_RETURN(v1::JobSpec spec, MakeJob(options.job));
  const double budget = spec.time_seconds();
  // Of a given time always the same part, so that the same command is the same job.
  spec.set_time_seconds(budget - SecondsForNetworks(budget));
  TW_ASSIGN_OR_RETURN(const Followed followed, TuneKernels(options, device, spec, leave));
  TW_ASSIGN_OR_RETURN(const auto store, OpenRecordsToWrite(options.records));
  const double deadline = budget > 0 ? start + budget : SystemClock().Now() + kMostNetworkSeconds;
  const MeasuredNetworks measured =
      TimeNetworks({.phase = {.model = options.job.model,
                              .spec = spec,
                              .job = followed.job,
                              .device = device.name,
                              .store = *store,
                              .deadline = deadline,
                              .threads = static_cast<int>(options.job.threads)},
                    .device = device.option,
                    .decide = followed.last.state() == v1::DONE});
  const LookUpFunction look_up = [&](const ModelLookup& wanted) {
    return LookUpModel(*store, wanted);
  };
  TW_ASSIGN_OR_RETURN(const TuningReport report,
                      MakeTuningReport({.spec = spec,
                                        .last = followed.last,
                                        .look_up = look_up,
                                        .exact = options.job.model.exact,
                                        .in_network = measured.in_network,
                                        .limits = measured.limits}));
  return PrintTuningEnd(followed.job, followed.last, report, options.json);
}

// What the farm's last phase said; nullopt with the reason on stderr, as far as there is one.
std::optional<InNetwork> FarmsInNetwork(const v1::JobEvent& last) {
  const v1::NetworkResult result = ReadNetworkResult(last.network());
  if (!result.left_out().empty()) SayUndecided(result.left_out());
  if (result.rounds() == 0) return std::nullopt;
  InNetwork in_network{.whole = {result.default_seconds(), result.tuned_seconds()},
                       .rounds = result.rounds()};
  for (const v1::NetworkGain& layer : result.layers()) {
    in_network.layers[layer.workload()] = {layer.default_seconds(), layer.tuned_seconds()};
  }
  return in_network;
}

absl::StatusOr<TuningReport> FarmReport(const Options& options, const v1::JobSpec& spec,
                                        const v1::JobEvent& last) {
  TW_ASSIGN_OR_RETURN(const RecordsSource records,
                      RecordsSource::Open({"farm:" + options.server, options.tls}));
  const LookUpFunction look_up = [&](const ModelLookup& wanted) { return records.LookUp(wanted); };
  return MakeTuningReport({.spec = spec,
                           .last = last,
                           .look_up = look_up,
                           .exact = options.job.model.exact,
                           .in_network = FarmsInNetwork(last)});
}

absl::Status PrintFarmEnd(const Options& options, const v1::JobSpec& spec, const Followed& f) {
  const absl::StatusOr<TuningReport> report = FarmReport(options, spec, f.last);
  if (report.ok()) return PrintTuningEnd(f.job, f.last, *report, options.json);
  std::cerr << "no table of gains: " << report.status().message() << "\n";
  return PrintJobEnd(f.job, f.last, options.json);
}

absl::Status TuneOnFarm(const Options& options) {
  if (options.job.key.empty()) return UsageError("--server needs --key");
  if (!options.device.empty()) return UsageError("--device is for tuning here; leave it out");
  std::optional<LeaveOnSignal> leave(std::in_place);
  TW_ASSIGN_OR_RETURN(const Endpoint server, EndpointOf(options.server, options.tls));
  FarmClient client(server);
  TW_ASSIGN_OR_RETURN(const SubmittedJob submitted, SubmitJob(client, options.job));
  leave.reset();
  TW_ASSIGN_OR_RETURN(v1::JobEvent last, FollowJob(client, submitted.spec, submitted.job));
  return PrintFarmEnd(options, submitted.spec, {submitted.job, std::move(last)});
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
  verb->add_option("--key", options->job.key, "device key (default here: local)")->check(OneLine());
  verb->add_option(
      "--device", options->device,
      "when tuning here: cuda:N, opencl:N, ... (default: the first of --target's kind)");
  verb->add_option("--server", options->server,
                   "HOST:PORT of a farm; without it: this machine. The farm gets the model without "
                   "its weights, to time it whole on a worker of --role both");
  AddTlsOptions(verb, &options->tls);
  verb->add_option("--records", options->records,
                   "records file or postgresql://USER@HOST/DATABASE when tuning here (default: "
                   "$TILEWRIGHT_RECORDS or the user's data folder)");
  verb->add_flag("--json", options->json, "print the result as JSON");
}

}  // namespace tilewright
