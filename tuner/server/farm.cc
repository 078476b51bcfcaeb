#include "tuner/server/farm.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "proto/simulated_key.h"

namespace tilewright {
namespace {

constexpr double kTickSeconds = 0.5;

std::string ClassOf(const FinishedTrial& trial) {
  if (IsSimulatedKey(trial.request.device_key)) return kSimulatedClass;
  return trial.late ? "late" : "ok";
}

}  // namespace

Farm::Farm(const FarmOptions& options, RecordStore& store, const Clock& clock, Log& log,
           Activities& activities)
    : epoch_(options.epoch),
      clock_(clock),
      recorder_(std::make_unique<Recorder>(store, clock, activities, options.on_commit)),
      dispatcher_(clock, options.dispatcher, options.new_session,
                  [this](FinishedTrial trial, Dispatcher::Then then) {
                    recorder_->Store(RecordOf(std::move(trial)), std::move(then));
                  }),
      jobs_({dispatcher_, *recorder_, store, clock, log, activities, options.on_job_end}),
      ticker_(activities.Make([this]() -> std::optional<double> {
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
          .run_id = absl::StrCat(absl::Hex(epoch_, absl::kZeroPad16), "-", trial.attempt)};
}

}  // namespace tilewright
