#include "tuner/server/jobs/farm.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/utf8.h"
#include "proto/simulated_key.h"

namespace tilewright {
namespace {

constexpr double kTickSeconds = 0.5;

std::string RunId(uint64_t epoch, uint64_t attempt) {
  return absl::StrCat(absl::Hex(epoch, absl::kZeroPad16), "-", attempt);
}

// A worker's words, as a record's reason keeps them.
std::string OneLine(std::string text) {
  const auto control = [](unsigned char c) { return c < ' ' || c == 0x7f; };
  std::replace_if(text.begin(), text.end(), control, ' ');
  return IsUtf8(text) ? text : "its worker's test failed";
}

std::string ClassOf(const FinishedTrial& trial) {
  if (IsSimulatedKey(trial.request.device_key)) return kSimulatedClass;
  return trial.late ? "late" : "ok";
}

}  // namespace

Farm::Farm(const FarmOptions& options, const FarmWorld& world)
    : epoch_(options.epoch),
      store_(world.store),
      clock_(world.clock),
      log_(world.log),
      recorder_(
          std::make_unique<Recorder>(world.store, clock_, world.activities, options.on_commit)),
      dispatcher_(clock_, options.dispatcher, options.new_session,
                  [this](FinishedTrial trial, Dispatcher::Then then) {
                    recorder_->Store(RecordOf(std::move(trial)), std::move(then));
                  }),
      jobs_({dispatcher_, *recorder_, world.store, clock_, log_, world.activities,
             options.on_job_end}),
      ticker_(world.activities.Make([this]() -> std::optional<double> {
        if (suspended_) return std::nullopt;
        dispatcher_.Tick();
        return kTickSeconds;
      })) {
  ticker_->Wake();
}

Farm::~Farm() {
  Suspend();
  recorder_.reset();  // while the dispatcher, which it calls back, is there
}

void Farm::Suspend() {
  suspended_ = true;
  ticker_->Wake();
  ticker_->Join();
  dispatcher_.Drain();
  jobs_.SuspendAll();
}

void Farm::ReportFault(const FaultReport& fault, uint64_t epoch,
                       const std::function<absl::Status(const Record&)>& may,
                       const Dispatcher::Reported& reported) {
  absl::StatusOr<ReportResult> result = ReportResult::kDiscarded;
  if (epoch == epoch_) result = dispatcher_.ReportFault(fault);
  const bool ends = !result.ok() || *result == ReportResult::kRequeued;
  if (ends || !fault.withdraws) return reported(result);
  std::optional<Record> record;
  const RecordFilter filter{.run_id = RunId(epoch, fault.attempt)};
  const absl::Status read = store_.ForEach(filter, [&](const Record& found) {
    record = found;
    return false;
  });
  if (!read.ok()) return reported(absl::UnavailableError(read.message()));
  if (!record) return reported(ReportResult::kDiscarded);
  if (const absl::Status allowed = may(*record); !allowed.ok()) return reported(allowed);
  Withdraw(*record, fault.reason, reported);
}

void Farm::Withdraw(const Record& record, const std::string& reason,
                    const Dispatcher::Reported& reported) {
  Revocation revocation{.run_id = record.run_id,
                        .reason = absl::StrCat("suspect: ", OneLine(reason)),
                        .unix_time = clock_.UnixTime(),
                        .by = record.worker};
  recorder_->Revoke(revocation, [=, this, job = record.job](const absl::Status& status) {
    if (!status.ok()) return reported(absl::UnavailableError(status.message()));
    log_.Warn("suspect record revoked", {{"record", revocation.run_id},
                                         {"worker", revocation.by},
                                         {"job", job},
                                         {"reason", revocation.reason}});
    jobs_.NoteRevoked(job);
    reported(ReportResult::kRecorded);
  });
}

Record Farm::RecordOf(FinishedTrial trial) const {
  return {.task = *trial.request.task,
          .config = std::move(trial.request.config),
          .index = trial.request.index,
          .outcome = std::move(trial.measured.outcome),
          .device_key = trial.request.device_key,
          .device = trial.worker.device,
          .worker = trial.worker.name,
          .builder = trial.measured.builder,
          .job = trial.request.job,
          .trial = trial.request.number,
          .seed = trial.request.options.seed,
          .threads = static_cast<int>(trial.request.options.threads),
          .build_seconds = trial.measured.build_seconds,
          .run_seconds = trial.measured.run_seconds,
          .unix_time = clock_.UnixTime(),
          .software = "tilewright " TILEWRIGHT_VERSION,
          .record_class = ClassOf(trial),
          .run_id = RunId(epoch_, trial.attempt)};
}

}  // namespace tilewright
