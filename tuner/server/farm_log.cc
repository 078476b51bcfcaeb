#include "tuner/server/farm_log.h"

namespace tilewright {
namespace {

LogFields FieldsOf(const AttemptView& view) {
  return {{"job", view.request.job},
          {"trial", view.request.number},
          {"attempt", view.attempt},
          {"worker", view.worker.name},
          {"key", view.worker.device_key}};
}

LogFields With(LogFields fields, LogField last) {
  fields.push_back(std::move(last));
  return fields;
}

const char* NameOf(WorkerHealth health) {
  switch (health) {
    case WorkerHealth::kGood: return "good";
    case WorkerHealth::kUnknown: return "unknown";
    case WorkerHealth::kBad: return "bad";
    case WorkerHealth::kMaintenance: return "maintenance";
    case WorkerHealth::kRetired: return "retired";
  }
  return "unknown";
}

}  // namespace

void FarmLog::OnLost(const AttemptView& attempt) { log_.Warn("lease lost", FieldsOf(attempt)); }

void FarmLog::OnFault(const AttemptView& attempt, const std::string& reason, bool quarantined) {
  log_.Warn(quarantined ? "worker fault, quarantined" : "worker fault",
            With(FieldsOf(attempt), {"reason", reason}));
}

void FarmLog::OnConflict(const AttemptView& attempt) {
  log_.Error("two different results of one attempt; the first stays", FieldsOf(attempt));
}

void FarmLog::OnSessionOpened(const WorkerInfo& worker) {
  log_.Info("worker serves", {{"worker", worker.name},
                              {"key", worker.device_key},
                              {"role", NameOf(worker.role)},
                              {"slots", uint64_t{worker.slots}},
                              {"device", worker.device},
                              {"target", worker.target}});
}

void FarmLog::OnSessionEnded(const WorkerInfo& worker, bool lost) {
  const LogFields fields = {{"worker", worker.name}, {"key", worker.device_key}};
  lost ? log_.Warn("worker is gone without a word, or opened another session", fields)
       : log_.Info("worker left", fields);
}

void FarmLog::OnHealth(const std::string& worker, WorkerHealth health, const std::string& reason) {
  log_.Info("worker's health set",
            {{"worker", worker}, {"health", NameOf(health)}, {"reason", reason}});
}

}  // namespace tilewright
